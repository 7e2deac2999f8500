"""Find the programs that this one runs."""

import os


def find_program(name: str) -> str | None:
    """The path of a program in one of PATH's absolute folders, or None.

    A relative or empty entry depends on the current folder, which may be a repository that brings
    its own `git`.
    """
    import shutil

    folders = [folder for folder in os.get_exec_path() if os.path.isabs(folder)]  # noqa: PTH117
    return shutil.which(name, path=os.pathsep.join(folders)) if folders else None

"""Where the programs are that this one runs."""

import os


def find_program(name: str) -> str | None:
    """The path of a program in one of PATH's folders that have a root; None where none has it.

    A folder without one, or an empty name of a folder, is wherever the user is at work: it may be
    a repository that brings a `git` of its own.
    """
    import shutil

    folders = [folder for folder in os.get_exec_path() if os.path.isabs(folder)]  # noqa: PTH117
    return shutil.which(name, path=os.pathsep.join(folders)) if folders else None

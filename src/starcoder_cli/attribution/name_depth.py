"""How many folders the files of a project may be in.

Every folder of a file is looked at for that file, and a repository of a few kilobytes can have
thousands of files in thousands of folders each.
"""

from collections.abc import Callable, Iterable

from starcoder_cli.system.counting import counted

MAX_NAME_FOLDERS = 100
MAX_DEEP_FOLDERS = 100_000
"""How many folders all files of a project may have beyond that, together."""


def without_deep(names: Iterable[str], note: Callable[[str], None]) -> list[str]:
    """The names without those that would make too many deep folders together."""
    kept, left_out, deep_folders = list[str](), 0, 0
    for name in names:
        deep = max(name.count("/") - MAX_NAME_FOLDERS, 0)
        if deep_folders + deep > MAX_DEEP_FOLDERS:
            left_out += 1
            continue
        deep_folders += deep
        kept.append(name)
    if left_out:
        note(f"left out: {counted(left_out, 'file')} in more than {MAX_NAME_FOLDERS} folders")
    return kept

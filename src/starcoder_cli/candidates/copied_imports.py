"""Runs before a test in a copy of a tree, so that Python imports the tree's modules from the copy.

An editable installation leads to the user's own files: by a path in a `.pth` file, or by a finder
with a table of its own. This file is copied, and runs on any Python 3; it needs nothing of ours.
"""

import os
import sys
from pathlib import Path


def relocate_imports(root: str, copy: str) -> None:
    """Import what is in `root`, and in `copy` as well, from the copy."""

    def relocate(value: object) -> object:
        if isinstance(value, list):
            return [relocate(each) for each in value]
        if not isinstance(value, str) or not Path(value).is_absolute():
            return value
        path = Path(os.path.realpath(value))
        if Path(root) not in (path, *path.parents):
            return value
        moved = Path(copy) / path.relative_to(root)
        return str(moved) if moved.exists() else value

    sys.path[:] = [str(relocate(path)) for path in sys.path]
    for finder in sys.meta_path:
        module = sys.modules.get(getattr(finder, "__module__", ""))
        for holder in (finder, type(finder), module):
            for table in list(getattr(holder, "__dict__", {}).values()):
                for name, value in list(table.items()) if type(table) is dict else ():
                    if (moved := relocate(value)) != value:
                        table[name] = moved


def run_next_customization(folder: str) -> None:
    """Run the `sitecustomize` that the one in this folder hides, if there is one."""
    sys.path[:] = [path for path in sys.path if path != folder]
    own = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ImportError:
        pass
    finally:
        if own is not None:
            sys.modules.setdefault("sitecustomize", own)

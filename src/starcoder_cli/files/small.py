"""Small files of the program's own, which are replaced whole and never seen half-written."""

import os
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Put a text in the place of a file, in a folder that is made where it is missing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

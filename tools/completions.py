"""Write the completion scripts for bash, zsh, fish and PowerShell from the app itself.

`make goldens` runs it, and so does `python tools/completions.py [FOLDER]`; the default folder is
`completions/`. Run it after changing a command, an option, the catalog or the languages: a test
compares the scripts with what is written here.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from shells import bash, fish, powershell, zsh
from shells.description import Program, program

FOLDER = Path(__file__).parent.parent / "completions"
SCRIPTS: Mapping[str, Callable[[Program], str]] = {
    "starcoder.bash": bash.script,
    "_starcoder": zsh.script,
    "starcoder.fish": fish.script,
    "starcoder.ps1": powershell.script,
}


def write(folder: Path) -> None:
    """Write every script into a folder."""
    described = program()
    for name, script in SCRIPTS.items():
        (folder / name).write_text(script(described), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)

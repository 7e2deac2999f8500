"""`starcoder completion`: print a shell's completion script, or install it."""

from typing import Annotated

import typer

from starcoder_cli.app.completion import ShellName
from starcoder_cli.terminal.output import write_bytes, write_message
from starcoder_cli.terminal.sanitize import to_one_line

ShellArgument = Annotated[
    ShellName | None,
    typer.Argument(
        metavar="SHELL",
        help="bash, zsh, fish or powershell.",
        show_default="the one that $SHELL names",
    ),
]
Install = Annotated[
    bool,
    typer.Option("--install", help="Write the script to where the shell looks, and say where."),
]


def completion(shell: ShellArgument = None, install: Install = False) -> None:
    """Print the script that lets a shell complete starcoder's commands and options with Tab.

    With --install it is written to the shell's own folder for user scripts; only a file written
    by starcoder is replaced.
    """
    from starcoder_cli.app.completion import (
        install_script,
        missing_setup,
        read_script,
        user_shell,
    )

    chosen = shell or user_shell()
    if not install:
        write_bytes(read_script(chosen))
        return
    path = install_script(chosen)
    write_message(to_one_line(f"wrote {path}; a new {chosen} loads it"))
    if missing := missing_setup(chosen, path):
        write_message(to_one_line(f"note: {missing}"))

"""A command outside of any sandbox, of which nothing is left in the end."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starcoder_cli.sandbox.isolation import python_path
from starcoder_cli.sandbox.process import build_loader
from starcoder_cli.system.processes import kill_and_wait, terminate_and_wait

if TYPE_CHECKING:
    from subprocess import Popen

HAS_SUPERVISOR = sys.platform == "linux"
EXIT_WAIT_SECONDS = 5.0


def supervised_command(words: Sequence[str]) -> list[str]:
    """The words of a command under a supervisor, on Linux.

    Elsewhere they are the command itself: of what it has started only its group can be ended.
    """
    if not HAS_SUPERVISOR:
        return [*words]
    loader = build_loader("kernel", "supervisor")
    return [python_path(), "-I", "-S", "-c", loader, str(os.getpid()), *words]


def end_supervised(process: "Popen[bytes]") -> None:
    """End a command that was started so, and return when all that it has started is gone."""
    if HAS_SUPERVISOR:
        terminate_and_wait(process, EXIT_WAIT_SECONDS)
    kill_and_wait(process)

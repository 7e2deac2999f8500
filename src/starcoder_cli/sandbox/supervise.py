"""Runs a command outside any sandbox, but leaves nothing of it behind."""

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

    On other systems, they are the command itself: of what it started, only its group can be ended.
    """
    if not HAS_SUPERVISOR:
        return [*words]
    loader = build_loader("kernel", "supervisor")
    return [python_path(), "-I", "-S", "-c", loader, str(os.getpid()), *words]


def end_supervised(process: "Popen[bytes]") -> None:
    """End a command started this way, and return when everything it has started is gone."""
    if HAS_SUPERVISOR:
        terminate_and_wait(process, EXIT_WAIT_SECONDS)
    kill_and_wait(process)

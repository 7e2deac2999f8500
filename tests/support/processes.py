"""The command line as a process of its own: in a shell, with pipes, at a terminal."""

import os
import sys
from dataclasses import dataclass
from subprocess import PIPE, CompletedProcess, Popen, run

import pexpect
import pyte

COMMAND = (sys.executable, "-m", "starcoder_cli")
FUNCTION = 'starcoder() { "$PYTHON" -m starcoder_cli "$@"; }\n'


def shell(script: str, **environment: str) -> CompletedProcess[bytes]:
    """What a script for bash does in which `starcoder` is our command."""
    return run(
        ["bash", "-c", FUNCTION + script],
        env={**os.environ, "PYTHON": sys.executable, **environment},
        stdin=PIPE,
        capture_output=True,
        timeout=120,
    )


def start(*words: str) -> Popen[bytes]:
    """The command with pipes to all of its streams."""
    return Popen([*COMMAND, *words], stdin=PIPE, stdout=PIPE, stderr=PIPE)


@dataclass(frozen=True)
class Session:
    """What a terminal got from a command, what it showed in the end, and the exit code."""

    raw: bytes
    lines: tuple[str, ...]
    code: int | None


def terminal(*words: str, columns: int = 80, **environment: str) -> Session:
    """The command at a terminal of 24 lines; an empty variable is one that is not set."""
    variables = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment}
    del variables["COLUMNS"]
    child: pexpect.spawn[bytes] = pexpect.spawn(
        sys.executable,
        ["-m", "starcoder_cli", *words],
        env={name: value for name, value in variables.items() if value},
        dimensions=(24, columns),
        timeout=120,
    )
    child.expect(pexpect.EOF)
    raw = child.before
    child.close()
    assert isinstance(raw, bytes)
    return Session(raw, shown(raw, columns), child.exitstatus)


def shown(raw: bytes, columns: int) -> tuple[str, ...]:
    """The lines of a terminal's screen down to the last that is not empty."""
    screen = pyte.Screen(columns, 24)
    pyte.ByteStream(screen).feed(raw)
    lines = [line.rstrip() for line in screen.display]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)

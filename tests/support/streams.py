"""Standard input for commands that run in this process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

import pytest

from starcoder_cli.cli import main


@contextmanager
def standard_input(data: bytes) -> Iterator[None]:
    """These bytes as standard input, up to its end."""
    with TemporaryFile("w+b") as file:
        file.write(data)
        file.seek(0)
        before = sys.stdin
        with open(file.fileno(), encoding="utf-8", closefd=False) as sys.stdin:  # noqa: PTH123
            try:
                yield
            finally:
                sys.stdin = before


def run(capture: pytest.CaptureFixture[str], command: str, *words: str) -> tuple[int, str, str]:
    """A command on the model that writes its prompt back: exit code, standard output and error."""
    code = main([command, "--model", "echo", *words])
    captured = capture.readouterr()
    return code, captured.out, captured.err


def run_binary(
    capture: pytest.CaptureFixture[bytes], command: str, *words: str
) -> tuple[int, bytes, bytes]:
    """The same in bytes."""
    code = main([command, "--model", "echo", *words])
    captured = capture.readouterr()
    return code, captured.out, captured.err

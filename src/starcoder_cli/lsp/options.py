"""The language server's options, from its flags and the client's settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from starcoder_cli.app.request import Request
from starcoder_cli.errors import UsageError

MAX_SECONDS = 86_400


@dataclass(frozen=True)
class EditorOptions:
    """How to answer an editor.

    It waits `debounce` seconds before an automatic completion, and at most `timeout` for an answer.
    `instructions` are the edits offered for a selection. An automatic completion may end at a line
    after `writing_seconds`.
    """

    request: Request
    debounce: float = 0.1
    timeout: float | None = None
    instructions: tuple[str, ...] = ()
    writing_seconds: float = 3.0

    def __post_init__(self) -> None:
        """Raise UsageError for meaningless times."""
        for name, seconds in (("debounce", self.debounce), ("timeout", self.timeout)):
            if seconds is not None and not 0 <= seconds <= MAX_SECONDS:
                raise UsageError(f"{name} cannot be {seconds:g}", "give a number of seconds")


@dataclass(frozen=True)
class Configured:
    """The options from a client's settings, and what is wrong with invalid settings."""

    options: EditorOptions
    problems: tuple[str, ...] = ()


Configure: TypeAlias = Callable[[Mapping[str, object]], Configured]
"""Builds options from settings named like the flags; invalid ones are left out."""

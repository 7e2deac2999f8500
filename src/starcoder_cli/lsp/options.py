"""What the language server is told by its flags, and by the client's settings over them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from starcoder_cli.app.request import Request
from starcoder_cli.errors import UsageError

MAX_SECONDS = 86_400


@dataclass(frozen=True)
class EditorOptions:
    """How an editor's questions are asked.

    It waits so many seconds of `debounce` before a completion that nobody asked for, and at most
    `timeout` for an answer. `instructions` are the edits that are offered for a selection. An
    answer that nobody asked for may end at a line after `writing_seconds`.
    """

    request: Request
    debounce: float = 0.1
    timeout: float | None = None
    instructions: tuple[str, ...] = ()
    writing_seconds: float = 3.0

    def __post_init__(self) -> None:
        """Raise UsageError for times that have no meaning."""
        for name, seconds in (("debounce", self.debounce), ("timeout", self.timeout)):
            if seconds is not None and not 0 <= seconds <= MAX_SECONDS:
                raise UsageError(f"{name} cannot be {seconds:g}", "give a number of seconds")


@dataclass(frozen=True)
class Configured:
    """The options that a client's settings make, and what is wrong with those that do not."""

    options: EditorOptions
    problems: tuple[str, ...] = ()


Configure: TypeAlias = Callable[[Mapping[str, object]], Configured]
"""Makes options of settings, by the names of the flags; a wrong one is left out."""

"""Asks parsers about texts in a process of their own.

Where a text could mean two things, tree-sitter follows both, and repairs whatever does not fit: a
line of 50 kB takes some grammars 9 GB, and others minutes that nothing can interrupt.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from starcoder_cli.system import worker

Question = TypeVar("Question", bound=Callable[..., Any])

MAX_SECONDS = 2.0
MAX_MEMORY = 1 << 30
"""Code takes a hundred times its size at most."""

EDGE_CHARACTERS, MAX_COSTLY_EDGES, COSTLY_SECONDS = 1 << 10, 128, 60.0
COSTLY_EDGES: dict[str, float] = {}
"""The beginnings and ends of texts that took too much, and when they may be tried again."""

PARSER = worker.Worker(MAX_MEMORY, MAX_SECONDS)


def in_parser_process(otherwise: object) -> Callable[[Question], Question]:
    """Make a function whose first argument is a text run in the process of the parsers.

    It returns `otherwise` if that takes too long or too much memory. Then a text that begins or
    ends like it is not tried for a minute: clean-up asks about a file with many answers in it.
    """

    def decorate(question: Question) -> Question:
        @wraps(question)
        def ask(text: str, *arguments: object) -> object:
            if worker.is_worker:
                return question(text, *arguments)
            edges = text[:EDGE_CHARACTERS], text[-EDGE_CHARACTERS:]
            if any(COSTLY_EDGES.get(edge, 0.0) > time.monotonic() for edge in edges):
                return otherwise
            try:
                return PARSER.call(ask, text, *arguments)
            except (OSError, MemoryError, RecursionError):
                COSTLY_EDGES.update(dict.fromkeys(edges, time.monotonic() + COSTLY_SECONDS))
                for oldest in list(COSTLY_EDGES)[:-MAX_COSTLY_EDGES]:
                    del COSTLY_EDGES[oldest]
            return otherwise

        return cast("Question", ask)

    return decorate

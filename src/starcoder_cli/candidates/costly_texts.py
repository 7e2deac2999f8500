"""Texts that cost some parsers minutes or gigabytes.

Where a text could mean two things, tree-sitter follows both: with `a<` again and again, each may
begin generic arguments or compare, and a line of 50 kB takes 9 GB. Their scanners and their repair
of errors take time and memory with the square of a text too. They cannot be interrupted meanwhile,
so that such texts are recognised beforehand.
"""

import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language

COSTLY_GRAMMARS = frozenset(
    {"csharp", "go", "java", "kotlin", "scala", "swift", "tsx", "typescript"}
)
"""The names of the grammars that were seen to take so much."""

LOADED_GRAMMARS = set["Language"]()
"""Those of them that were loaded."""

MAX_OPEN_ANGLES = 200
"""Code has at most a few of them open at once, which takes no memory worth a mention."""

ANGLE_OR_END = re.compile(rb"[<>;{}]")

WINDOW_BYTES, MIN_RATIO = 2048, 25
"""Code is compressed to a third, and tables to a tenth of their size."""

MIN_REPETITIVE_WINDOWS = 2


def note_loaded(name: str, grammar: "Language") -> None:
    """Keep a grammar that was loaded if it is one of them."""
    if name in COSTLY_GRAMMARS:
        LOADED_GRAMMARS.add(grammar)


def is_too_costly(grammar: "Language", data: bytes) -> bool:
    """Whether a grammar is one of them, and a text one that may cost too much."""
    return grammar in LOADED_GRAMMARS and (has_deep_generics(data) or is_repetitive(data))


def has_deep_generics(data: bytes) -> bool:
    """Whether very many angle brackets are open at once; statements and blocks close them all."""
    if data.count(b"<") <= MAX_OPEN_ANGLES:
        return False
    depth = 0
    for match in ANGLE_OR_END.finditer(data):
        if match[0] == b"<":
            depth += 1
            if depth > MAX_OPEN_ANGLES:
                return True
        else:
            depth = max(depth - 1, 0) if match[0] == b">" else 0
    return False


def is_repetitive(data: bytes) -> bool:
    """Whether some kilobytes of a text repeat the same few characters."""
    starts = range(0, len(data) - WINDOW_BYTES + 1, WINDOW_BYTES)
    windows = (zlib.compress(data[start : start + WINDOW_BYTES], 1) for start in starts)
    count = sum(len(window) * MIN_RATIO < WINDOW_BYTES for window in windows)
    return count >= MIN_REPETITIVE_WINDOWS

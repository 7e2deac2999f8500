"""Texts whose angle brackets would fill a parser's memory.

In some grammars each `a<` may begin generic arguments or compare: a parser follows both, for all of
them at once, and a line of 50 kB takes it 9 GB before it says how far it is.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language

GRAMMARS_WITH_GENERICS = frozenset({"csharp", "java", "tsx", "typescript"})
"""The names of the grammars that do so."""

LOADED_GRAMMARS = set["Language"]()
"""Those of them that were loaded."""

MAX_OPEN_ANGLES = 200
"""Code has at most a few of them open at once, which takes no memory worth a mention."""

ANGLE_OR_END = re.compile(rb"[<>;{}]")


def note_loaded(name: str, grammar: "Language") -> None:
    """Keep a grammar that was loaded if it is one of them."""
    if name in GRAMMARS_WITH_GENERICS:
        LOADED_GRAMMARS.add(grammar)


def would_fill_memory(grammar: "Language", data: bytes) -> bool:
    """Whether a grammar follows so many angle brackets of a text that its memory overflows."""
    return grammar in LOADED_GRAMMARS and has_deep_generics(data)


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

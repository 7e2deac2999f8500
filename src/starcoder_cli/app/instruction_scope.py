"""How much code an instruction allows to disappear, judged by the words that people use."""

import re
import sys
from dataclasses import dataclass

FOR_LESS = re.compile(
    r"(?<![\w.])(?i:remov|delet|drop|rid\b|strip|trim|shorten|no longer|not need|gone\b"
    r"|empty (it|the|all|body|function)\b)[a-z]*(?![\w(])"
)
"""Matches a request for less than there is; `remove_item` is a name."""

FOR_OTHERS = re.compile(
    r"(?<![\w.])(?i:inlin|merg|consolidat|simplif|stub|skeleton|mov(e|ing)\b|extract|split|convert"
    r"|turn|rewrit|refactor|replac|instead|without|rename|use\b|make (it|this|them) an?\b|concise"
    r"|compact|reduc|trust)[a-z]*(?![\w(])"
)
"""Matches a request for something else in place of what there is."""

UNSPECIFIC = re.compile(
    r"\b(unus|unreach|dead\b|obsolete|deprecat|duplicat|redundan|legacy|stub|skeleton|inline|merg"
    r"|consolidat|extract|split|everything|all\b|both\b|only\b|others?\b|rest\b"
    r"|\w+(s|ing) (functions|methods|classes|tests|helpers|comments|getters|setters|imports))",
    re.IGNORECASE,
)
"""Matches a request that does not say which definitions go."""

ONE_THING = re.compile(
    r"\b(?i:method|function|class|test|property|field|route|rule|section|step|job|service|key|entry"
    r"|item|option|setting|variable|constant|helper|getter|setter|type|table|column|argument)\b"
)
"""Matches a request to remove one definition, whatever its name."""

STOP_WORDS = frozenset({"with", "from", "this", "that", "return", "class", "function", "import"})


@dataclass(frozen=True)
class InstructionScope:
    """What code may disappear: some of it, or whatever something else replaces.

    It `is_unspecific` if any number of definitions may go, whatever their names; otherwise up to
    `nameless_definitions` of them may.
    """

    takes_away: bool
    writes_anew: bool
    is_unspecific: bool
    nameless_definitions: int

    @classmethod
    def read(cls, instruction: str) -> "InstructionScope":
        """Read the scope of an instruction."""
        takes_away = FOR_LESS.search(instruction) is not None
        writes_anew = FOR_OTHERS.search(instruction) is not None
        changes_much = takes_away or writes_anew
        is_unspecific = changes_much and UNSPECIFIC.search(instruction) is not None
        takes_one = changes_much and (ONE_THING.search(instruction) or not takes_away)
        nameless = sys.maxsize if is_unspecific else int(bool(takes_one))
        return cls(takes_away, writes_anew, is_unspecific, nameless)

    @property
    def changes_much(self) -> bool:
        """Whether more is asked for than adding or changing a few lines."""
        return self.takes_away or self.writes_anew


def is_named(name: str, instruction: str) -> bool:
    """Whether an instruction mentions a name, or a distinctive part of it."""
    parts = re.findall(r"[A-Z]?[a-z]{3,}|[A-Z]{3,}|[A-Za-z]+", name)
    words = {part.lower() for part in parts if len(part) > 3} - STOP_WORDS
    return has_word(name, instruction) or any(
        re.search(rf"\b{re.escape(word)}", instruction, re.IGNORECASE) for word in words
    )


def has_word(word: str, text: str) -> bool:
    """Whether a text contains a word that is not part of another."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None

"""How much code an instruction allows to disappear, judged by the words that people use."""

import re
import sys
from dataclasses import dataclass

FOR_LESS = re.compile(
    r"(?<![\w.])(?i:remov|delet|drop|rid\b|strip|trim|shorten|no longer|not need|gone\b|keep only\b"
    r"|empty (it|the|all|body|function)\b)[a-z]*(?![\w(])"
)
"""Matches a request for less than there is; `remove_item` is a name."""

FOR_OTHERS = re.compile(
    r"(?<![\w.])(?i:inlin|merg|consolidat|simplif|stub|skeleton|mov(e|ing)\b|extract|split|convert"
    r"|turn|rewrit|refactor|replac|instead|without|rename|use\b|make (it|this|them) an?\b|concise"
    r"|compact|reduc|trust)[a-z]*(?![\w(])"
)
"""Matches a request for something else in place of what there is."""

FOR_FEWER = re.compile(r"\b(?:stub|skeleton|inline|merg|consolidat|extract|split)", re.IGNORECASE)
"""Matches a request for fewer lines, because others do the same."""

TAKEN = re.compile(
    r"(?<![\w.])(?i:(?P<joins>inlin|merg|consolidat|extract|split|mov(?:e|ing)\b)"
    r"|(?P<keeps>keep only\b)|remov|delet|drop|rid of\b|strip|trim|no longer need|not need)[a-z]*"
    r"(?![\w(])(?P<thing>[^.;:!?\n]*)"
)
"""Matches a verb that takes something away or puts it elsewhere, and what."""

LEFT_OUT = re.compile(
    r"(?P<thing>[^.;:!?\n]{1,200}?)\s(?i:(?:should|must|can|may|will|are|is|to|no longer)\s+"
    r"(?:(?:be|to)\s+){0,3}(?:remov|delet|dropp?|stripp|merg|inlin|consolidat|go(?:ne)?\b|need))"
)
"""Matches what something is to be done to, before the verb."""

PARTITIVE = re.compile(r"\b(all|any|both|most|rest) of(?: them| these| those)?\b", re.IGNORECASE)
PREPOSITION = re.compile(
    r"\b(?:about|after|as|at|because|before|between|but|by|during|except|for|from|if|in|inside"
    r"|instead|into|of|on|onto|out|outside|so|that|then|through|to|unless|until|when|where|which"
    r"|while|with|within|without)\b",
    re.IGNORECASE,
)
"""Matches a word after which it is about something else: `all comments in functions`."""

_UNSPECIFIC = (
    r"(?:unus\w+|unneeded|unreach\w+|dead|obsolete|deprecat\w+|duplicated?|redundant|legacy|all"
    r"|both|every|any|others?|rest|these|those|its|\w+ing)"
)
_DEFINITION = (
    r"(?:(?:function|method|test|field|route|rule|section|step|job|service|key|option|setting"
    r"|variable|constant|helper|getter|setter|accessor|constructor|type|interface|struct|table"
    r"|overload|definition|one)s?|class(?:es)?|propert(?:y|ies)|entr(?:y|ies)|code)\b"
)
_END = r"(?=\s*(?:$|,|\band\b|\bor\b))"
DEFINITION = re.compile(rf"\b{_DEFINITION}", re.IGNORECASE)
SEVERAL = re.compile(rf"[^,]*\b{_DEFINITION}(?<=(?<!s)s){_END}", re.IGNORECASE)
UNNAMED = re.compile(
    rf"(?:^|,|\band\b|\bor\b)\s*(?:the\s+)?(?:{_UNSPECIFIC}\s+(?:(?!comment|and\b|or\b)[\w'-]+\s+)"
    rf"{{0,4}}(?:[\w'-]+(?:,|,?\s+and|,?\s+or)\s+)*{_DEFINITION}{_END}|(?:everything|anything"
    rf"|(?:everything )?else|all|both|others|rest|what is \w+|(?:code )?duplication){_END})",
    re.IGNORECASE,
)
"""Matches definitions that something is said of, and not which."""

STOP_WORDS = frozenset({"with", "from", "this", "that", "return", "class", "function", "import"})


@dataclass(frozen=True)
class InstructionScope:
    """What code may disappear: some of it, or whatever something else replaces.

    Of the definitions that the instruction does not name, up to `nameless_definitions` may go. It
    `is_shortening` if many lines may.
    """

    takes_away: bool
    writes_anew: bool
    is_shortening: bool
    nameless_definitions: int

    @classmethod
    def read(cls, instruction: str) -> "InstructionScope":
        """Read the scope of an instruction."""
        takes_away = FOR_LESS.search(instruction) is not None
        writes_anew = FOR_OTHERS.search(instruction) is not None
        is_shortening = takes_away or FOR_FEWER.search(instruction) is not None
        return cls(takes_away, writes_anew, is_shortening, count_definitions(instruction))

    @property
    def changes_much(self) -> bool:
        """Whether more is asked for than adding or changing a few lines."""
        return self.takes_away or self.writes_anew

    @property
    def is_unspecific(self) -> bool:
        """Whether any number of definitions may go, whatever their names."""
        return self.nameless_definitions == sys.maxsize


def count_definitions(instruction: str) -> int:
    """How many definitions an instruction takes away at most, besides those that it names."""
    most = 0
    for pattern in (TAKEN, LEFT_OUT):
        for match in pattern.finditer(PARTITIVE.sub(r"\1", instruction)):
            thing = PREPOSITION.split(match["thing"].strip(), maxsplit=1)[0].strip()
            verb, has_one = match.groupdict(), DEFINITION.search(thing) is not None
            is_joined = verb.get("joins") and SEVERAL.match(thing)
            if UNNAMED.search(thing) or is_joined or (verb.get("keeps") and has_one):
                return sys.maxsize
            most = max(most, int(has_one))
    return most


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

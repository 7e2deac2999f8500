"""Code as the tokens that stay when it is formatted anew.

A token is a word, a sign, or a string as a whole. White space, comments, the kind of quotes and
what stands before them, round brackets, commas, semicolons and backslashes leave no trace, for
formatters add and remove them, and neither does the case of ASCII letters. Names and numbers stay.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from zlib import crc32

from starcoder_cli.languages import find, languages

PROSE = frozenset({"json", "markdown", "restructuredtext", "rmarkdown", "text", "toml"})
"""Languages that are no code: data, and text for people."""

_SPACING = rb" \t\r\n\f\v"
_UNSEEN = b" \t\r\n\f\v'\"`\\"
_WORD = rb"[a-z0-9_$\x80-\xff]++"
_SIGN = rb"[^a-z0-9_$\x80-\xff(),;'\"`\\" + _SPACING + rb"]"
_REST = rb"[), \t\r\n\f\v]++|[(;'\"`\\]"  # what may begin a comment or a string one by one
_PREFIX = rb"[rbfut]{1,2}(?=['\"])"  # of a string in Python


@dataclass(frozen=True)
class Lexicon:
    """What a language's comments and strings begin and end with; `lines` and `once` are patterns.

    A string in `once` ends with its line at the latest, one in `over` may go over many lines.
    """

    lines: tuple[str, ...] = ()
    blocks: tuple[tuple[str, str], ...] = ()
    once: str = "\"'"
    over: tuple[str, ...] = ()

    @property
    def inside(self) -> tuple[bytes, ...]:
        """What may end a comment or string that a piece of code begins inside of."""
        return tuple(end.encode() for end in (*(close for _, close in self.blocks), *self.over))


@dataclass(frozen=True)
class Tokens:
    """A hash for each token, and where it begins and ends, in bytes of the UTF-8 text."""

    hashes: Sequence[int]
    places: Sequence[tuple[int, int]]


_SLASHES, _STARS = r"//", (("/*", "*/"),)
_HASH = r"(?<![^\s])#"
_TRIPLE = ('"""', "'''")
_BY_COMMENT = {
    "#": Lexicon((_HASH,)),
    "//": Lexicon((_SLASHES,), _STARS),
    "--": Lexicon(("--",), (("{-", "-}"),), once='"'),
    ";": Lexicon((";",), (("#|", "|#"),), once='"'),
    "%": Lexicon(("%",), once='"'),
    "!": Lexicon(("!",)),
    "'": Lexicon(("'",), once='"'),
    "(*": Lexicon((), (("(*", "*)"),), once='"'),
    "<!--": Lexicon((), (("<!--", "-->"),), once=""),
    "/*": Lexicon((), _STARS),
    '"': Lexicon((), (('"', '"'),), once="'"),
    "REM": Lexicon((r"rem\b|::",), once='"'),
    "<%--": Lexicon((), (("<%--", "--%>"), ("<!--", "-->"))),
    "..": Lexicon(once=""),
}
_BY_NAME = {
    **dict.fromkeys(("go", "javascript", "typescript"), Lexicon((_SLASHES,), _STARS, over=("`",))),
    **dict.fromkeys(("python",), Lexicon(("#",), over=_TRIPLE)),
    **dict.fromkeys(("julia", "elixir", "nim"), Lexicon((_HASH,), over=_TRIPLE[:1])),
    **dict.fromkeys(("sql",), Lexicon(("--",), _STARS)),
    **dict.fromkeys(("rust",), Lexicon((_SLASHES,), _STARS, once='"')),
    **dict.fromkeys(("yacc",), Lexicon((_SLASHES,), _STARS)),
    "f-sharp": Lexicon((_SLASHES,), (("(*", "*)"),), once='"'),
    "lua": Lexicon(("--",), (("--[[", "]]"),)),
    "pascal": Lexicon((_SLASHES,), (("(*", "*)"), ("{", "}")), once="'"),
    "php": Lexicon((_SLASHES, _HASH), _STARS),
    "powershell": Lexicon((_HASH,), (("<#", "#>"),)),
    "terraform": Lexicon((_SLASHES, _HASH), _STARS),
    "tex": Lexicon(("%",), once=""),
}


def lexicon(language: str) -> Lexicon:
    """How a language's code is read; UsageError where there is no such language."""
    known = find(language)
    if known.name in _BY_NAME:
        return _BY_NAME[known.name]
    return _BY_COMMENT[known.comment.open] if known.comment else Lexicon(once="")


@cache
def lexicons() -> tuple[Lexicon, ...]:
    """Each way there is to read code, once."""
    return tuple(dict.fromkeys(lexicon(name) for name in languages() if name not in PROSE))


def tokens(data: bytes, read: Lexicon, start: int = 0) -> Tokens:
    """The tokens of some UTF-8 text, from a byte on. The time it takes grows with its length."""
    lower = data.lower()
    found = pattern(read).finditer(lower, start)
    places = [match.span(1) for match in found if match.lastindex]
    return Tokens([crc32(lower[at:end].translate(None, _UNSEEN)) for at, end in places], places)


def readings(data: bytes, read: Lexicon) -> Iterator[Tokens]:
    """The tokens of a piece of code, also as if it began inside of a string or a comment."""
    starts = {0}
    for end in read.inside:
        at = data.find(end)
        if at >= 0:
            starts.add(at + len(end))
    for start in sorted(starts):
        yield tokens(data, read, start)


@cache
def pattern(read: Lexicon) -> re.Pattern[bytes]:
    """Matches the next comment, token or spacing in lower case; a token is its group.

    One match begins where the one before ended, nothing goes back once it has matched, and what is
    not closed ends with the line or the text: the time grows with the text's length.
    """
    comments = [rf"(?:{line})[^\n]*+" for line in read.lines]
    comments += [rf"{re.escape(each)}(?s:.*?)(?:{re.escape(end)}|\Z)" for each, end in read.blocks]
    strings = [rf"{mark}(?s:\\.|(?!{mark}).)*+(?:{mark}|\Z)" for mark in read.over]
    strings += [rf"{mark}[^{mark}\\\n]*+(?s:\\.[^{mark}\\\n]*+)*+{mark}?" for mark in read.once]
    skipped = [each.encode() for each in comments]
    if read.over == _TRIPLE:
        skipped.append(_PREFIX)
    token = b"|".join([*(each.encode() for each in strings), _WORD, _SIGN])
    return re.compile(b"|".join([*skipped, b"(" + token + b")", _REST]))

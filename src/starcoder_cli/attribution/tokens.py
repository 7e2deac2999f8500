"""Tokenize code so that the tokens survive reformatting.

A token is a word, a symbol, or a whole string or regular expression. White space, comments, quote
characters and string prefixes, round brackets, commas, semicolons and backslashes are dropped, as
formatters add and remove them, and so is the case of ASCII letters. Names and numbers stay.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from zlib import crc32

from starcoder_cli.languages import find_language, languages_by_name

NON_CODE_LANGUAGES = frozenset(
    {"json", "markdown", "restructuredtext", "rmarkdown", "text", "toml"}
)
"""Languages that are not code: data, and text for people."""

_SPACING = rb" \t\r\n\f\v"
_IGNORED_BYTES = b" \t\r\n\f\v'\"`\\"
_WORD = rb"[a-z0-9_$\x80-\xff]++"
_PUNCTUATION = rb"[^a-z0-9_$\x80-\xff(),;'\"`\\" + _SPACING + rb"]"
_SKIPPED = rb"[), \t\r\n\f\v]++|[(;'\"`\\]"  # what may start a comment or string, one by one
_STRING_PREFIX = rb"[rbfut]{1,2}(?=['\"])"  # of a string in Python
_WORDS_BEFORE_REGEX = "await case else return throw typeof void yield"
_BEFORE_REGEX = "|".join(
    [r"\A", r"(?<=[=(:\[&|?{;~])", r"(?<==>)", r"(?<=[^+]\+)", r"(?<=[^a-z0-9_$\x80-\xff)\]]!)"]
    + [rf"(?<={word})(?<![a-z0-9_$\x80-\xff.]{word})" for word in _WORDS_BEFORE_REGEX.split()]
    + [r"(?:[) \t\r\n\f\v]*+,)++"]
).encode()
"""Text that cannot end a value, so that a slash after it is not a division. A comma includes
everything skipped before it.
"""

_REGEX_LITERAL = (
    rb"/(?![*/])[^/\\\[\r\n]*+"
    rb"(?:(?:\\[^\r\n]|\[[^]\\\r\n]*+(?:\\[^\r\n][^]\\\r\n]*+)*+\]?+)[^/\\\[\r\n]*+)*+"
    rb"(?:/[a-z]*+)?+"
)


@dataclass(frozen=True)
class LexicalSyntax:
    """The delimiters of a language's comments and strings.

    `line_comments` are patterns. A string in `single_line_quotes` ends with its line at the latest,
    one in `multiline_quotes` may span many lines. `has_regex_literals` means that a regular
    expression may appear between slashes.
    """

    line_comments: tuple[str, ...] = ()
    block_comments: tuple[tuple[str, str], ...] = ()
    single_line_quotes: str = "\"'"
    multiline_quotes: tuple[str, ...] = ()
    has_regex_literals: bool = False

    @property
    def closing_delimiters(self) -> tuple[bytes, ...]:
        """What may end a comment or string that was already open at the start of a fragment."""
        return tuple(
            end.encode()
            for end in (*(close for _, close in self.block_comments), *self.multiline_quotes)
        )


@dataclass(frozen=True)
class TokenizedCode:
    """A hash for each token, and its start and end in bytes of the UTF-8 text."""

    hashes: Sequence[int]
    spans: Sequence[tuple[int, int]]


_SLASHES, _STARS = r"//", (("/*", "*/"),)
_HASH_COMMENT = r"(?<![^\s])#"
_TRIPLE_QUOTES = ('"""', "'''")
_SYNTAX_BY_COMMENT = {
    "#": LexicalSyntax((_HASH_COMMENT,)),
    "//": LexicalSyntax((_SLASHES,), _STARS),
    "--": LexicalSyntax(("--",), (("{-", "-}"),), single_line_quotes='"'),
    ";": LexicalSyntax((";",), (("#|", "|#"),), single_line_quotes='"'),
    "%": LexicalSyntax(("%",), single_line_quotes='"'),
    "!": LexicalSyntax(("!",)),
    "'": LexicalSyntax(("'",), single_line_quotes='"'),
    "(*": LexicalSyntax((), (("(*", "*)"),), single_line_quotes='"'),
    "<!--": LexicalSyntax((), (("<!--", "-->"),), single_line_quotes=""),
    "/*": LexicalSyntax((), _STARS),
    '"': LexicalSyntax((), (('"', '"'),), single_line_quotes="'"),
    "REM": LexicalSyntax((r"rem\b|::",), single_line_quotes='"'),
    "<%--": LexicalSyntax((), (("<%--", "--%>"), ("<!--", "-->"))),
    "..": LexicalSyntax(single_line_quotes=""),
}
_SYNTAX_BY_LANGUAGE = {
    "go": LexicalSyntax((_SLASHES,), _STARS, multiline_quotes=("`",)),
    **dict.fromkeys(
        ("javascript", "typescript"),
        LexicalSyntax((_SLASHES,), _STARS, multiline_quotes=("`",), has_regex_literals=True),
    ),
    "groovy": LexicalSyntax((_SLASHES,), _STARS, has_regex_literals=True),
    **dict.fromkeys(("python",), LexicalSyntax(("#",), multiline_quotes=_TRIPLE_QUOTES)),
    **dict.fromkeys(
        ("julia", "elixir", "nim"),
        LexicalSyntax((_HASH_COMMENT,), multiline_quotes=_TRIPLE_QUOTES[:1]),
    ),
    **dict.fromkeys(("sql",), LexicalSyntax(("--",), _STARS)),
    **dict.fromkeys(("rust",), LexicalSyntax((_SLASHES,), _STARS, single_line_quotes='"')),
    **dict.fromkeys(("yacc",), LexicalSyntax((_SLASHES,), _STARS)),
    "f-sharp": LexicalSyntax((_SLASHES,), (("(*", "*)"),), single_line_quotes='"'),
    "lua": LexicalSyntax(("--",), (("--[[", "]]"),)),
    "pascal": LexicalSyntax((_SLASHES,), (("(*", "*)"), ("{", "}")), single_line_quotes="'"),
    "php": LexicalSyntax((_SLASHES, _HASH_COMMENT), _STARS),
    "powershell": LexicalSyntax((_HASH_COMMENT,), (("<#", "#>"),)),
    "terraform": LexicalSyntax((_SLASHES, _HASH_COMMENT), _STARS),
    "tex": LexicalSyntax(("%",), single_line_quotes=""),
}


def lexical_syntax_of(language: str) -> LexicalSyntax:
    """A language's lexical syntax; raises UsageError for an unknown language."""
    definition = find_language(language)
    if definition.name in _SYNTAX_BY_LANGUAGE:
        return _SYNTAX_BY_LANGUAGE[definition.name]
    return (
        _SYNTAX_BY_COMMENT[definition.comment.open]
        if definition.comment
        else LexicalSyntax(single_line_quotes="")
    )


@cache
def all_lexical_syntaxes() -> tuple[LexicalSyntax, ...]:
    """The distinct lexical syntaxes of all languages."""
    return tuple(
        dict.fromkeys(
            lexical_syntax_of(name)
            for name in languages_by_name()
            if name not in NON_CODE_LANGUAGES
        )
    )


def tokenize_code(data: bytes, syntax: LexicalSyntax, start: int = 0) -> TokenizedCode:
    """Tokenize UTF-8 text from a byte offset, in linear time."""
    lower = data.lower()
    matches = compile_token_pattern(syntax).finditer(lower, start)
    spans = [match.span(match.lastindex) for match in matches if match.lastindex]
    return TokenizedCode(
        [crc32(lower[begin:end].translate(None, _IGNORED_BYTES)) for begin, end in spans], spans
    )


def tokenize_fragment(data: bytes, syntax: LexicalSyntax) -> Iterator[TokenizedCode]:
    """Tokenize a fragment, also as if it started inside a string or a comment."""
    starts = {0}
    for delimiter in syntax.closing_delimiters:
        position = data.find(delimiter)
        if position >= 0:
            starts.add(position + len(delimiter))
    for start in sorted(starts):
        yield tokenize_code(data, syntax, start)


@cache
def compile_token_pattern(syntax: LexicalSyntax) -> re.Pattern[bytes]:
    """Match the next comment, token or spacing in lower case; a token is the last group.

    Each match starts where the last one ended, there is no backtracking, and anything unclosed ends
    with the line or the text, so the time is linear.
    """
    comments = [rf"(?:{start})[^\r\n]*+" for start in syntax.line_comments]
    comments += [
        rf"{re.escape(text)}(?s:.*?)(?:{re.escape(end)}|\Z)" for text, end in syntax.block_comments
    ]
    strings = [
        rf"{quote}(?s:\\.|(?!{quote}).)*+(?:{quote}|\Z)" for quote in syntax.multiline_quotes
    ]
    strings += [
        rf"{quote}[^{quote}\\\r\n]*+(?s:\\(?:\r\n|.)[^{quote}\\\r\n]*+)*+{quote}?"
        for quote in syntax.single_line_quotes
    ]
    skipped = [text.encode() for text in comments]
    if syntax.multiline_quotes == _TRIPLE_QUOTES:
        skipped.append(_STRING_PREFIX)
    if syntax.has_regex_literals:
        before = b"(?=[/)," + _SPACING + b"])(?:" + _BEFORE_REGEX + b")[" + _SPACING + b"]*+"
        skipped.append(before + b"(" + _REGEX_LITERAL + b")")
    token = b"|".join([*(text.encode() for text in strings), _WORD, _PUNCTUATION])
    return re.compile(b"|".join([*skipped, b"(" + token + b")", _SKIPPED]))

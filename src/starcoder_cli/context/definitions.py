"""Find the definitions in a text, and the part of each that is worth reading.

It scans for lines that look like definitions, the same way for every language except for a few rows
of data: quick, and right often enough to choose what is included.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from starcoder_cli.context.snippets import ContextSnippet

MAX_WHOLE_LINES = 16
"""A definition of up to this many lines is read whole."""

HEAD_LINES = 8
"""A longer one is cut to this many lines, plus those that define its members."""

MAX_EXCERPT_LINES = 24
MAX_BLOCK_LINES = 400
MAX_OUTLINE_LINES = 30
LEADING_PREFIXES = ("@", "#[", "//", "/*", "*", "#", "--")

_MODIFIERS = (
    "export|default|public|private|protected|internal|static|final|abstract|async|unsafe|inline|"
    "virtual|override|open|sealed|case|data|partial|extern|local|declare|const|typedef|"
    r"pub(?:\([^)\n]*\))?"
)
_KEYWORDS = (
    r"def|defp|defmacro|defmodule|fn|func|function\*?|fun|class|struct|enum|union|trait|interface|"
    "type|module|namespace|protocol|record|object|sub|subroutine|proc|procedure|macro_rules!"
)
_KEYWORD_DEFINITION = (
    rf"^[ \t]*(?:(?:{_MODIFIERS})[ \t]+)*(?:{_KEYWORDS})[ \t]+"
    r"(?:\([^)\n]*\)[ \t]*)?(?:\w+(?:\.|:(?=\w+\()))*(?P<name>[^\W\d]\w*)"
)
_FUNCTION_VARIABLE = (
    r"^[ \t]*(?:export[ \t]+)?(?:const|let|var)[ \t]+(?P<name>\w+)[ \t]*(?::[^=\n]+)?="
    r"[ \t]*(?:async[ \t]*)?(?:function\b|\(|\w+[ \t]*=>)"
)
_FUNCTION_PROPERTY = (
    r"^[ \t]*(?:\w+\.)*(?P<name>\w+)[ \t]*[:=][ \t]*(?:async[ \t]*)?"
    r"(?:function\b|(?:\w+|\([^()\n]*\))[ \t]*=>)"
)
_LAMBDA = r"^[ \t]*(?:\w+\.)*(?P<name>\w+)[ \t]*=[ \t]*(?:lambda\b|proc\b|->)"
_METHOD = (
    r"^(?![^\n]*(?:=>|\bfunction\b))[ \t]*(?!(?:if|for|foreach|while|switch|catch|return|else|new"
    r"|throw|do|try|using|lock|fixed|synchronized|with)\b)"
    r"(?:[\w<>\[\],.?@]+[ \t]+){0,6}(?P<name>\w+)[ \t]*\([^;\n]*\)[^;)\n]*\{[ \t]*$"
)
_C_FUNCTION = (
    r"^(?!(?:return|else|if|for|while|switch|typedef|using)\b)"
    r"(?:[\w:<>,~]+[ \t*&]+){1,6}(?P<name>\w+)[ \t]*\([^=\n]*$"
)
_C_DEFINE = r"^#[ \t]*define[ \t]+(?P<name>\w+)"
_C_TYPEDEF = r"^typedef\b[^\n]*\b(?P<name>\w+)[ \t]*;"
_LISP_DEFINITION = r"^[ \t]*\((?:def[\w*-]*|define)[ \t]+\(?(?P<name>[^\s()\[\]\"';]+)"
_ML_FUNCTION = (
    r"^[ \t]*(?:let|and|member)[ \t]+(?:rec[ \t]+)?(?:\w+\.)?(?P<name>\w+)"
    r"(?:[ \t]+[\w(~?]|\()"
)
_SQL_OBJECT = (
    r"(?i:^[ \t]*create[ \t]+(?:or[ \t]+replace[ \t]+)?(?:\w+[ \t]+)?"
    r"(?:function|procedure|trigger|view|table|index|type)[ \t]+(?:if[ \t]+not[ \t]+exists[ \t]+)?)"
    r"(?:[\w\"`]+\.)?[\"`]?(?P<name>\w+)"
)
_CONSTANT = r"^(?P<name>[A-Z][A-Z0-9_]{2,})[ \t]*(?::[^=\n]+)?="

_SCRIPT_PATTERNS = (_FUNCTION_VARIABLE, _FUNCTION_PROPERTY, _METHOD)
_C_PATTERNS = (_C_FUNCTION, _C_DEFINE, _C_TYPEDEF)
LANGUAGE_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "python": (_CONSTANT, _LAMBDA),
    "ruby": (_CONSTANT, _LAMBDA),
    "javascript": _SCRIPT_PATTERNS,
    "typescript": _SCRIPT_PATTERNS,
    "svelte": _SCRIPT_PATTERNS,
    "vue": _SCRIPT_PATTERNS,
    "java": (_METHOD,),
    "groovy": (_METHOD,),
    "c-sharp": (_METHOD,),
    "c": _C_PATTERNS,
    "cpp": _C_PATTERNS,
    "cuda": _C_PATTERNS,
    "objective-c": _C_PATTERNS,
    "go": (r"^(?:var|const)[ \t]+(?P<name>\w+)",),
    "rust": (r"^[ \t]*(?:pub\S*[ \t]+)?(?:const|static)[ \t]+(?:mut[ \t]+)?(?P<name>\w+)",),
    "clojure": (_LISP_DEFINITION,),
    "common-lisp": (_LISP_DEFINITION,),
    "emacs-lisp": (_LISP_DEFINITION,),
    "racket": (_LISP_DEFINITION,),
    "scheme": (_LISP_DEFINITION,),
    "f-sharp": (_ML_FUNCTION,),
    "ocaml": (_ML_FUNCTION,),
    "julia": (r"^(?P<name>\w+)\([^=\n]*\)[ \t]*=(?!=)",),
    "sql": (_SQL_OBJECT,),
    "haskell": (r"^(?:data|newtype)[ \t]+(?:[^=\n]*=>[ \t]*)?(?P<name>[A-Z]\w*)",),
    "cmake": (r"^(?i:function|macro)[ \t]*\([ \t]*(?P<name>\w+)",),
    "shell": (r"^(?P<name>[A-Za-z_]\w*)[ \t]*\([ \t]*\)",),
}


@dataclass(frozen=True)
class Definition:
    """A name, and the line where its definition begins, counted from 0."""

    name: str
    line: int


def find_definitions(text: str, language: str) -> tuple[Definition, ...]:
    """Find the definitions in a text, in line order, one for each line and name."""
    positions: set[tuple[int, str]] = set()
    for pattern in (_KEYWORD_DEFINITION, *LANGUAGE_PATTERNS.get(language, ())):
        line, offset = 0, 0
        for match in re.finditer(pattern, text, re.MULTILINE):
            line += text.count("\n", offset, match.start("name"))
            offset = match.start("name")
            positions.add((line, match["name"]))
    return tuple(Definition(name, line) for line, name in sorted(positions))


def excerpt_definition(
    path: str, text: str, line: int, definition_lines: frozenset[int]
) -> ContextSnippet:
    """The definition at a line: whole if it is short, else its beginning.

    `definition_lines` are the lines that begin definitions, such as members of a long one.
    """
    lines = text.split("\n")
    begin, end = find_leading_line(lines, line), find_end_line(lines, line)
    if end - begin <= MAX_WHOLE_LINES:
        return ContextSnippet(path, "\n".join(lines[begin:end]), begin + 1, end)
    kept = [
        number
        for number in range(begin, end)
        if number < begin + HEAD_LINES or number in definition_lines
    ][:MAX_EXCERPT_LINES]
    return ContextSnippet(path, "\n".join(elide_lines(lines, kept, end)), begin + 1, kept[-1] + 1)


def outline_file(path: str, text: str, language: str) -> ContextSnippet | None:
    """The lines that begin a file's definitions; None if there are none."""
    lines = text.split("\n")
    kept = sorted({definition.line for definition in find_definitions(text, language)})[
        :MAX_OUTLINE_LINES
    ]
    if not kept:
        return None
    outline_text = "\n".join(elide_lines(lines, kept, kept[-1] + 1))
    return ContextSnippet(path, outline_text, kept[0] + 1, kept[-1] + 1)


def elide_lines(lines: list[str], kept: list[int], end: int) -> Iterator[str]:
    """Yield the kept lines, with an indented ellipsis for what is missing between them."""
    for number, next_number in zip(kept, [*kept[1:], end], strict=True):
        yield lines[number]
        skipped = next((line for line in lines[number + 1 : next_number] if line.strip()), None)
        if skipped:
            yield f"{' ' * indent_width(skipped)}..."


def find_leading_line(lines: list[str], line: int) -> int:
    """The first line of the decorators and comments right above a line."""
    first_line = line
    while first_line > 0 and line - first_line < HEAD_LINES // 2:
        above = lines[first_line - 1]
        if not above.lstrip().startswith(LEADING_PREFIXES) or above.startswith(("#include", "#!")):
            break
        first_line -= 1
    return first_line


def find_end_line(lines: list[str], line: int) -> int:
    """The line after a definition: it continues while lines are deeper or close brackets."""
    indent, end = indent_width(lines[line]), line + 1
    for number in range(line + 1, min(len(lines), line + MAX_BLOCK_LINES)):
        text = lines[number].strip()
        if text and indent_width(lines[number]) <= indent:
            if not text.startswith((")", "]", "{", "}", "end")):
                break
            end = number + 1
            if text.startswith(("}", "end")):
                break
        elif text:
            end = number + 1
    return end


def indent_width(line: str) -> int:
    """The width of a line's indentation, counting a tab as four spaces."""
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())

"""Where a text defines its names, and the part of each definition that is worth reading.

It is a scan for lines that begin like a definition, the same for every language but for a few rows
of data: quick, and right often enough to choose what is read along.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from starcoder_cli.context.snippets import Snippet

WHOLE = 16
"""A definition of so many lines is read whole."""

HEAD = 8
"""Of a longer one so many lines, and the lines that define its members."""

MOST_LINES = 24
MOST_BLOCK = 400
MOST_OUTLINE = 30
LEADING = ("@", "#[", "//", "/*", "*", "#", "--")

_MODIFIERS = (
    "export|default|public|private|protected|internal|static|final|abstract|async|unsafe|inline|"
    "virtual|override|open|sealed|data|partial|extern|local|declare|const|typedef|"
    r"pub(?:\([^)\n]*\))?"
)
_WORDS = (
    r"def|defp|defmodule|fn|func|function\*?|fun|class|struct|enum|union|trait|interface|type|"
    "module|namespace|protocol|record|object|sub|proc|macro_rules!"
)
_ANY = (
    rf"^[ \t]*(?:(?:{_MODIFIERS})[ \t]+)*(?:{_WORDS})[ \t]+"
    r"(?:\([^)\n]*\)[ \t]*|self\.)?(?P<name>[^\W\d]\w*)"
)
_ARROW = (
    r"^[ \t]*(?:export[ \t]+)?(?:const|let|var)[ \t]+(?P<name>\w+)[ \t]*(?::[^=\n]+)?="
    r"[ \t]*(?:async[ \t]*)?(?:function\b|\(|\w+[ \t]*=>)"
)
_METHOD = (
    r"^[ \t]+(?!(?:if|for|while|switch|catch|return|else|new|throw|do)\b)"
    r"(?:[\w<>\[\],.?@]+[ \t]+){0,6}(?P<name>\w+)[ \t]*\([^;\n]*\)[^;\n]*\{[ \t]*$"
)
_C_FUNCTION = (
    r"^(?!(?:return|else|if|for|while|switch|typedef|using)\b)"
    r"(?:[\w:<>,~]+[ \t*&]+){1,6}(?P<name>\w+)[ \t]*\([^=\n]*$"
)
_C_DEFINE = r"^#[ \t]*define[ \t]+(?P<name>\w+)"
_C_TYPEDEF = r"^typedef\b[^\n]*\b(?P<name>\w+)[ \t]*;"
_CONSTANT = r"^(?P<name>[A-Z][A-Z0-9_]{2,})[ \t]*(?::[^=\n]+)?="

_SCRIPT = (_ARROW, _METHOD)
_C = (_C_FUNCTION, _C_DEFINE, _C_TYPEDEF)
MORE: Mapping[str, tuple[str, ...]] = {
    "python": (_CONSTANT,),
    "ruby": (_CONSTANT,),
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "svelte": _SCRIPT,
    "vue": _SCRIPT,
    "java": (_METHOD,),
    "groovy": (_METHOD,),
    "c-sharp": (_METHOD,),
    "c": _C,
    "cpp": _C,
    "cuda": _C,
    "objective-c": _C,
    "go": (r"^(?:var|const)[ \t]+(?P<name>\w+)",),
    "rust": (r"^[ \t]*(?:pub\S*[ \t]+)?(?:const|static)[ \t]+(?:mut[ \t]+)?(?P<name>\w+)",),
    "shell": (r"^(?P<name>[A-Za-z_]\w*)[ \t]*\([ \t]*\)",),
}


@dataclass(frozen=True)
class Definition:
    """A name, and the line that begins its definition, counted from 0."""

    name: str
    line: int


def definitions(text: str, language: str) -> tuple[Definition, ...]:
    """The definitions in a text, in the order of its lines, one for each line and name."""
    found: set[tuple[int, str]] = set()
    for pattern in (_ANY, *MORE.get(language, ())):
        line, at = 0, 0
        for match in re.finditer(pattern, text, re.MULTILINE):
            line += text.count("\n", at, match.start("name"))
            at = match.start("name")
            found.add((line, match["name"]))
    return tuple(Definition(name, line) for line, name in sorted(found))


def head(path: str, text: str, line: int, starts: frozenset[int]) -> Snippet:
    """The definition that begins at a line: whole if it is short, else how it begins.

    `starts` are the lines that begin definitions: those inside a long one are its members.
    """
    lines = text.split("\n")
    begin, end = leading(lines, line), ending(lines, line)
    if end - begin <= WHOLE:
        return Snippet(path, "\n".join(lines[begin:end]), begin + 1, end)
    kept = [at for at in range(begin, end) if at < begin + HEAD or at in starts][:MOST_LINES]
    return Snippet(path, "\n".join(shortened(lines, kept, end)), begin + 1, kept[-1] + 1)


def outline(path: str, text: str, language: str) -> Snippet | None:
    """The lines that begin a file's definitions; None where there are none."""
    lines = text.split("\n")
    kept = sorted({definition.line for definition in definitions(text, language)})[:MOST_OUTLINE]
    if not kept:
        return None
    shown = "\n".join(shortened(lines, kept, kept[-1] + 1))
    return Snippet(path, shown, kept[0] + 1, kept[-1] + 1)


def shortened(lines: list[str], kept: list[int], end: int) -> Iterator[str]:
    """Some of the lines, and an ellipsis where others are missing, as deep as they are."""
    for at, following in zip(kept, [*kept[1:], end], strict=True):
        yield lines[at]
        skipped = next((line for line in lines[at + 1 : following] if line.strip()), None)
        if skipped:
            yield f"{' ' * depth(skipped)}..."


def leading(lines: list[str], line: int) -> int:
    """The first of the decorators and comments that stand right above a line."""
    begin = line
    while begin > 0 and line - begin < HEAD // 2:
        above = lines[begin - 1]
        if not above.lstrip().startswith(LEADING) or above.startswith(("#include", "#!")):
            break
        begin -= 1
    return begin


def ending(lines: list[str], line: int) -> int:
    """The line behind a definition: it goes on while lines are deeper, or close what is open."""
    deep, end = depth(lines[line]), line + 1
    for at in range(line + 1, min(len(lines), line + MOST_BLOCK)):
        text = lines[at].strip()
        if text and depth(lines[at]) <= deep:
            if not text.startswith((")", "]", "{", "}", "end")):
                break
            end = at + 1
            if text.startswith(("}", "end")):
                break
        elif text:
            end = at + 1
    return end


def depth(line: str) -> int:
    """How far a line is indented, a tab as four spaces."""
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())

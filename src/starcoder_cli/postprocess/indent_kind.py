"""Tabs or spaces: an answer is indented by what its file is, where that has only one of them."""

import re
from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.postprocess.indentation import LEADING_WHITESPACE, indent_unit
from starcoder_cli.stream import Chunk, Stream, closing_source

OTHER_KINDS = {
    frozenset("\t"): re.compile(r"(?<=\n) +(?=\S)"),
    frozenset(" "): re.compile(r"(?<=\n)\t+(?=\S)"),
}
OPEN_INDENT = re.compile(r"(?<=\n)[ \t]+\Z")
WIDTHS = (4, 2)
"""How many spaces a step has in an answer: the first that its first indented line allows."""


def match_indent_kind(chunks: Iterable[Chunk], around: str, *, at_line_start: bool) -> Stream:
    """An answer with the file's kind of indentation in place of the other.

    `around` is all of the file, what the answer replaces too. A file with both kinds, or with none,
    says nothing.
    """
    kinds = {frozenset(indent) for indent in LEADING_WHITESPACE.findall(around)}
    other = OTHER_KINDS.get(next(iter(kinds))) if len(kinds) == 1 else None
    if other is None:
        with closing_source(chunks) as source:
            yield from source
        return
    unit, width = indent_unit(around), 0

    def translate(match: re.Match[str]) -> str:
        nonlocal width
        indent = match.group()
        if indent[0] == "\t":
            return unit * len(indent)
        width = width or next((step for step in WIDTHS if len(indent) % step == 0), len(indent))
        return "\t" * max(round(len(indent) / width), 1)

    begin, pending = "\n" if at_line_start else "", ""
    with closing_source(chunks) as source:
        for chunk in source:
            text = begin + pending + chunk.text
            open_indent = None if chunk.reason else OPEN_INDENT.search(text)
            end = open_indent.start() if open_indent else len(text)
            pending = text[end:]
            yield replace(chunk, text=other.sub(translate, text[:end]).removeprefix(begin))
            begin = "\n" if text[:end].endswith("\n") else ""
    if pending:
        yield Chunk(pending, 0, "stop")

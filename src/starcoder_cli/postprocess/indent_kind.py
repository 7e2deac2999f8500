"""Tabs or spaces: an answer is indented with whatever its file uses, if it uses only one of them.

Only indentation changes: what is in a string stays, and so do spaces after it that align a line.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.postprocess.indentation import BLOCK_START, LEADING_WHITESPACE, indent_unit
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.stream import Chunk, Stream, closing_source

WIDTHS = (4, 2)
"""How many spaces a step has in an answer: the first that its first indented line allows."""

OPENERS, CLOSERS = "([{", ")]}"

MAX_PARSED_LINES = 1000
"""In a longer answer, the lines after these are taken for code: each is asked about with all before
it."""


def match_indent_kind(
    chunks: Iterable[Chunk], around: str, check: SoundnessCheck, *, at_line_start: bool
) -> Stream:
    """Convert an answer to the file's kind of indentation.

    `around` is the whole file, including what the answer replaces. A file with both kinds, or
    neither, leaves the answer unchanged.
    """
    kinds = {frozenset(indent) for indent in LEADING_WHITESPACE.findall(around)}
    if kinds not in ({frozenset("\t")}, {frozenset(" ")}):
        with closing_source(chunks) as source:
            yield from source
        return
    lines = TranslatedLines(indent_unit(around), check, at_line_start=at_line_start)
    with closing_source(chunks) as source:
        for chunk in source:
            yield replace(chunk, text=lines.feed(chunk.text, is_last=bool(chunk.reason)))
    if rest := lines.feed("", is_last=True):
        yield Chunk(rest, 0, "stop")


class TranslatedLines:
    """Reads an answer, and returns its lines indented in steps of one unit."""

    def __init__(self, unit: str, check: SoundnessCheck, *, at_line_start: bool) -> None:
        self._unit, self._check = unit, check
        self._begins_line = at_line_start
        self._pending = ""  # the white space that a line begins with, as far as it has arrived
        self._ready: list[str] = []  # everything returned so far
        self._step = 0  # how many spaces a step has, once that is known
        self._levels = [(0, 0)]  # the blocks around a line: how far right, in spaces and in steps
        self._parsed_lines = 0
        self._statement: list[str] = []  # what was read since the last line of code that was placed

    def feed(self, text: str, *, is_last: bool) -> str:
        """Return what is ready after the next piece of an answer."""
        text, self._pending = self._pending + text, ""
        begin = len(self._ready)
        for piece in re.findall(r"[^\n]*\n|[^\n]+", text):
            if self._begins_line and not (piece.strip() or piece.endswith("\n") or is_last):
                self._pending = piece
                break
            body = piece.lstrip(" \t")
            indent = piece[: len(piece) - len(body)]
            if self._begins_line and body.strip():
                self._ready.append(self._translate(indent, body) if indent else "")
                if not indent:
                    self._levels, self._statement = [(0, 0)], []
            else:
                self._ready.append(indent)
            self._ready.append(body)
            self._statement.append(piece)
            self._begins_line = piece.endswith("\n")
        return "".join(self._ready[begin:])

    def _translate(self, indent: str, body: str) -> str:
        """The white space before a line of the answer, in the file's style."""
        is_foreign = indent[0] != self._unit[0] and (self._unit != "\t" or "\t" not in indent)
        self._parsed_lines += is_foreign
        is_parsed = is_foreign and self._parsed_lines <= MAX_PARSED_LINES
        text = self._check.text_behind("".join(self._ready)) if is_parsed else None
        if not is_foreign or (text and not text.is_documentation):
            return indent
        if self._unit != "\t":
            aligning = indent.lstrip("\t")
            return self._unit * (len(indent) - len(aligning)) + aligning
        is_comment = text is not None and text.is_comment
        star = " " if is_comment and body.startswith("*") else ""
        steps, spaces = self._place(len(indent) - len(star), not text, not is_comment or bool(star))
        return self._unit * steps + " " * spaces + star

    def _place(self, columns: int, is_code: bool, has_steps: bool) -> tuple[int, int]:
        """How many steps right a line is, and how many spaces after them.

        A line that does not begin a statement is aligned by spaces, after the statement's steps.
        """
        while self._levels[-1][0] > columns:
            self._levels.pop()
        base, steps = self._levels[-1]
        before, more = "".join(self._statement), columns - base
        opens_block = BLOCK_START.search(before.rstrip())
        step = self._step or next((step for step in WIDTHS if columns % step == 0), columns)
        is_aligned = not opens_block and (more % step or columns == bracket_column(before))
        if not has_steps or is_aligned:
            return steps, more
        steps += max(round(more / step), 1) if more else 0
        if is_code:
            self._step, self._statement = step, []
            self._levels.append((columns, steps))
        return steps, 0


def bracket_column(text: str) -> int | None:
    """The column of the text after the last open bracket in some lines, or None without one."""
    columns = list[int | None]()
    for line in text.splitlines():
        for column, character in enumerate(line, 1):
            if character in OPENERS:
                columns.append(column if line[column:].strip() else None)
            elif character in CLOSERS and columns:
                columns.pop()
    return columns[-1] if columns else None

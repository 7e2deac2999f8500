"""Answers read line by line: a line can be the one that ends an answer.

Text goes on as soon as it can end nothing any more, and not before.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from starcoder_cli.stream import Chunk, Stream, closing_source

LineTest: TypeAlias = Callable[[str, str], bool]  # (the text before a line, the line) -> ends there


@dataclass(frozen=True)
class LineRule:
    """A line that ends an answer: its name in reports, what it is, what may still become one.

    `matches` gets the text before a line, and the line. `suffix_gap` is what the suffix has before
    its first line of code: where that is blank lines, they are the file's, and an answer ends
    without any. None is no suffix at all.
    """

    name: str
    matches: LineTest
    may_match: Callable[[str], bool]
    suffix_gap: str | None = ""


def until_line_matches(chunks: Iterable[Chunk], rule: LineRule, line_prefix: str = "") -> Stream:
    """Pass text on up to a line that ends it.

    Blank lines, and a line that may become such a one, are held back until that is decided.
    `line_prefix` is what stands on the first line already: white space is part of the line for
    the rule, and behind code no line begins.
    """
    buffer = LineBuffer(rule, line_prefix)
    with closing_source(chunks) as source:
        for chunk in source:
            ready = buffer.feed(chunk.text)
            if chunk.reason:
                ready += buffer.flush()
            if buffer.has_ended:
                yield replace(chunk, text=ready, reason="stop", trimmed=(*chunk.trimmed, rule.name))
                return
            yield replace(chunk, text=ready)
    rest = buffer.flush()
    if rest:
        yield Chunk(rest, 0, "stop")


class LineBuffer:
    """An incremental reader of lines, which gives text back as soon as it can end nothing."""

    def __init__(self, rule: LineRule, line_prefix: str) -> None:
        self.has_ended = False
        self._rule = rule
        self._line_prefix = line_prefix if not line_prefix.strip() else ""
        self._emitted = ""  # everything given back so far
        self._gap = ""  # blank lines and line ends that wait for what comes after them
        self._line = ""
        self._is_safe = bool(
            line_prefix.strip()
        )  # the current line cannot be one that ends the text

    def feed(self, text: str) -> str:
        """What of the text so far can be passed on."""
        ready = ""
        for piece in text.splitlines(keepends=True):
            if not self.has_ended:
                ready += self._take_piece(piece)
        return ready

    def flush(self) -> str:
        """What is left when nothing more comes."""
        if self.has_ended:
            return ""
        ready = self._finish_line()
        if not self.has_ended:
            ready += self._final_gap()
            self._gap = ""
        return ready

    def _take_piece(self, piece: str) -> str:
        self._line += piece.rstrip("\n")
        if piece.endswith("\n"):
            ready = self._finish_line()
            self._gap += "\n"
            self._line_prefix, self._is_safe = "", False
            return ready
        if self._is_safe or not self._may_match():
            self._is_safe = True
            return self._emit_line()
        return ""

    def _may_match(self) -> bool:
        full_line = self._line_prefix + self._line
        return not full_line.strip() or self._rule.may_match(full_line)

    def _finish_line(self) -> str:
        """A line is whole: it ends the text, or it is passed on, or it is blank and waits."""
        full_line = self._line_prefix + self._line
        if not self._is_safe and self._rule.matches(self._emitted + self._gap, full_line):
            self.has_ended = True
            return self._final_gap()
        if full_line.strip() or self._is_safe:
            return self._emit_line()
        self._gap, self._line = self._gap + self._line, ""
        return ""

    def _final_gap(self) -> str:
        """What of the gap at the end of the text belongs to it: one line end before nothing."""
        suffix_gap = self._rule.suffix_gap
        if suffix_gap is None:
            return "\n" * ("\n" in self._gap)
        return (
            ""
            if "\n" in suffix_gap or not self._gap.endswith(suffix_gap)
            else self._gap.removesuffix(suffix_gap)
        )

    def _emit_line(self) -> str:
        ready = self._gap + self._line
        self._emitted += ready
        self._gap = self._line = ""
        return ready

"""Answers read line by line: a line can be the one that ends an answer.

Text goes on as soon as it can end nothing any more, and not before.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from starcoder_cli.stream import Chunk, Stream, closing_source

Ends: TypeAlias = Callable[[str, str], bool]  # (the text before a line, the line) -> ends there


@dataclass(frozen=True)
class LineRule:
    """A line that ends an answer: its name in reports, what it is, what may still become one.

    `lead` is what the suffix has before its first line of code: where that is blank lines, they are
    the file's, and an answer ends without any. None is no suffix at all.
    """

    name: str
    ends: Ends
    may_end: Callable[[str], bool]
    lead: str | None = ""


def until_line(chunks: Iterable[Chunk], rule: LineRule, begun: str = "") -> Stream:
    """Pass text on up to a line that ends it.

    Blank lines, and a line that may become such a one, are held back until that is decided.
    `begun` is what stands on the first line already: white space is part of the line for the rule,
    and behind code no line begins.
    """
    lines = HeldLines(rule, begun)
    with closing_source(chunks) as source:
        for chunk in source:
            ready = lines.feed(chunk.text)
            if chunk.reason:
                ready += lines.flush()
            if lines.ended:
                yield replace(chunk, text=ready, reason="stop", trimmed=(*chunk.trimmed, rule.name))
                return
            yield replace(chunk, text=ready)
    rest = lines.flush()
    if rest:
        yield Chunk(rest, 0, "stop")


class HeldLines:
    """An incremental reader of lines, which gives text back as soon as it can end nothing."""

    def __init__(self, rule: LineRule, begun: str) -> None:
        self.ended = False
        self._rule = rule
        self._begun = begun if not begun.strip() else ""
        self._before = ""  # everything given back so far
        self._gap = ""  # blank lines and line ends that wait for what comes after them
        self._line = ""
        self._free = bool(begun.strip())  # the current line cannot be one that ends the text

    def feed(self, text: str) -> str:
        """What of the text so far can be passed on."""
        ready = ""
        for piece in text.splitlines(keepends=True):
            if not self.ended:
                ready += self._take(piece)
        return ready

    def flush(self) -> str:
        """What is left when nothing more comes."""
        if self.ended:
            return ""
        ready = self._decide()
        if not self.ended:
            ready += self._last_gap()
            self._gap = ""
        return ready

    def _take(self, piece: str) -> str:
        self._line += piece.rstrip("\n")
        if piece.endswith("\n"):
            ready = self._decide()
            self._gap += "\n"
            self._begun, self._free = "", False
            return ready
        if self._free or not self._may_end():
            self._free = True
            return self._release()
        return ""

    def _may_end(self) -> bool:
        whole = self._begun + self._line
        return not whole.strip() or self._rule.may_end(whole)

    def _decide(self) -> str:
        """A line is whole: it ends the text, or it is passed on, or it is blank and waits."""
        whole = self._begun + self._line
        if not self._free and self._rule.ends(self._before + self._gap, whole):
            self.ended = True
            return self._last_gap()
        if whole.strip() or self._free:
            return self._release()
        self._gap, self._line = self._gap + self._line, ""
        return ""

    def _last_gap(self) -> str:
        """What of the gap at the end of the text belongs to it: one line end before nothing."""
        lead = self._rule.lead
        if lead is None:
            return "\n" * ("\n" in self._gap)
        return "" if "\n" in lead or not self._gap.endswith(lead) else self._gap.removesuffix(lead)

    def _release(self) -> str:
        ready = self._gap + self._line
        self._before += ready
        self._gap = self._line = ""
        return ready

"""What a reasoning model thinks before it answers, which is not part of its answer.

Most models mark it in their text: the opening mark is at the very beginning of an answer, unless
the model's chat template has already opened it. Servers that know the marks leave them out.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from starcoder_cli.model import Hole
from starcoder_cli.postprocess.fences import Fence
from starcoder_cli.postprocess.reasoning_marks import (
    CLOSERS,
    MARKS,
    OPENERS,
    UNQUOTED_OPENER,
    UNSURE_MARKS,
    Marks,
    begins_with_reasoning,
    closer_pattern,
    closers_of,
    leading_closers,
)
from starcoder_cli.stream import Chunk, FinishReason, Stream, closing_source, collect

MAX_LEAD = 1000
"""The most white space before a mark, in characters."""

BEGINNINGS = (*OPENERS, *CLOSERS, *(opener for opener, _ in UNSURE_MARKS))

QUOTES = ("`", "'", '"')

State = Literal["start", "held", "thinking", "answer"]


def split_reasoning(
    chunks: Iterable[Chunk], may_be_open: bool, *, reasons: bool = False, marks: Marks = MARKS
) -> Stream:
    """Move what was thought from an answer's text to its `reasoning_content`.

    If a template may have opened it, text is held back until a mark closes it, or up to the end.
    If a model that `reasons` is cut off before then, what it has written is not an answer yet.
    """
    reader = ReasoningReader(may_be_open, marks)
    with closing_source(chunks) as source:
        for chunk in source:
            if chunk.reasoning_content:  # such a server leaves the marks out
                reader.release()
            text, reasoning = reader.feed(chunk.text, chunk.reason)
            if reasons and reader.is_held and chunk.reason == "length":
                text, reasoning = "", reasoning + text
            yield replace(chunk, text=text, reasoning_content=chunk.reasoning_content + reasoning)
            if chunk.reason:
                return
    text, reasoning = reader.feed("", "stop")
    if text or reasoning:
        yield Chunk(text, 0, "stop", reasoning_content=reasoning)


def split_reasoning_in(hole: Hole, chunks: Stream, *, reasons: bool) -> Stream:
    """As `split_reasoning`, for an answer in a hole; marks that surround the hole are code."""
    around = hole.prefix + hole.suffix
    others = tuple(pair for pair in MARKS if not any(mark in around for mark in pair))
    if reasons and others != MARKS:
        return split_whole(chunks, others)
    return split_reasoning(chunks, may_be_open=reasons, reasons=reasons, marks=others)


def split_whole(chunks: Stream, others: Marks) -> Stream:
    """Split a reasoning model's answer in a hole that marks surround; only the `others` are sure.

    An answer that begins with any mark begins with a draft, if that ends and more follows.
    """
    with closing_source(chunks) as source:
        made = list(source)
    if begins_with_reasoning("".join(chunk.text for chunk in made)):
        split = list(split_reasoning(made, may_be_open=False, reasons=True))
        if any(chunk.text.strip() or chunk.reason == "length" for chunk in split):
            yield from split
            return
    yield from split_reasoning(made, may_be_open=True, reasons=True, marks=others)


def without_reasoning(text: str) -> str:
    """A whole answer without what was thought before it."""
    return collect(split_reasoning([Chunk(text, 0, "stop")], may_be_open=True)).text


@dataclass
class Doubt:
    """A mark that closes the reasoning if no other does, and what follows it.

    It is likely where it is inside a block of code that is never closed, or closes a reasoning
    inside another.
    """

    closer: str
    after: list[str]
    is_likely: bool


class ReasoningReader:
    """An incremental reader of an answer: returns its certain text, and what was thought.

    A closing mark counts if it is not quoted, and inside a block of code only if it is alone on its
    line and closes nothing that the block itself opens. One that ends another line there is a
    doubt until the answer ends, and so is one that closes a reasoning inside the reasoning.
    """

    def __init__(self, may_be_open: bool, marks: Marks = MARKS) -> None:
        self._may_be_open = may_be_open
        self._marks = marks
        self._state: State = "start"
        self._closers = closers_of(marks)
        self._pending = ""  # the beginning of the answer, or of a line of reasoning
        self._held = ""  # complete lines that are text unless a mark comes after them
        self._fence: Fence | None = None
        self._open_marks = 0
        self._opener: str | None = None  # what can open a reasoning inside the reasoning
        self._inner = 0  # how many such are open
        self._doubt: Doubt | None = None
        self._has_thought = False

    @property
    def is_held(self) -> bool:
        """Whether it is still unknown whether the text is the answer."""
        return self._state == "held"

    def release(self) -> None:
        """Treat everything held back, and everything that follows, as the answer's text."""
        self._may_be_open = False
        if self._state == "held":
            self._state, self._pending, self._held = "answer", self._held + self._pending, ""

    def feed(self, text: str, reason: FinishReason | None) -> tuple[str, str]:
        """Return the answer's text, and the reasoning, that are certain after this text.

        A reason says that it is the last.
        """
        self._pending += text
        reasoning, is_last = "", bool(reason)
        while True:
            if self._state == "start" and not self._begin(is_last):
                return "", reasoning
            if self._state == "answer":
                text, self._pending = self._pending, ""
                return text, reasoning
            before, is_closed = self._read_lines(is_last)
            if self._state == "thinking":
                reasoning += before
            else:
                self._held += before
            if not is_closed and not (is_last and reason != "length" and self._settle_doubt()):
                break
            reasoning, self._held = self._held + reasoning, ""
            self._state, self._may_be_open, self._has_thought = "start", False, True
            self._doubt, self._inner = None, 0
        held = self._held if is_last else ""
        return held, reasoning

    def _settle_doubt(self) -> bool:
        """At the end of a text, take up what follows a doubtful mark if it is likely one."""
        doubt = self._doubt
        if not doubt or not (doubt.is_likely or self._fence):
            return False
        self._pending = "".join(doubt.after)
        self._held = self._held.removesuffix(self._pending).removesuffix(doubt.closer)
        return True

    def _begin(self, is_last: bool) -> bool:
        """Leave the start state; false if more text is needed to decide the next one."""
        if closed := leading_closers(self._marks).match(self._pending):
            self._pending, self._has_thought = self._pending[closed.end() :], True
        text = self._pending.lstrip()
        for opener, closer in self._marks:
            if text.startswith(opener):
                self._state, self._closers = "thinking", (closer,)
                self._pending, self._fence, self._open_marks = text.removeprefix(opener), None, 0
                self._opener = opener if "/" in closer else None
                return True
        for opener, closer in UNSURE_MARKS:
            if text.startswith(opener):
                self._state, self._closers = "held", (*self._closers, closer)
                return True
        may_wait = not is_last and len(self._pending) <= MAX_LEAD
        if may_wait and any(mark.startswith(text) for mark in BEGINNINGS):
            return False
        self._state = "held" if self._may_be_open else "answer"
        if self._has_thought:
            gap = self._pending[: len(self._pending) - len(text)]
            is_apart = "\n" not in gap and gap.startswith(" ") and len(gap) % 2  # by one space
            self._pending = (gap[1:] if is_apart else gap.rpartition("\n")[2]) + text
        return True

    def _read_lines(self, is_last: bool) -> tuple[str, bool]:
        """What comes before the closing mark, and whether there is one; whole lines if not."""
        text, start = self._pending, 0
        while start < len(text):
            end = text.find("\n", start)
            is_whole = end >= 0 or is_last
            end = end if end >= 0 else len(text)
            line = text[start:end]
            mark = self._find_closer(line, is_whole)
            if mark:
                at, closer = mark
                self._pending = text[start + at + len(closer) :]
                return text[: start + at], True
            if not is_whole:
                break
            self._follow_line(line, text[end : end + 1])
            start = end + 1
        self._pending = text[start:]
        return text[:start], False

    def _find_closer(self, line: str, is_whole: bool) -> tuple[int, str] | None:
        """Where a mark closes in a line, and which one; None if none certainly does."""
        if self._fence:
            bare = line.strip()
            alone = is_whole and bare in self._closers and not self._open_marks
            return (line.find(bare), bare) if alone else None
        if self._state == "thinking":
            inner = self._count_inner(line)
            found = self._closing_marks(line, is_whole)[inner:]
        else:
            marks = self._closing_marks(line, is_whole)
            found = [mark for mark in marks if not self._count_marks(line[: mark.start()])]
        return (found[0].start(), found[0][0]) if found else None

    def _closing_marks(self, line: str, is_whole: bool) -> list[re.Match[str]]:
        """The closing marks in a line that are not quoted, as far as that is certain."""
        marks = []
        for match in closer_pattern(self._closers).finditer(line):
            before, after = line[: match.start()], line[match.end() :]
            is_before_quote = after.startswith(QUOTES) and not after.startswith("```")
            if not before.endswith(QUOTES) and not is_before_quote and (after or is_whole):
                marks.append(match)
        return marks

    def _count_inner(self, line: str) -> int:
        """How many reasonings inside the reasoning are open in a line: one can begin with it."""
        return self._inner + bool(self._opener and line.lstrip().startswith(self._opener))

    def _follow_line(self, line: str, end: str) -> None:
        """Keep track of blocks of code, and of marks that may close the reasoning."""
        if self._doubt:
            self._doubt.after.append(line + end)
            self._doubt.is_likely |= bool(self._fence and self._fence.is_opened_by(line))
        if self._fence and self._fence.is_closed_by(line):
            self._fence, self._open_marks = None, 0
        elif not self._fence and (fence := Fence.parse(line.removesuffix("\r"))):
            self._fence, self._open_marks = fence, 0
        else:
            self._doubt = self._find_doubt(line, end) or self._doubt
            self._open_marks = self._count_marks(line)

    def _find_doubt(self, line: str, end: str) -> Doubt | None:
        """What a mark in a line may close, if it is not certain to close the reasoning."""
        if not self._fence and self._state == "held":
            return None
        marks = self._closing_marks(line, is_whole=True)
        if not self._fence:
            self._inner = self._count_inner(line) - len(marks)
        elif self._open_marks or UNQUOTED_OPENER.search(line):
            return None
        for mark in reversed(marks):
            after = line[mark.end() :]
            opens_block = bool(self._fence and self._fence.is_opened_by(after))
            if not self._fence or opens_block or not after.strip():
                return Doubt(mark[0], [after + end], opens_block or not self._fence)
        return None

    def _count_marks(self, text: str) -> int:
        """How many marks are open after a text: each closing one removes an open one."""
        opened = len(UNQUOTED_OPENER.findall(text))
        closed = len(closer_pattern(self._closers).findall(text))
        return max(self._open_marks + opened - closed, 0)

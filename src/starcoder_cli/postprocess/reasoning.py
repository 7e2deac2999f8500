"""What a reasoning model thinks before it answers, which is not part of its answer.

Most models mark it in their text: the opening mark is at the very beginning of an answer, unless
the model's chat template has already opened it. Servers that know the marks leave them out.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Literal, TypeAlias

from starcoder_cli.model import Hole
from starcoder_cli.postprocess.fences import Fence
from starcoder_cli.stream import Chunk, Stream, closing_source, collect

Marks: TypeAlias = tuple[tuple[str, str], ...]

HARMONY_CHANNEL = "<|channel|>{}<|message|>"
MARKS: Marks = (
    ("<think>", "</think>"),  # DeepSeek-R1, Qwen3, QwQ, GLM, and most others
    ("<thinking>", "</thinking>"),
    ("<THINK>", "</THINK>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<thought>", "</thought>"),  # EXAONE Deep
    ("<longcat_think>", "</longcat_think>"),  # LongCat
    ("<mm:think>", "</mm:think>"),  # MiniMax
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, OpenThinker
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<unused94>thought", "<unused95>"),  # MedGemma
    ("Here is my thought process:", "Here is my response:"),  # Granite 3.2
    ("Here's my thought process:", "Here's my response:"),
    ("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),  # Apriel
    (HARMONY_CHANNEL.format("analysis"), HARMONY_CHANNEL.format("final")),  # gpt-oss
    ("<|start|>assistant" + HARMONY_CHANNEL.format("analysis"), HARMONY_CHANNEL.format("final")),
)
OPENERS = tuple(opener for opener, _ in MARKS)
MAX_LEAD = 1000
"""The most white space before a mark, in characters."""

QUOTES = ("`", "'", '"')
UNQUOTED_OPENER = re.compile(f"(?<![`'\"])({'|'.join(map(re.escape, OPENERS))})(?![`'\"])")

REASONING_NAME = re.compile(
    r"think|reason|qwq|magistral|gpt-oss|exaone|nemotron|minimax-m|seed-oss|\br1\b|glm-(4\.[5-9]|z)"
    r"|qwen-?3(?!.*(coder|instruct))|deepseek-v3\.[1-9]",
    re.IGNORECASE | re.ASCII,
)

State = Literal["start", "held", "thinking", "answer"]


def closers_of(marks: Marks) -> tuple[str, ...]:
    """The marks that close what a template has opened; plain words could be anywhere."""
    return tuple(dict.fromkeys(closer for _, closer in marks if not closer[0].isalpha()))


CLOSERS = closers_of(MARKS)


def is_reasoning_model(name: str, chat_template: str) -> bool:
    """Whether a model thinks first, judging by its chat template or its name."""
    by_template = any(closer in chat_template for closer in CLOSERS)
    return by_template or bool(REASONING_NAME.search(name))


def begins_with_reasoning(text: str) -> bool:
    """Whether a text begins with a mark that opens reasoning."""
    return text.lstrip().startswith(OPENERS)


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
            text, reasoning = reader.feed(chunk.text, is_last=bool(chunk.reason))
            if reasons and reader.is_held and chunk.reason == "length":
                text, reasoning = "", reasoning + text
            yield replace(chunk, text=text, reasoning_content=chunk.reasoning_content + reasoning)
            if chunk.reason:
                return
    text, reasoning = reader.feed("", is_last=True)
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


@cache
def closer_pattern(closers: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that matches any of these marks."""
    return re.compile("|".join(map(re.escape, closers)) or "(?!)")


@cache
def leading_closers(marks: Marks) -> re.Pattern[str]:
    """A pattern that matches all marks at the beginning that close what a template has opened."""
    return re.compile(rf"(\s*({'|'.join(map(re.escape, closers_of(marks))) or '(?!)'}))+")


class ReasoningReader:
    """An incremental reader of an answer: returns its certain text, and what was thought.

    A closing mark counts if it is not quoted, and inside a block of code only if it is alone on its
    line and closes nothing that the block itself opens.
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

    def feed(self, text: str, is_last: bool) -> tuple[str, str]:
        """Return the answer's text, and the reasoning, that are certain after this text."""
        self._pending += text
        reasoning = ""
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
            if not is_closed:
                break
            reasoning, self._held = self._held + reasoning, ""
            self._state, self._may_be_open, self._has_thought = "start", False, True
        held = self._held if is_last else ""
        return held, reasoning

    def _begin(self, is_last: bool) -> bool:
        """Leave the start state; false if more text is needed to decide the next one."""
        if closed := leading_closers(self._marks).match(self._pending):
            self._pending, self._has_thought = self._pending[closed.end() :], True
        text = self._pending.lstrip()
        for opener, closer in self._marks:
            if text.startswith(opener):
                self._state, self._closers = "thinking", (closer,)
                self._pending, self._fence, self._open_marks = text.removeprefix(opener), None, 0
                return True
        may_wait = not is_last and len(self._pending) <= MAX_LEAD
        if may_wait and any(mark.startswith(text) for mark in (*OPENERS, *CLOSERS)):
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
            self._follow_line(line)
            start = end + 1
        self._pending = text[start:]
        return text[:start], False

    def _find_closer(self, line: str, is_whole: bool) -> tuple[int, str] | None:
        """Where a mark closes in a line, and which one; None if none certainly does."""
        if self._fence:
            bare = line.strip()
            alone = is_whole and bare in self._closers and not self._open_marks
            return (line.find(bare), bare) if alone else None
        for match in closer_pattern(self._closers).finditer(line):
            before, after = line[: match.start()], line[match.end() :]
            is_before_quote = after.startswith(QUOTES) and not after.startswith("```")
            is_quoted = before.endswith(QUOTES) or is_before_quote
            is_matched = self._state == "held" and self._count_marks(before) > 0
            if not is_quoted and not is_matched and (after or is_whole):
                return match.start(), match[0]
        return None

    def _follow_line(self, line: str) -> None:
        """Keep track of whether a line opens or closes a block of code."""
        if self._fence and self._fence.is_closed_by(line):
            self._fence, self._open_marks = None, 0
        elif not self._fence and (fence := Fence.parse(line.removesuffix("\r"))):
            self._fence, self._open_marks = fence, 0
        else:
            self._open_marks = self._count_marks(line)

    def _count_marks(self, text: str) -> int:
        """How many marks are open after a text: each closing one removes an open one."""
        opened = len(UNQUOTED_OPENER.findall(text))
        closed = len(closer_pattern(self._closers).findall(text))
        return max(self._open_marks + opened - closed, 0)

"""What a chat-tuned model says around its code: fences, introductions, explanations."""

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from starcoder_cli.postprocess.fences import Fence, FencedBlock
from starcoder_cli.stream import Chunk, Stream, closing_source

FENCE_AFTER_CODE = re.compile(r"(?<=[^\s`])```[ \t]*$")
FENCE_MARK = "```"
SENTENCE_START = re.compile(
    r"(Here|This|These|That|The|Note|Explanation|Sure|Certainly|To|In|It|I|We|You|Please|However"
    r"|Let|If|Now)\b"
)
SENTENCE = re.compile(
    rf"\s*{SENTENCE_START.pattern}['’a-z]*[\s,][^=;{{}}<>\[\]]*\s[^=;{{}}<>\[\]]*[.:!]\**\s*"
    r"|\s*(\*\*)?Explanation:?(\*\*)?:?\s*"
)
INTRODUCTION_START = re.compile(r"\s*(\*\*)?[A-Z][\w'’]*([ ,!][^=;{}<>\[\]]*|[.:!]\**\s*)?")
INTRODUCTION = re.compile(rf"(?={INTRODUCTION_START.pattern}\Z).*[.:!]\**\s*")
"""A line before a fence, in any words: what follows it shows what it is."""

MIN_SENTENCE_WORDS = 5
MAX_INTRODUCTION, MAX_SENTENCE = 2000, 400
"""The maximum number of characters of an introduction, and of a sentence."""


def unwrap_fence(
    chunks: Iterable[Chunk], is_talk: Callable[[str, Fence], bool], is_text: Callable[[], bool]
) -> Stream:
    """The code of an answer that begins with a fence, or with sentences before one.

    `is_talk` says whether sentences and a fence are talk rather than the expected text. If a bare
    fence at the beginning is followed by a sentence, it is talk: then there is no code at all.
    If `is_text`, a block at the beginning that is followed by more is part of the answer.
    """
    pending = ""
    with closing_source(chunks) as source:
        for chunk in source:
            pending += chunk.text
            decision = find_opening(pending, is_whole=bool(chunk.reason))
            if decision is None:
                yield replace(chunk, text="")
                continue
            fence, rest = decision
            introduction = pending.partition(fence.mark)[0] if fence else ""
            if not fence or not is_talk(introduction, fence):
                yield replace(chunk, text=pending)
                yield from source
                return
            if introduction.strip() or not is_text():
                yield from read_block(fence, replace(chunk, text=rest), source)
            else:
                yield from read_lone_block(fence, replace(chunk, text=pending), len(rest), source)
            return
    if pending:
        yield Chunk(pending, 0, "stop")


def read_lone_block(fence: Fence, first: Chunk, rest_length: int, rest: Iterable[Chunk]) -> Stream:
    """The code of a fenced block, or the whole answer if text follows the block.

    The first chunk has the answer so far, with the end coming after the line of the fence.
    """
    text, last = first.text, first
    for last in itertools.chain([first], rest):
        text += last.text if last is not first else ""
        if last.reason:
            break
        yield replace(last, text="")
    else:
        last = Chunk("", 0, "stop")
    block = FencedBlock(fence)
    code = block.feed(text[len(first.text) - rest_length :])
    code += "" if block.is_closed else block.flush()
    if block.is_closed and block.rest.strip():
        yield replace(last, text=text)
    else:
        reason = "stop" if block.is_closed else last.reason
        yield replace(last, text=code, reason=reason, trimmed=(*last.trimmed, "fence"))


def read_block(fence: Fence, first: Chunk, rest: Iterable[Chunk]) -> Stream:
    """Yield the code of a fenced block whose beginning is in the first chunk."""
    block = FencedBlock(fence)
    names: tuple[str, ...] = ("fence",)
    for chunk in itertools.chain([first], rest):
        text = block.feed(chunk.text)
        text += block.flush() if chunk.reason and not block.is_closed else ""
        reason = "stop" if block.is_closed else chunk.reason
        yield replace(chunk, text=text, reason=reason, trimmed=(*chunk.trimmed, *names))
        if reason:
            return
        names = ()


def find_opening(text: str, *, is_whole: bool) -> tuple[Fence | None, str] | None:
    """The fence a text begins with, and what follows it, or None if undecided."""
    has_sentence, lines, at = False, text[:MAX_INTRODUCTION].split("\n"), 0
    is_whole = is_whole or len(text) > MAX_INTRODUCTION
    for number, line in enumerate(lines):
        is_last = number == len(lines) - 1 and not is_whole
        if is_last:
            may_go_on = (
                not line.strip()
                or FENCE_MARK.startswith(line.lstrip()[: len(FENCE_MARK)])
                or INTRODUCTION_START.fullmatch(line)
                or "**".startswith(line.strip())
            )
            return None if may_go_on else (None, "")
        at += len(line) + 1
        if is_fence_line(line):
            fence = Fence.parse(line)
            is_named = bool(line.strip().strip("`"))
            if fence and not is_named:
                following = next((each for each in lines[number + 1 :] if each.strip()), "")
                if not is_whole and "\n" not in text[at:].lstrip("\n"):
                    return None
                if not following or is_sentence(following):
                    if has_sentence:  # what looked like an introduction is the answer
                        return None, ""
                    return None if not is_whole else (fence, FENCE_MARK)
            return fence, text[at:]
        if INTRODUCTION.fullmatch(line):
            has_sentence = True
        elif line.strip():
            break
    return None, ""


def is_fence_line(line: str) -> bool:
    """Whether a line opens or closes a fenced block of Markdown."""
    return line.lstrip().startswith(FENCE_MARK)


def is_sentence(line: str) -> bool:
    """Whether a line reads as a sentence rather than code."""
    return (
        len(line) <= MAX_SENTENCE
        and bool(SENTENCE.fullmatch(line))
        and (len(line.split()) >= MIN_SENTENCE_WORDS or "Explanation" in line)
    )


def may_be_sentence(line: str) -> bool:
    """Whether a line that has only begun may still become a sentence."""
    text = line.lstrip().removeprefix("**")
    if len(line) > MAX_SENTENCE:
        return False
    if re.fullmatch("[A-Z][a-z]*", text):
        return True
    return bool(SENTENCE_START.match(text)) and not re.search(r"[=;{}<>\[\]]", text)


def may_be_fence(line: str) -> bool:
    """Whether a line that begins like this can be a fence, or end in one."""
    return FENCE_MARK.startswith(line.strip()[:3]) or line.rstrip().endswith("`")


def may_be_talk(line: str) -> bool:
    """Whether a line that has only begun may be a fence, or a sentence."""
    return may_be_fence(line) or may_be_sentence(line)

"""What a model that was tuned to chat says around its code: fences, introductions, explanations."""

import re
from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.languages import Language
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.brackets import scan_brackets
from starcoder_cli.postprocess.hold_back import hold_back
from starcoder_cli.postprocess.line_rules import LineRule, until_line_matches
from starcoder_cli.stream import Chunk, Stream, closing_source

FENCE_MARK = "```"
SENTENCE = re.compile(
    r"\s*(Here|This|These|That|The|Note|Explanation|Sure|Certainly|To|In|I|It|We|You|Please|However"
    r"|Let|If|Now)\s[^=;{}<>\[\]]*\s[^=;{}<>\[\]]*[.:!]\**\s*|\s*(\*\*)?Explanation:?(\*\*)?:?\s*"
)
MIN_SENTENCE_WORDS = 5
FENCE_AFTER_CODE = re.compile(r"(?<=[^\s`])```[ \t]*$", re.MULTILINE)  # a fence right behind code
UNFINISHED_FENCE = re.compile(r"`{1,3}[ \t]*\Z")


def until_prose(chunks: Iterable[Chunk], hole: Hole, language: Language) -> Stream:
    """An answer up to a fence that closes it, or to a sentence that stands among code."""
    suffix_gap = "\n" if hole.suffix.startswith("\n") else ""
    starts_in_code = scan_brackets(hole.prefix, language).ends_in_code

    def ends_at_fence(before: str, line: str) -> bool:
        return is_fence_line(line) and count_fences(hole.prefix + before) % 2 == 0

    def ends_at_explanation(before: str, line: str) -> bool:
        return starts_in_code and is_sentence(line) and scan_brackets(before, language).ends_in_code

    fence = LineRule(
        "fence", ends_at_fence, lambda line: FENCE_MARK.startswith(line.lstrip()[:3]), suffix_gap
    )
    explanation = LineRule("explanation", ends_at_explanation, may_be_sentence, suffix_gap)
    line_prefix = hole.prefix.rpartition("\n")[2]
    return until_line_matches(
        until_line_matches(chunks, fence), explanation, line_prefix=line_prefix
    )


def until_fence_after_code(chunks: Iterable[Chunk], hole: Hole, language: Language) -> Stream:
    """An answer up to a fence at the end of a line of code, which no code ends with."""

    def decide(text: str, last: bool) -> tuple[int, str]:
        unfinished = None if last else UNFINISHED_FENCE.search(text)
        end = unfinished.start() if unfinished else len(text)
        fence = (each.start() for each in FENCE_AFTER_CODE.finditer(text, 0, end))
        for at in fence:
            if scan_brackets(hole.prefix + text[:at], language).ends_in_code:
                return at, "fence"
        return end, ""

    return hold_back(chunks, decide)


def skip_introduction(chunks: Iterable[Chunk]) -> Stream:
    """An answer without the sentences before a fence with a language's name, and without that.

    A bare fence at the beginning closes one that nobody opened: what follows it is talk.
    """
    pending: str | None = ""
    with closing_source(chunks) as source:
        for chunk in source:
            if pending is None:
                yield chunk
                continue
            pending += chunk.text
            line, newline, rest = split_introduction(pending)
            may_open = FENCE_MARK.startswith(line.lstrip()[: len(FENCE_MARK)]) or may_be_sentence(
                line
            )
            if may_open and not newline and not chunk.reason:
                yield replace(chunk, text="")
                continue
            if is_opening_fence(line):
                yield replace(chunk, text=rest, trimmed=(*chunk.trimmed, "fence"))
            else:
                yield replace(chunk, text=pending)
            pending = None
    if pending:
        yield Chunk(pending, 0, "stop")


def split_introduction(text: str) -> tuple[str, str, str]:
    """The first line that is neither blank nor a sentence, its end, and what follows it."""
    line, newline, rest = "", "\n", text
    while newline and (not line.strip() or is_sentence(line)):
        line, newline, rest = rest.partition("\n")
    return line, newline, rest


def count_fences(text: str) -> int:
    """How many lines of a text are fences."""
    return sum(is_fence_line(line) for line in text.split("\n"))


def is_fence_line(line: str) -> bool:
    """Whether a line opens or closes a fenced block of Markdown."""
    return line.lstrip().startswith(FENCE_MARK)


def is_opening_fence(line: str) -> bool:
    """Whether a line is a fence that names a language."""
    return is_fence_line(line) and bool(line.strip().strip("`"))


def is_sentence(line: str) -> bool:
    """Whether a line is a sentence to a reader, and no code."""
    return bool(SENTENCE.fullmatch(line)) and (
        len(line.split()) >= MIN_SENTENCE_WORDS or "Explanation" in line
    )


def may_be_sentence(line: str) -> bool:
    """Whether a line may still become a sentence: it begins with a capital letter and words."""
    return bool(re.fullmatch(r"\s*(\*\*)?[A-Z][a-z]*([ ,:][^=;{}<>\[\]]*)?", line))

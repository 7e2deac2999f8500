"""What a model that was tuned to chat says around its code: fences, introductions, explanations."""

import re
from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.files.source import Hole
from starcoder_cli.languages import Language
from starcoder_cli.postprocess.brackets import brackets
from starcoder_cli.postprocess.line_rules import LineRule, until_line
from starcoder_cli.stream import Chunk, Stream, closing_source

FENCE = "```"
SENTENCE = re.compile(
    r"\s*(Here|This|These|That|The|Note|Explanation|Sure|Certainly|To|In|I|It|We|You|Please|However"
    r"|Let|If|Now)\s[^=;{}<>\[\]]*\s[^=;{}<>\[\]]*[.:!]\**\s*|\s*(\*\*)?Explanation:?(\*\*)?:?\s*"
)
FEWEST_WORDS = 5
GLUED = re.compile(r"(?<=[^\s`])```[ \t]*$", re.MULTILINE)  # a fence right behind code
BEGUN = re.compile(r"`{1,3}[ \t]*\Z")


def until_talk(chunks: Iterable[Chunk], hole: Hole, language: Language) -> Stream:
    """An answer up to a fence that closes it, or to a sentence that stands among code."""
    lead = "\n" if hole.suffix.startswith("\n") else ""
    in_code = brackets(hole.prefix, language).in_code

    def fenced(before: str, line: str) -> bool:
        return is_fence(line) and fences(hole.prefix + before) % 2 == 0

    def explains(before: str, line: str) -> bool:
        return in_code and is_sentence(line) and brackets(before, language).in_code

    fence = LineRule("fence", fenced, lambda line: FENCE.startswith(line.lstrip()[:3]), lead)
    talk = LineRule("explanation", explains, may_be_sentence, lead)
    begun = hole.prefix.rpartition("\n")[2]
    return until_line(until_line(chunks, fence), talk, begun=begun)


def until_glued(chunks: Iterable[Chunk], hole: Hole, language: Language) -> Stream:
    """An answer up to a fence at the end of a line of code, which no code ends with."""
    text, shown = "", 0
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            begun = None if chunk.reason else BEGUN.search(text)
            end = begun.start() if begun else len(text)
            glued = GLUED.search(text, max(shown - 1, 0), end)
            if glued and brackets(hole.prefix + text[: glued.start()], language).in_code:
                cut = (*chunk.trimmed, "fence")
                yield replace(chunk, text=text[shown : glued.start()], reason="stop", trimmed=cut)
                return
            yield replace(chunk, text=text[shown:end])
            shown = end
    if text[shown:]:
        yield Chunk(text[shown:], 0, "stop")


def without_introduction(chunks: Iterable[Chunk]) -> Stream:
    """An answer without the sentences before a fence with a language's name, and without that.

    A bare fence at the beginning closes one that nobody opened: what follows it is talk.
    """
    held: str | None = ""
    with closing_source(chunks) as source:
        for chunk in source:
            if held is None:
                yield chunk
                continue
            held += chunk.text
            line, newline, rest = introduced(held)
            may_open = FENCE.startswith(line.lstrip()[: len(FENCE)]) or may_be_sentence(line)
            if may_open and not newline and not chunk.reason:
                yield replace(chunk, text="")
                continue
            if opens_fence(line):
                yield replace(chunk, text=rest, trimmed=(*chunk.trimmed, "fence"))
            else:
                yield replace(chunk, text=held)
            held = None
    if held:
        yield Chunk(held, 0, "stop")


def introduced(text: str) -> tuple[str, str, str]:
    """The first line that is neither blank nor a sentence, its end, and what follows it."""
    line, newline, rest = "", "\n", text
    while newline and (not line.strip() or is_sentence(line)):
        line, newline, rest = rest.partition("\n")
    return line, newline, rest


def fences(text: str) -> int:
    """How many lines of a text are fences."""
    return sum(is_fence(line) for line in text.split("\n"))


def is_fence(line: str) -> bool:
    """Whether a line opens or closes a fenced block of Markdown."""
    return line.lstrip().startswith(FENCE)


def opens_fence(line: str) -> bool:
    """Whether a line is a fence that names a language."""
    return is_fence(line) and bool(line.strip().strip("`"))


def is_sentence(line: str) -> bool:
    """Whether a line is a sentence to a reader, and no code."""
    return bool(SENTENCE.fullmatch(line)) and (
        len(line.split()) >= FEWEST_WORDS or "Explanation" in line
    )


def may_be_sentence(line: str) -> bool:
    """Whether a line may still become a sentence: it begins with a capital letter and words."""
    return bool(re.fullmatch(r"\s*(\*\*)?[A-Z][a-z]*([ ,:][^=;{}<>\[\]]*)?", line))

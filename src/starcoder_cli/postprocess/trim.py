"""Where an answer should have ended: clean-up of a fill or completion, as stream transforms.

Models that were tuned to chat run on past a hole: they repeat what follows it, close what is
closed already, explain, go round in circles. Each rule here ends the stream there, holding back
only what may be the beginning of such an end, and the model stops with it. A rule that took
something away says so by its name in `Chunk.trimmed`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from starcoder_cli.candidates.ranking import insisting
from starcoder_cli.files.source import Hole
from starcoder_cli.languages import Language
from starcoder_cli.model import Sampling
from starcoder_cli.postprocess.brackets import knows, until_closer
from starcoder_cli.postprocess.indentation import fitting, indentation
from starcoder_cli.postprocess.line_rules import LineRule, until_line
from starcoder_cli.postprocess.prose import until_glued, until_talk, without_introduction
from starcoder_cli.postprocess.repetition import by_lines, near, repetition
from starcoder_cli.postprocess.single_line import CLOSERS, balance, one_line, whole_line
from starcoder_cli.settings import Lines
from starcoder_cli.stream import Chunk, Stream, closing_source, overlap, scored, with_newline

OPENS = re.compile(r"[:{(\[]$|\b(do|then|begin)$")
CONTINUES = re.compile(
    r"\s*(else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|case|default|end|fi|done"
    r"|esac|then|in)\b"
)
JUMPS = ("return", "raise", "throw", "break", "continue")
PROSE = {"markdown", "restructuredtext", "rmarkdown", "tex", "text"}


def filled(
    ask: Callable[[Sampling], Stream],
    sampling: Sampling,
    hole: Hole,
    language: Language,
    lines: Lines,
) -> Stream:
    """The part of an answer that belongs in a hole; it is asked for again where it is blank."""

    def fitted(chunks: Stream) -> Stream:
        return trimmed(chunks, hole, language, lines)

    return insisting(lambda each: scored(ask(each), fitted), sampling)


def trimmed(chunks: Stream, hole: Hole, language: Language, lines: Lines) -> Stream:
    """The part of an answer that belongs in a hole of one line, of a block, or of many lines."""
    chunks = with_newline(chunks, "\n")
    if language.name not in PROSE:
        chunks = until_glued(without_introduction(chunks), hole, language)
        chunks = until_talk(chunks, hole, language)
        chunks = fitting(chunks, hole, language)
    chunks = by_lines(chunks, "repetition", repetition, hole.suffix)
    if lines == "one" and is_between_lines(hole):
        return whole_line(chunks)
    if lines == "one":
        return one_line(chunks, hole.suffix.partition("\n")[0].rstrip())
    if knows(language):
        chunks = until_closer(chunks, hole, language)
    if hole.suffix.partition("\n")[0].strip() and not hole.prefix.endswith("\n"):
        return until_rest(chunks, hole.suffix)
    chunks = by_lines(chunks, "suffix", near(hole.suffix), hole.suffix)
    block = block_rule(hole) if lines == "block" else None
    for rule in (suffix_rule(hole), unreachable_rule(hole), block):
        if rule:
            chunks = until_line(chunks, rule, begun=hole.prefix.rpartition("\n")[2])
    return chunks


def choose_lines(hole: Hole, *, inside_line: bool) -> Lines:
    """One line where code stays on the line before and behind the hole, else a block."""
    before, behind = hole.prefix.rpartition("\n")[2], hole.suffix.partition("\n")[0]
    return "one" if inside_line or (before.strip() and behind.strip()) else "block"


def is_between_lines(hole: Hole) -> bool:
    """Whether a line begins at the hole, and the next one right behind it."""
    begins = not hole.prefix or hole.prefix.endswith("\n")
    return begins and bool(hole.suffix.partition("\n")[0].strip())


def first_line(suffix: str) -> re.Match[str] | None:
    """The first line of a suffix that is not blank."""
    return re.search(r"^[^\n]*\S[^\n]*$", suffix, re.MULTILINE)


def suffix_rule(hole: Hole) -> LineRule | None:
    """Ends where the first line of the suffix that is not blank begins again.

    A line of closing brackets ends the answer only if they close more than the answer opened.
    """
    match = first_line(hole.suffix)
    if not match:
        return None
    target = match.group().rstrip()
    closes = balance(target) < 0 and not re.search(r"\w", target)

    def ends(before: str, line: str) -> bool:
        return line.rstrip() == target and (not closes or balance(before + line) < 0)

    lead = hole.suffix[: match.start()]
    return LineRule("suffix", ends, lambda line: target.startswith(line.rstrip()), lead)


def unreachable_rule(hole: Hole) -> LineRule | None:
    """Ends at a jump beside the suffix's first line, which nothing would ever reach behind it.

    An answer that begins with the jump, or further left, has a way of its own: it stays.
    """
    match = first_line(hole.suffix)
    if not match or CONTINUES.match(match.group()) or match.group().lstrip()[0] in CLOSERS:
        return None
    border = indentation(match.group())

    def ends(before: str, line: str) -> bool:
        jumps = line.strip().partition(" ")[0].rstrip(";") in JUMPS
        return jumps and bool(before.strip()) and indentation(line) == border <= began(before, hole)

    def may_end(line: str) -> bool:
        word = line.strip().partition(" ")[0].rstrip(";")
        return indentation(line) == border and any(jump.startswith(word) for jump in JUMPS)

    return LineRule("unreachable", ends, may_end, hole.suffix[: match.start()])


def block_rule(hole: Hole) -> LineRule | None:
    """Ends with the hole's block: at a line further left than both the answer began and the suffix.

    A line as far left as the suffix ends it too where the answer has been further right. A line
    that carries a statement on, as `else` does, and closing brackets end nothing here. Behind the
    last line of a file the margin counts.
    """
    match = first_line(hole.suffix)
    border = indentation(match.group()) if match else 0
    nearest = border if depth(hole.prefix) > border else border - 1

    def ends(before: str, line: str) -> bool:
        if not before.strip() or not line.strip() or indentation(line) > nearest:
            return False
        if indentation(line) >= began(before, hole):
            return False
        return line.lstrip()[0] not in CLOSERS and not CONTINUES.match(line)

    lead = hole.suffix[: match.start()] if match else hole.suffix or None
    return LineRule("block", ends, lambda line: indentation(line) <= nearest, lead)


def began(answer: str, hole: Hole) -> int:
    """How far right the first line of an answer stands that is not blank."""
    own = hole.prefix.rpartition("\n")[2]
    head, _, rest = answer.partition("\n")
    if own.strip() and head.strip():
        return depth(hole.prefix)
    first = head if own.strip() else own + head
    return indentation(next(line for line in f"{first}\n{rest}".split("\n") if line.strip()))


def depth(prefix: str) -> int:
    """How far right a hole behind a prefix stands: as its own line, or as the code before it.

    After a line that opens a block it is deeper than that line, by an unknown amount.
    """
    own = prefix.rpartition("\n")[2]
    if own and not own.strip():
        return indentation(own + "|")
    line = prefix.rstrip().rpartition("\n")[2]
    return indentation(line) + bool(OPENS.search(line))


def until_rest(chunks: Iterable[Chunk], suffix: str) -> Stream:
    """An answer of several lines up to where the rest of the last one's line begins again.

    A rest without a word is too little to go by: the line behind it has to follow as well.
    """
    rest, newline, following = suffix.partition("\n")
    target = rest.rstrip() + newline
    if not re.search(r"\w", rest):
        target += following.partition("\n")[0].rstrip()
    text, shown = "", 0
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            at = text.find(target)
            if (
                chunk.reason
                and at < 0
                and len(tail := text[-overlap(text, (target,)) :]) >= len(rest.rstrip())
            ):
                at = (
                    len(text) - len(tail) if text.endswith(tail) and target.startswith(tail) else -1
                )
            if at >= 0:
                cut = (*chunk.trimmed, "suffix")
                yield replace(chunk, text=text[shown:at], reason="stop", trimmed=cut)
                return
            end = len(text) - (0 if chunk.reason else overlap(text, (target + "\n",)))
            yield replace(chunk, text=text[shown:end])
            shown = max(shown, end)
    if text[shown:]:
        yield Chunk(text[shown:], 0, "stop")

"""Where an answer should have ended: clean-up of a fill or completion, as stream transforms.

Models that were tuned to chat run on past a hole: they repeat what follows it, close what is
closed already, explain, go round in circles. Each rule here ends the stream there, holding back
only what may be the beginning of such an end, and the model stops with it. A rule that took
something away says so by its name in `Chunk.trimmed`.
"""

import re
from collections.abc import Callable, Iterable

from starcoder_cli.candidates.ranking import retry_if_blank
from starcoder_cli.languages import Language
from starcoder_cli.model import Hole, Sampling
from starcoder_cli.postprocess.brackets import has_paired_brackets, until_unmatched_closer
from starcoder_cli.postprocess.hold_back import hold_back
from starcoder_cli.postprocess.indentation import indent_columns, reindent
from starcoder_cli.postprocess.line_rules import LineRule, until_line_matches
from starcoder_cli.postprocess.prose import skip_introduction, until_fence_after_code, until_prose
from starcoder_cli.postprocess.repetition import (
    check_repetition,
    make_suffix_check,
    until_lines_check,
)
from starcoder_cli.postprocess.single_line import (
    CLOSERS,
    bracket_balance,
    first_whole_line,
    until_line_end,
)
from starcoder_cli.settings import LineMode
from starcoder_cli.stream import Chunk, Stream, convert_newlines, keep_logprobs, longest_overlap

BLOCK_START = re.compile(r"[:{(\[]$|\b(do|then|begin)$")
CONTINUATION_KEYWORD = re.compile(
    r"\s*(else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|case|default|end|fi|done"
    r"|esac|then|in)\b"
)
JUMP_KEYWORDS = ("return", "raise", "throw", "break", "continue")
PROSE_LANGUAGES = {"markdown", "restructuredtext", "rmarkdown", "tex", "text"}


def trim_with_retry(
    generate: Callable[[Sampling], Stream],
    sampling: Sampling,
    hole: Hole,
    language: Language,
    lines: LineMode,
) -> Stream:
    """The part of an answer that belongs in a hole; it is asked for again where it is blank."""

    def trim(chunks: Stream) -> Stream:
        return trim_answer(chunks, hole, language, lines)

    return retry_if_blank(lambda attempt: keep_logprobs(generate(attempt), trim), sampling)


def trim_answer(chunks: Stream, hole: Hole, language: Language, lines: LineMode) -> Stream:
    """The part of an answer that belongs in a hole of one line, of a block, or of many lines."""
    chunks = convert_newlines(chunks, "\n")
    if language.name not in PROSE_LANGUAGES:
        chunks = until_fence_after_code(skip_introduction(chunks), hole, language)
        chunks = until_prose(chunks, hole, language)
        chunks = reindent(chunks, hole, language)
    chunks = until_lines_check(chunks, "repetition", check_repetition, hole.suffix)
    if lines == "one" and is_between_lines(hole):
        return first_whole_line(chunks)
    if lines == "one":
        return until_line_end(chunks, hole.suffix.partition("\n")[0].rstrip())
    if has_paired_brackets(language):
        chunks = until_unmatched_closer(chunks, hole, language)
    if hole.suffix.partition("\n")[0].strip() and not hole.prefix.endswith("\n"):
        return until_rest_of_line(chunks, hole.suffix)
    chunks = until_lines_check(chunks, "suffix", make_suffix_check(hole.suffix), hole.suffix)
    block = make_block_rule(hole) if lines == "block" else None
    for rule in (make_suffix_rule(hole), make_unreachable_rule(hole), block):
        if rule:
            chunks = until_line_matches(chunks, rule, line_prefix=hole.prefix.rpartition("\n")[2])
    return chunks


def choose_line_mode(hole: Hole, *, inside_line: bool) -> LineMode:
    """One line where code stays on the line before and behind the hole, else a block."""
    before, after = hole.prefix.rpartition("\n")[2], hole.suffix.partition("\n")[0]
    return "one" if inside_line or (before.strip() and after.strip()) else "block"


def is_between_lines(hole: Hole) -> bool:
    """Whether a line begins at the hole, and the next one right behind it."""
    begins = not hole.prefix or hole.prefix.endswith("\n")
    return begins and bool(hole.suffix.partition("\n")[0].strip())


def first_nonblank_line(suffix: str) -> re.Match[str] | None:
    """The first line of a suffix that is not blank."""
    return re.search(r"^[^\n]*\S[^\n]*$", suffix, re.MULTILINE)


def make_suffix_rule(hole: Hole) -> LineRule | None:
    """Ends where the first line of the suffix that is not blank begins again.

    A line of closing brackets ends the answer only if they close more than the answer opened.
    """
    match = first_nonblank_line(hole.suffix)
    if not match:
        return None
    target = match.group().rstrip()
    is_closing_line = bracket_balance(target) < 0 and not re.search(r"\w", target)

    def matches(before: str, line: str) -> bool:
        return line.rstrip() == target and (
            not is_closing_line or bracket_balance(before + line) < 0
        )

    suffix_gap = hole.suffix[: match.start()]
    return LineRule("suffix", matches, lambda line: target.startswith(line.rstrip()), suffix_gap)


def make_unreachable_rule(hole: Hole) -> LineRule | None:
    """Ends at a jump beside the suffix's first line, which nothing would ever reach behind it.

    An answer that begins with the jump, or further left, has a way of its own: it stays.
    """
    match = first_nonblank_line(hole.suffix)
    if (
        not match
        or CONTINUATION_KEYWORD.match(match.group())
        or match.group().lstrip()[0] in CLOSERS
    ):
        return None
    suffix_indent = indent_columns(match.group())

    def matches(before: str, line: str) -> bool:
        is_jump = line.strip().partition(" ")[0].rstrip(";") in JUMP_KEYWORDS
        return (
            is_jump
            and bool(before.strip())
            and indent_columns(line) == suffix_indent <= answer_indent(before, hole)
        )

    def may_match(line: str) -> bool:
        word = line.strip().partition(" ")[0].rstrip(";")
        return indent_columns(line) == suffix_indent and any(
            jump.startswith(word) for jump in JUMP_KEYWORDS
        )

    return LineRule("unreachable", matches, may_match, hole.suffix[: match.start()])


def make_block_rule(hole: Hole) -> LineRule | None:
    """Ends with the hole's block: at a line further left than both the answer began and the suffix.

    A line as far left as the suffix ends it too where the answer has been further right. A line
    that carries a statement on, as `else` does, and closing brackets end nothing here. Behind the
    last line of a file the margin counts.
    """
    match = first_nonblank_line(hole.suffix)
    suffix_indent = indent_columns(match.group()) if match else 0
    max_indent = suffix_indent if hole_indent(hole.prefix) > suffix_indent else suffix_indent - 1

    def matches(before: str, line: str) -> bool:
        if not before.strip() or not line.strip() or indent_columns(line) > max_indent:
            return False
        if indent_columns(line) >= answer_indent(before, hole):
            return False
        return line.lstrip()[0] not in CLOSERS and not CONTINUATION_KEYWORD.match(line)

    suffix_gap = hole.suffix[: match.start()] if match else hole.suffix or None
    return LineRule("block", matches, lambda line: indent_columns(line) <= max_indent, suffix_gap)


def answer_indent(answer: str, hole: Hole) -> int:
    """How far right the first line of an answer stands that is not blank."""
    line_prefix = hole.prefix.rpartition("\n")[2]
    answer_start, _, rest = answer.partition("\n")
    if line_prefix.strip() and answer_start.strip():
        return hole_indent(hole.prefix)
    first = answer_start if line_prefix.strip() else line_prefix + answer_start
    return indent_columns(next(line for line in f"{first}\n{rest}".split("\n") if line.strip()))


def hole_indent(prefix: str) -> int:
    """How far right a hole behind a prefix stands: as its own line, or as the code before it.

    After a line that opens a block it is deeper than that line, by an unknown amount.
    """
    own_line = prefix.rpartition("\n")[2]
    if own_line and not own_line.strip():
        return indent_columns(own_line + "|")
    line = prefix.rstrip().rpartition("\n")[2]
    return indent_columns(line) + bool(BLOCK_START.search(line))


def until_rest_of_line(chunks: Iterable[Chunk], suffix: str) -> Stream:
    """An answer of several lines up to where the rest of the last one's line begins again.

    A rest without a word is too little to go by: the line behind it has to follow as well.
    """
    rest, newline, following = suffix.partition("\n")
    target = rest.rstrip() + newline
    if not re.search(r"\w", rest):
        target += following.partition("\n")[0].rstrip()

    def decide(text: str, last: bool) -> tuple[int, str]:
        position = text.find(target)
        if position < 0 and last:
            end = longest_overlap(
                text, (target,)
            )  # the rest is there, but not the line end behind it
            position = len(text) - end if end >= max(len(rest.rstrip()), 1) else -1
        if position >= 0:
            return position, "suffix"
        return len(text) - (0 if last else longest_overlap(text, (target + "\n",))), ""

    return hold_back(chunks, decide)

"""Where an answer should have ended: clean-up of a fill or completion, as stream transforms.

Chat-tuned models run on past a hole: they repeat what is around it, close what is already closed,
explain, go round in circles. A rule that removed something puts its name into `Chunk.trimmed`. When
a rule is not sure, a parser decides: see `ends.py`.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import PurePath

from starcoder_cli.candidates.ranking import retry_if_blank
from starcoder_cli.languages import Language, detect_language
from starcoder_cli.model import Hole, Sampling
from starcoder_cli.postprocess.ends import until_sound_end
from starcoder_cli.postprocess.hold_back import hold_back
from starcoder_cli.postprocess.indent_kind import match_indent_kind
from starcoder_cli.postprocess.indentation import reindent
from starcoder_cli.postprocess.prose import unwrap_fence
from starcoder_cli.postprocess.repeated_lines import drop_repeated_lines
from starcoder_cli.postprocess.repeated_prefix import drop_repeated_prefix
from starcoder_cli.postprocess.single_line import (
    first_whole_line,
    until_line_end,
    until_statement_end,
)
from starcoder_cli.postprocess.sound_part import join_rest_of_line, keep_sound_part
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.postprocess.trim_options import FENCELESS_PROSE, PROSE_LANGUAGES, TrimOptions
from starcoder_cli.postprocess.unfinished import cut_unfinished
from starcoder_cli.settings import LineMode
from starcoder_cli.stream import Chunk, Stream, convert_newlines, keep_logprobs, longest_overlap


def trim_with_retry(
    generate: Callable[[Sampling], Stream],
    sampling: Sampling,
    trim: Callable[[Stream], Stream],
    last: Callable[[Sampling], Stream] | None = None,
) -> Stream:
    """Trim an answer; if nothing is left, ask for it again, and use `last` for the last attempt."""
    return retry_if_blank(
        lambda attempt: keep_logprobs(generate(attempt), trim),
        sampling,
        None if last is None else lambda attempt: keep_logprobs(last(attempt), trim),
    )


def trim_answer(chunks: Stream, hole: Hole, options: TrimOptions) -> Stream:
    """The part of an answer that belongs in a hole of one line, of a block, or of many lines."""
    check = SoundnessCheck(hole, options.replaced, options.language)
    chunks = convert_newlines(chunks, "\n")
    if not options.is_prose or options.language.name in FENCELESS_PROSE:
        chunks = unwrap_fence(chunks, check.is_wrapped, lambda: not check.is_code_behind(""))
    if not options.is_prose:
        chunks = drop_repeated_lines(chunks, hole)
        chunks = drop_repeated_prefix(chunks, hole, check)
    is_whole_line = options.lines == "one" and is_between_lines(hole, options.replaced)
    if is_whole_line:
        chunks = first_whole_line(chunks)
    if not options.is_prose:
        around = f"{hole.prefix}{options.replaced}{hole.suffix}"
        begins_line = not hole.prefix or hole.prefix.endswith("\n")
        chunks = match_indent_kind(chunks, around, check, at_line_start=begins_line)
        chunks = reindent(chunks, hole, check)
    if is_whole_line:
        return chunks
    replaces_text = "\n" in options.replaced and not check.is_code_behind("")
    is_one_line = options.lines == "one" and not (options.may_go_on and replaces_text)
    if is_one_line:
        until_end = until_statement_end if options.may_go_on else until_line_end
        chunks = until_end(chunks, hole.suffix.partition("\n")[0], check)
    elif ends_inside_line(hole, options.replaced):
        chunks = until_rest_of_line(chunks, hole.suffix)
    else:
        chunks = until_sound_end(chunks, hole, check, options)
    judge = SoundnessCheck(hole, options.replaced, options.language)
    rest = hole.suffix.partition("\n")[0].strip()
    if rest and hole.prefix.rpartition("\n")[2].isspace() and check.has_parser:
        chunks = join_rest_of_line(chunks, rest, judge)
    if options.live and not (is_one_line and options.may_go_on):
        return chunks
    if options.lines != "one":
        chunks = cut_unfinished(chunks, judge)
    is_judged = hole.suffix.strip() and check.has_parser and not options.is_prose
    return keep_sound_part(chunks, judge) if is_judged else chunks


def choose_line_mode(hole: Hole, *, inside_line: bool) -> LineMode:
    """One line if there is code on the line before and after the hole, otherwise a block."""
    before, after = hole.prefix.rpartition("\n")[2], hole.suffix.partition("\n")[0]
    return "one" if inside_line or (before.strip() and after.strip()) else "block"


def is_prose(language: Language, filename: str | None) -> bool:
    """Whether a file is written for people: a text, unless its name has an unknown extension."""
    is_unknown = language.name == "text" and "." in PurePath(filename or "").name
    return language.name in PROSE_LANGUAGES and not (
        is_unknown and not detect_language(filename or "")
    )


def is_between_lines(hole: Hole, replaced: str) -> bool:
    """Whether a line begins at the hole, and the next one immediately after what it replaces."""
    begins = not hole.prefix or hole.prefix.endswith("\n")
    ends = not replaced or replaced.endswith("\n")
    return begins and ends and bool(hole.suffix.partition("\n")[0].strip())


def ends_inside_line(hole: Hole, replaced: str) -> bool:
    """Whether the rest of a line follows a hole that does not stand between whole lines."""
    begins_inside = bool(hole.prefix.rpartition("\n")[2].strip())
    is_part = bool(replaced) and not replaced.endswith("\n")
    return bool(hole.suffix.partition("\n")[0].strip()) and (begins_inside or is_part)


def until_rest_of_line(chunks: Iterable[Chunk], suffix: str) -> Stream:
    """Yield an answer of several lines up to where the rest of the hole's line is repeated.

    A rest without a word is too little to go by: the next lines must follow up to one that has.
    """
    rest, newline, following = suffix.partition("\n")
    target = rest.rstrip() + newline
    while following and not re.search(r"\w", target):
        line, newline, following = following.partition("\n")
        target += line.rstrip() + newline * (not re.search(r"\w", line))

    def decide(text: str, last: bool) -> tuple[int, str]:
        position = text.find(target)
        if position < 0 and last:
            end = longest_overlap(
                text, (target,)
            )  # the rest is there, but not the line end after it
            position = len(text) - end if end >= max(len(rest.rstrip()), 1) else -1
        if position >= 0:
            return position, "suffix"
        return len(text) - (0 if last else longest_overlap(text, (target + "\n",))), ""

    return hold_back(chunks, decide)

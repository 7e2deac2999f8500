"""An answer that was cut off in the middle ends at the last place where it is complete."""

from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.stream import Chunk, Stream, closing_source

UNFINISHED = "unfinished"
"""The rule's name: with it, a truncated answer is complete as far as it goes."""

EAGER_CHECKS = 32
"""This many lines are judged one by one; after them every second one, every fourth, and so on."""


def cut_unfinished(chunks: Iterable[Chunk], check: SoundnessCheck) -> Stream:
    """Yield an answer statement by statement; if it was cut off, only the complete ones.

    If none is complete, it is passed on as it is.
    """
    text, passed, next_line, lines_read = "", 0, 1, 0
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            lines_read += chunk.text.count("\n")
            if chunk.reason:
                whole = whole_part(text, passed, check) if chunk.reason == "length" else None
                names = chunk.trimmed if whole is None else (*chunk.trimmed, UNFINISHED)
                rest = text if whole is None else whole
                yield replace(chunk, text=rest[passed:], trimmed=names)
                return
            end = passed
            if lines_read >= next_line:
                next_line = lines_read + max(lines_read // EAGER_CHECKS, 1)
                lines = text.rpartition("\n")[0].rstrip()
                end = len(lines) if lines and check.is_as_sound(lines + check.line_end) else passed
            end = max(end, passed)
            yield replace(chunk, text=text[passed:end])
            passed = end
    if text[passed:]:
        yield Chunk(text[passed:], 0, "stop")


def whole_part(text: str, passed: int, check: SoundnessCheck) -> str | None:
    """The complete lines of a text that leave the file as sound as it was, or None if none do.

    The first `passed` characters of it have already been passed on as complete.
    """
    lines = text.rpartition("\n")[0].rstrip()
    if lines and check.is_as_sound(lines + check.line_end):
        return lines + check.line_end
    shorter = check.cut_back(lines) if lines else None
    if shorter and len(shorter) >= passed:
        return shorter
    return text[:passed] + check.line_end if passed else None

"""An answer of one line ends with it, or where the rest of the line comes again."""

import re
from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.postprocess.hold_back import hold_back
from starcoder_cli.stream import Chunk, Stream, closing_source, longest_overlap

OPENERS = "([{"
CLOSERS = ")]}"
QUOTES = "\"'`"


def until_line_end(chunks: Iterable[Chunk], rest: str) -> Stream:
    """An answer up to the end of its line, or to where the rest of that line begins again."""

    def decide(text: str, last: bool) -> tuple[int, str]:
        line, newline, _ = text.partition("\n")
        is_complete = bool(newline) or last
        end = find_rest_of_line(line, rest, is_complete=is_complete)
        if end < len(line):
            return end, "suffix"
        if is_complete:
            return end, "line" if newline else ""
        return end - longest_overlap(line, (rest + "\n",)), ""

    return hold_back(chunks, decide)


def first_whole_line(chunks: Iterable[Chunk]) -> Stream:
    """The first line of an answer that is not blank, with a line end, for a hole between lines."""
    has_text = False
    with closing_source(chunks) as source:
        for chunk in source:
            text = chunk.text if has_text else chunk.text.lstrip("\n")
            line, newline, _ = text.partition("\n")
            has_text = has_text or bool(line)
            if newline or (chunk.reason and has_text):
                trimmed = (*chunk.trimmed, *(("line",) if newline else ()))
                reason = "stop" if newline else chunk.reason
                yield replace(chunk, text=f"{line}\n", reason=reason, trimmed=trimmed)
                return
            yield replace(chunk, text=line)
    if has_text:
        yield Chunk("\n", 0, "stop")


def find_rest_of_line(line: str, rest: str, *, is_complete: bool) -> int:
    """Where in a line the rest of its line begins again; its length where it does not.

    What stands in brackets or quotes of the line's own does not count, unless the rest closes those
    brackets and ends the line. The rest's first bracket is enough, and at the end of a whole line
    so is whatever punctuation the rest begins with.
    """
    depth, quote = 0, ""
    for at, character in enumerate(line if rest else ""):
        if quote:
            quote = "" if character == quote and line[at - 1] != "\\" else quote
        elif (
            is_complete
            and depth == -bracket_balance(rest)
            and line[at:].rstrip() == rest
            or depth == 0
            and (
                line.startswith(rest, at)
                or (character in CLOSERS and character == rest.lstrip()[0])
                or (
                    is_complete
                    and rest.startswith(line[at:])
                    and not re.search(r"\w|^\s+$", line[at:])
                )
            )
        ):
            return at
        elif character in QUOTES:
            quote = character
        else:
            depth = max(depth + (character in OPENERS) - (character in CLOSERS), 0)
    return len(line)


def bracket_balance(text: str) -> int:
    """Opening brackets minus closing ones."""
    return sum(map(text.count, OPENERS)) - sum(map(text.count, CLOSERS))

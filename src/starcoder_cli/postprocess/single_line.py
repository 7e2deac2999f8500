"""An answer of one line ends with it, or where the rest of the line comes again."""

import re
from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.stream import Chunk, Stream, closing_source, overlap

OPENERS = "([{"
CLOSERS = ")]}"
QUOTES = "\"'`"


def one_line(chunks: Iterable[Chunk], rest: str) -> Stream:
    """An answer up to the end of its line, or to where the rest of that line begins again."""
    line, shown = "", 0
    with closing_source(chunks) as source:
        for chunk in source:
            text, newline, _ = chunk.text.partition("\n")
            line += text
            whole = bool(newline or chunk.reason)
            end = again(line, rest, whole=whole)
            if whole or end < len(line):
                cut = ("suffix",) if end < len(line) else ("line",) if newline else ()
                reason = "stop" if cut else chunk.reason
                names = (*chunk.trimmed, *cut)
                yield replace(chunk, text=line[shown:end], reason=reason, trimmed=names)
                return
            keep = len(line) - overlap(line, (rest + "\n",))
            yield replace(chunk, text=line[shown:keep])
            shown = keep
    if line[shown:]:
        yield Chunk(line[shown : again(line, rest, whole=True)], 0, "stop")


def whole_line(chunks: Iterable[Chunk]) -> Stream:
    """The first line of an answer that is not blank, with a line end, for a hole between lines."""
    begun = False
    with closing_source(chunks) as source:
        for chunk in source:
            text = chunk.text if begun else chunk.text.lstrip("\n")
            line, newline, _ = text.partition("\n")
            begun = begun or bool(line)
            if newline or (chunk.reason and begun):
                names = (*chunk.trimmed, *(("line",) if newline else ()))
                reason = "stop" if newline else chunk.reason
                yield replace(chunk, text=f"{line}\n", reason=reason, trimmed=names)
                return
            yield replace(chunk, text=line)
    if begun:
        yield Chunk("\n", 0, "stop")


def again(line: str, rest: str, *, whole: bool) -> int:
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
            whole
            and depth == -balance(rest)
            and line[at:].rstrip() == rest
            or depth == 0
            and (
                line.startswith(rest, at)
                or (character in CLOSERS and character == rest.lstrip()[0])
                or (whole and rest.startswith(line[at:]) and not re.search(r"\w|^\s+$", line[at:]))
            )
        ):
            return at
        elif character in QUOTES:
            quote = character
        else:
            depth = max(depth + (character in OPENERS) - (character in CLOSERS), 0)
    return len(line)


def balance(text: str) -> int:
    """Opening brackets minus closing ones."""
    return sum(map(text.count, OPENERS)) - sum(map(text.count, CLOSERS))

"""An answer that says once more what is before its hole: `return` behind `return`, a header."""

import re
from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.model import Hole
from starcoder_cli.postprocess.indentation import BLOCK_START
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.stream import Chunk, Stream, closing_source

MAX_LINE = 2000
WORD = re.compile(r"\w{2,}")


def drop_repeated_prefix(chunks: Iterable[Chunk], hole: Hole, check: SoundnessCheck) -> Stream:
    """An answer without what stands before it already, where the file is sounder without.

    Behind code, that is the line's beginning, or its last word; on a line of its own, a line that
    opens a block.
    """
    own_line = hole.prefix.rpartition("\n")[2]
    repeated = beginnings(hole.prefix)
    held = ""
    with closing_source(chunks) as source:
        for chunk in source:
            held += chunk.text
            may_repeat = any(begins_alike(held.lstrip(), beginning) for beginning in repeated) and (
                held.strip() or not own_line.strip()
            )
            is_line = "\n" in held.lstrip("\n") or len(held) > MAX_LINE
            if may_repeat and not is_line and not chunk.reason:
                yield replace(chunk, text="")
                continue
            text = without_beginning(held, repeated, check, is_line=not own_line.strip())
            names = (*chunk.trimmed, *(("prefix",) if text != held else ()))
            yield replace(chunk, text=text, trimmed=names)
            if not chunk.reason:
                yield from source
            return
    if held:
        yield Chunk(held, 0, "stop")


def beginnings(prefix: str) -> list[str]:
    """What an answer behind a prefix would only repeat."""
    own_line = prefix.rpartition("\n")[2]
    if own_line.strip():
        word = re.search(r"\w+\s*$", own_line)
        texts = [own_line.lstrip(), word.group() if word else ""]
        return [text for text in texts if WORD.search(text)]
    line = prefix.rstrip().rpartition("\n")[2].strip()
    is_header = len(re.findall(r"\w+", line)) >= 2 and BLOCK_START.search(line)
    return [line] if is_header else []


def begins_alike(text: str, beginning: str) -> bool:
    """Whether a text begins with a beginning, or may still do so."""
    return text.startswith(beginning) or beginning.startswith(text)


def without_beginning(
    text: str, repeated: list[str], check: SoundnessCheck, *, is_line: bool
) -> str:
    """A text without one of the beginnings."""
    body = text.lstrip()
    for beginning in repeated:
        if not body.startswith(beginning):
            continue
        if is_line:
            line, newline, rest = body.partition("\n")
            return rest if newline and line.strip() == beginning else text
        rest = body.removeprefix(beginning)
        line = body.partition("\n")[0]
        if check.errors(line.removeprefix(beginning)) < check.errors(line):
            return rest
    return text

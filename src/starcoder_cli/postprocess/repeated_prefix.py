"""An answer that repeats what is before its hole: `return` after `return`, or a header."""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

from starcoder_cli.model import Hole
from starcoder_cli.postprocess.hold_back import hold_back
from starcoder_cli.postprocess.indentation import BLOCK_START
from starcoder_cli.postprocess.soundness import BEGINS_BY_CLOSING, SoundnessCheck
from starcoder_cli.stream import Chunk, Stream, closing_source

MAX_LINE = 2000
LAST_WORD = re.compile(r"\b\w++\s*+$")
WORD = re.compile(r"\w{2,}")
NAME = re.compile(r"[^\W\d_]{2,}")
QUOTE = re.compile(r"(\"\"\"|'''|[\"'`])$")
DEFINITION = re.compile(
    r"((local|async|export|pub|private|static) +)*"
    r"(def|defp|func|fn|fun|function|sub|proc|class|module|struct|interface|trait|impl) +"
    r"[\w$@][^,;]*(\(|$)"  # not an instruction or a field: `sub r0, r0, #1`, `struct a *b;`
    r"|[a-z_$][\w$]*\(\) *\{$"
)
NESTS_IN_ITSELF = re.compile(r"^\w*\W*$|^<|[\"']")
"""A line that may be directly inside another of its kind: one word, an element, a key."""


def drop_repeated_prefix(chunks: Iterable[Chunk], hole: Hole, check: SoundnessCheck) -> Stream:
    """An answer without what is before it already.

    After code, that is the line's beginning, if the file is as sound without it, or its last word
    or quote, if the file is sounder; on a line of its own, it is a line that opens a block.
    """
    own_line = hole.prefix.rpartition("\n")[2]
    repeated = beginnings(hole.prefix)
    held = ""
    with closing_source(chunks) as source:
        for chunk in source:
            held += chunk.text
            if not held and not chunk.reason:
                yield chunk
                continue
            may_repeat = any(begins_alike(held.lstrip(), beginning) for beginning in repeated) and (
                held.strip() or not own_line.strip() or own_line.startswith(held)
            )
            is_line = "\n" in held.lstrip("\n") or len(held) > MAX_LINE
            if may_repeat and not is_line and not chunk.reason:
                yield replace(chunk, text="")
                continue
            text = (
                without_beginning(held, repeated, hole, check)
                if own_line.strip()
                else without_line(held, repeated)
            )
            names = (*chunk.trimmed, *(("prefix",) if text != held else ()))
            rest = chain([replace(chunk, text=text, trimmed=names)], () if chunk.reason else source)
            is_header = text != held and not own_line.strip()
            yield from without_closer(rest, hole.suffix) if is_header else rest
            return
    if held:
        yield Chunk(held, 0, "stop")


def without_closer(chunks: Iterable[Chunk], suffix: str) -> Iterable[Chunk]:
    """An answer without its last line if that is the suffix's first, which closes the block."""
    closer = next((line.rstrip() for line in suffix.split("\n") if line.strip()), "")

    def judge(text: str, is_whole: bool) -> tuple[int, str]:
        start = text.rstrip("\n").rfind("\n") + 1
        line = text[start:].rstrip("\n")
        is_held = line.rstrip() == closer if is_whole else closer.startswith(line)
        return (start if is_held else len(text)), ""

    return hold_back(chunks, judge) if BEGINS_BY_CLOSING.match(closer) else chunks


def beginnings(prefix: str) -> list[str]:
    """What an answer after a prefix would only repeat."""
    own_line = prefix.rpartition("\n")[2]
    if own_line.strip():
        word, quote = LAST_WORD.search(own_line), QUOTE.search(own_line)
        texts = [own_line.lstrip(), word.group() if word else ""]
        quotes = [quote.group()] if quote else []
        return [text for text in texts if WORD.search(text)] + quotes
    line = prefix.rstrip().rpartition("\n")[2].strip()
    return [line] if opens_own_block(line) else []


def opens_own_block(line: str) -> bool:
    """Whether a line, without its indentation, opens a block that is never directly in itself."""
    is_other = BLOCK_START.search(line) and not NESTS_IN_ITSELF.search(line)
    return bool(is_other or DEFINITION.match(line))


def begins_alike(text: str, beginning: str) -> bool:
    """Whether a text begins with a beginning, or may still do so."""
    return text.startswith(beginning) or beginning.startswith(text)


def says_much(beginning: str) -> bool:
    """Whether nobody would write this beginning of a line twice, because it has several words."""
    return len(set(NAME.findall(beginning))) >= 2


def without_line(text: str, repeated: list[str]) -> str:
    """A text without its first line if that is one of the beginnings."""
    line, newline, rest = text.lstrip().partition("\n")
    return rest if newline and line.strip() in repeated else text


def without_beginning(text: str, repeated: list[str], hole: Hole, check: SoundnessCheck) -> str:
    """A text without one of the beginnings; the rest of the hole's line may be in it too.

    One that says little counts only if it is on the same line: `end` may well follow `end`. It
    says much if the line's indentation is repeated with it.
    """
    own_line, line_rest = hole.prefix.rpartition("\n")[2], hole.suffix.partition("\n")[0].strip()
    is_whole_line = own_line[:1].isspace() and text.startswith(own_line)
    body = text.lstrip()
    begins_line = "\n" in text[: len(text) - len(body)]
    for beginning in repeated:
        if not body.startswith(beginning) or (begins_line and not says_much(beginning)):
            continue
        line = body.partition("\n")[0]
        kept = line.removeprefix(beginning)
        is_certain = is_whole_line or says_much(beginning)
        most_errors = check.errors(line) - (0 if is_certain else 1)
        # A string that is opened again is closed again too.
        ends = (kept.rstrip().removesuffix(end) for end in (line_rest, beginning))
        kept_errors = min(check.errors(each) for each in {kept, *ends})
        if kept_errors <= most_errors:
            return body.removeprefix(beginning)
    return text

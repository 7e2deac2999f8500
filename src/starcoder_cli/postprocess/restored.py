"""Restores the old code's indentation and line ends in the new code.

A model reads code without the white space that all of its lines begin with, and answers with or
without it. White space that a program reads in a multi-line text is not indentation: it stays.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from starcoder_cli.candidates.texts import MultilineText, find_multiline_texts
from starcoder_cli.model import Hole
from starcoder_cli.stream import Chunk, Stream, closing_source
from starcoder_cli.system.matching import match_sequences

OPENING = re.compile(r"\ufeff?(#!|<\?)[^\n]*\n+")
ALONE = Hole("", "")
WORD = re.compile(r"\w")
LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")


def dedent_code(code: str, language: str, around: Hole = ALONE) -> tuple[str, str]:
    """The white space that all lines of some code begin with, and the code without it.

    Lines inside a text, which may begin or end in what is `around`, count only if there are no
    others. A text stays if one of its lines lacks some of that white space.
    """
    lines, texts = code.split("\n"), find_texts(code, language, around)
    inside = {number for each in texts for number in each.lines}
    indent = common_indent(line for number, line in enumerate(lines) if number not in inside)
    indent = indent if indent is not None else common_indent(lines) or ""
    owns = [common_indent(lines[number] for number in each.lines) or "" for each in texts]
    staying = {
        number
        for each, own in zip(texts, owns, strict=True)
        for number in each.lines
        if not own.startswith(indent)
    }
    return indent, "\n".join(
        line if number in staying else line.removeprefix(indent)
        for number, line in enumerate(lines)
    )


def find_texts(code: str, language: str, around: Hole) -> list[MultilineText]:
    """The multi-line texts in which lines of some code begin, given the code around it.

    None in YAML, where the white space in a text is treated like that of any line.
    """
    if language == "yaml":
        return []
    ends_line = code.endswith("\n") or around.suffix.startswith("\n")
    whole = around.prefix + code + ("" if ends_line else "\n") + around.suffix
    first = around.prefix.count("\n")
    last = first + code.removesuffix("\n").count("\n")
    return [
        replace(text, first=max(text.first, first) - first, last=min(text.last, last) - first)
        for text in find_multiline_texts(whole, language)
        if text.first <= last and text.last >= first
    ]


def common_indent(lines: Iterable[str]) -> str | None:
    """The white space that all lines with code begin with, or None if there are no such lines."""
    full = [line for line in lines if line.strip()]
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in full]
    return os.path.commonprefix(indents) if indents else None


def restore_indent(
    text: str, indent: str, original: str, language: str, around: Hole = ALONE
) -> str:
    """Put white space before the lines of new code, unless it has that already.

    Lines of a text are moved as in the original, and in a new text if only people read it.
    """
    texts = find_texts(text, language, around)
    lines, known = text.split("\n"), set(original.split("\n"))
    inside = {number for each in texts for number in each.lines}
    own = common_indent(line for number, line in enumerate(lines) if number not in inside)
    if own is None:
        own, texts = common_indent(lines), []
    if own is None or own.startswith(indent):
        return text

    def is_moved(each: MultilineText) -> bool:
        full = [lines[number] for number in each.lines if lines[number].strip()]
        moved, kept = (sum(lead + line in known for line in full) for lead in (indent, ""))
        return moved > kept or (moved == kept and each.is_documentation)

    staying = {number for each in texts if not is_moved(each) for number in each.lines}
    return "\n".join(
        line if number in staying or not line.strip() else indent + line
        for number, line in enumerate(lines)
    )


def drop_line_around(text: str, original: str, around: Hole) -> str:
    """New code without the beginning of its line that is before the range, and the rest after it.

    Models like to write whole lines. Only what has a word counts, and not what the original
    begins with too. The rest has to be there as well, unless it only ends a statement; and what
    would change nothing without them is meant as it is.
    """
    before = around.prefix.rpartition("\n")[2].lstrip()
    after = around.suffix.partition("\n")[0].rstrip()
    body = text.strip()
    begins = body.startswith(before) and not original.lstrip().startswith(before)
    ends = body.endswith(after) or not after.strip(";,. \t")
    changed = body.removeprefix(before).removesuffix(after)
    is_restated = bool(WORD.search(before)) and begins and ends and changed != original.strip()
    return changed if is_restated else text


def restore_line_ends(text: str, original: str, newline: str) -> str:
    """New code whose lines end as they did in the original, and new ones as most of those did.

    If the original ends no line, they end with `newline`.
    """
    old, new = (LINE.findall(each) for each in (original, text))
    old_ends = [end for _, end in old if end] or [newline]
    ends = [max(("\n", "\r\n", "\r"), key=old_ends.count)] * len(new)
    matcher = match_sequences([line for line, _ in old], [line for line, _ in new])
    for match in matcher.get_matching_blocks():
        for offset in range(match.size):
            ends[match.b + offset] = old[match.a + offset][1] or ends[match.b + offset]
    return "".join(
        line + (end if has_end else "") for (line, has_end), end in zip(new, ends, strict=True)
    )


def has_other_line_ends(text: str, newline: str) -> bool:
    """Whether some lines of a text do not end with `newline`."""
    return any(end not in ("", newline) for _, end in LINE.findall(text))


def rewrite(chunks: Iterable[Chunk], change: Callable[[str], str]) -> Stream:
    """Change a text as a whole, once all of it has arrived."""
    text = ""
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            yield replace(chunk, text=change(text) if chunk.reason else "")
            if chunk.reason:
                return
    if text:
        yield Chunk(change(text), 0, "stop")


def restore_opening(text: str, original: str) -> str:
    """Put the old code's first line, which says what runs or reads the file, before the new.

    Models do not regard `#!/bin/sh` and `<?php` as part of the code.
    """
    match = OPENING.match(original)
    if not match or OPENING.match(text) or not text.strip():
        return text
    return match[0] + text

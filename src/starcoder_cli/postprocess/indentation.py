"""Moves an answer as a whole to the depth of its hole, but only if that makes the file sounder."""

import itertools
import re
from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.candidates.texts import find_text_lines
from starcoder_cli.languages import Language, find_language
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.lexical import (
    count_unpaired,
    count_unpaired_brackets,
    ends_in_code,
)
from starcoder_cli.postprocess.soundness import BEGINS_BY_CLOSING, SoundnessCheck
from starcoder_cli.stream import Chunk, Stream, closing_source

COMMENT_ENDS = ('"""', "'''", "*/")
DEFAULT_UNIT = "    "
INDENTED_LANGUAGES = {"coffeescript", "f-sharp", "haskell", "makefile", "nim", "python", "yaml"}
"""The languages in which a line's depth makes a difference to a parser."""

LABEL = re.compile(r"- |(case|default|when|in|else|rescue|ensure|public|private|protected)\b")
"""The beginning of a line that may be as deep as the one that opens its block."""

MAX_HEAD_LINES = 32
MAX_HELD_LINES = 32
"""This many lines are enough to tell how deep an answer is."""

BLOCK_START = re.compile(r"[:{(\[]$|\b(do|then|begin)$")
TRIPLE_QUOTE = re.compile(r"'''|\"\"\"")
FIRST_CHARACTER = re.compile(r"^([ \t]*)\S", re.MULTILINE)
LEADING_WHITESPACE = re.compile(r"^([ \t]+)\S", re.MULTILINE)


def reindent(chunks: Iterable[Chunk], hole: Hole, check: SoundnessCheck) -> Stream:
    """An answer without the white space already before it, at the necessary depth.

    The depth is open only if the hole has no code: an answer that begins further left than its
    surroundings is then read to its end, and moved if a parser finds the file sounder that way.
    """
    own_line = hole.prefix.rpartition("\n")[2]
    if own_line.strip():
        return pass_on(chunks)
    if own_line:
        return continue_line(chunks, hole, check)
    is_open = not check.replaces_code and check.language.name in INDENTED_LANGUAGES
    depth = expected_indent(hole) if is_open else ""
    return deepen(chunks, hole, depth, check) if depth else pass_on(chunks)


def pass_on(chunks: Iterable[Chunk]) -> Stream:
    """Pass the answer on unchanged."""
    with closing_source(chunks) as source:
        yield from source


def find_opener(hole: Hole, check: SoundnessCheck) -> str | None:
    """The line before a hole if it opens a block; one in a string or a comment does not."""
    before = hole.prefix.rstrip()
    line = before.rpartition("\n")[2]
    return line if BLOCK_START.search(line) and not check.ends_in_text(before) else None


def is_too_shallow(hole: Hole, check: SoundnessCheck) -> bool:
    """Whether the white space before a hole cannot be all the indentation of its line.

    A line after one that opens a block is deeper than that one, or than where its statement begins.
    """
    own_line, opener = hole.prefix.rpartition("\n")[2], find_opener(hole, check)
    indent = indent_columns(own_line + "|")
    return opener is not None and indent <= min(indent_columns(opener), head_indent(hole.prefix))


def head_indent(before: str) -> int:
    """How far right the statement begins whose head ends with the last line of a text.

    It begins above that line if that closes a bracket which it does not open, or follows a comma.
    """
    lines, unopened = before.rstrip().split("\n")[-MAX_HEAD_LINES:], 0
    for at, line in reversed(list(enumerate(lines))):
        closed, opened = count_unpaired(line)
        unopened = max(unopened - opened, 0) + closed
        follows_comma = at > 0 and lines[at - 1].rstrip().endswith(",")
        if not unopened and not follows_comma:
            return indent_columns(line)
    return indent_columns(lines[-1])


def continue_line(chunks: Iterable[Chunk], hole: Hole, check: SoundnessCheck) -> Stream:
    """An answer after the white space of its line, without that white space if it repeats it.

    It is read to its end if it is fenced and may be at the margin, and for some lines if the
    white space may be additional.
    """
    own_line, held, is_fenced = hole.prefix.rpartition("\n")[2], "", False
    is_shallow = is_too_shallow(hole, check)
    with closing_source(chunks) as source:
        for chunk in source:
            held += chunk.text
            is_fenced = is_fenced or "fence" in chunk.trimmed
            body = held.lstrip(" \t")
            lead = held[: len(held) - len(body)]
            is_twofold = is_shallow and lead == own_line
            is_open = is_fenced or (is_twofold and held.count("\n") < MAX_HELD_LINES)
            if not chunk.reason and (not body or is_open):
                yield replace(chunk, text="")
                continue
            text = (lead.removeprefix(own_line) or lead) + body if is_shallow else body
            if is_fenced or is_twofold:
                texts = possible_placements(text, lead, hole, check, is_fenced=is_fenced)
                text = min(texts, key=check.errors)
            names = ("indentation",) if text != held else ()
            yield replace(chunk, text=text, trimmed=(*chunk.trimmed, *names))
            break
        yield from source


def possible_placements(
    text: str, lead: str, hole: Hole, check: SoundnessCheck, *, is_fenced: bool
) -> list[str]:
    """How an answer may continue the white space of its line, likeliest first.

    It began with `lead`. Unless a parser objects it is `text`, except for lines as deep as the
    one that opens their block, and for all lines of a fenced answer that begins at the margin.
    """
    own_line, body = hole.prefix.rpartition("\n")[2], text.lstrip(" \t")
    lines, start = body.split("\n"), hole.prefix.count("\n")
    inside = find_text_lines(hole.prefix + body + hole.suffix, check.language.name)
    code = [at for at, line in enumerate(lines) if at and line.strip() and start + at not in inside]
    indents = {at: leading_whitespace(lines[at]) for at in code}
    texts = [text]
    if text != body and lead == own_line:
        is_label = LABEL.match(body) or own_line in indents.values()
        texts = [body, text] if is_label else [text, body]
    if is_fenced:
        moved = "\n".join(
            own_line + line.removeprefix(lead) if line.startswith(lead) and at in indents else line
            for at, line in enumerate(lines)
        )
        is_likely = begins_at_margin(body, code, lead, own_line, check)
        texts = [moved, *texts] if is_likely and check.is_as_sound(moved) else [*texts, moved]
    return texts


def begins_at_margin(
    body: str, code: list[int], lead: str, own_line: str, check: SoundnessCheck
) -> bool:
    """Whether an answer continues as deep as its first line, after `lead`, rather than its hole.

    Lines that leave the block of the hole are further left too: after a blank line, or with
    something that closes the block.
    """
    lines = body.split("\n")
    at_margin = [at for at in code if leading_whitespace(lines[at]) == lead]
    if not at_margin or len(lead) >= len(own_line):
        return False
    first, opens_block = at_margin[0], bool(BLOCK_START.search(lines[0].rstrip()))
    is_apart = not lines[first - 1].strip() or bool(BEGINS_BY_CLOSING.match(lines[first]))
    is_block = opens_block or not (is_apart or lines[code[0]].startswith(own_line))
    return is_block and not count_unpaired_brackets(body, check.language)


def deepen(chunks: Iterable[Chunk], hole: Hole, depth: str, check: SoundnessCheck) -> Stream:
    """An answer that begins at least as deep as expected.

    One that does not is moved if Python is certain to need it; otherwise it is read to its end.
    """
    held, opener = "", find_opener(hole, check)
    least = indent_columns(depth + "|") if opener is None else indent_columns(opener) + 1
    with closing_source(chunks) as source:
        for chunk in source:
            held += chunk.text
            first = FIRST_CHARACTER.search(held)
            begins = replace(chunk, text=held)
            is_shallow = first is not None and indent_columns(first[0]) < least
            if first and is_shallow and opener is not None and check.language.name == "python":
                yield from move_lines(itertools.chain([begins], source), first[1], depth)
                return
            if first and (not is_shallow or chunk.reason == "length"):
                yield from itertools.chain([begins], source)
                return
            if chunk.reason:
                text = choose_depth(held, hole, depth, check)
                names = (*chunk.trimmed, *(("indentation",) if text != held else ()))
                yield replace(chunk, text=text, trimmed=names)
                return
            yield replace(chunk, text="")
    if held:
        yield Chunk(choose_depth(held, hole, depth, check), 0, "stop")


def move_lines(chunks: Iterable[Chunk], indent: str, depth: str) -> Stream:
    """Move lines of Python code that are as deep as `indent` or deeper to `depth`.

    Lines further left stay, as they leave the block. So do the contents of a multi-line string.
    """
    line, text, at_start = "", "", True
    names: tuple[str, ...] = ("indentation",)
    for chunk in chunks:
        ready = ""
        for piece in re.findall(r"[^\n]*\n|[^\n]+", chunk.text):
            line += piece
            if at_start and not (line.strip() or chunk.reason):
                if not line.endswith("\n"):
                    continue
            elif is_movable(line, indent, text if at_start else None):
                ready += depth[len(indent) :]
            ready, text, line = ready + line, text + line, ""
            at_start = text.endswith("\n")
        yield replace(chunk, text=ready, trimmed=(*chunk.trimmed, *names))
        names = ()


def is_movable(line: str, indent: str, before: str | None) -> bool:
    """Whether a line of Python code begins here, at least as deep as `indent`, in no string."""
    if before is None or not line.strip() or not line.startswith(indent):
        return False
    return not TRIPLE_QUOTE.search(before) or ends_in_code(before, find_language("python"))


def choose_depth(text: str, hole: Hole, depth: str, check: SoundnessCheck) -> str:
    """An answer as it is, or deeper if the file is sounder so; strings and comments stay."""
    first = FIRST_CHARACTER.search(text)
    if not first:
        return text
    added = depth[len(first[1]) :]
    inside = find_text_lines(hole.prefix + text + hole.suffix, check.language.name)
    start = hole.prefix.count("\n")
    deeper = "\n".join(
        line if not line.strip() or start + number in inside else added + line
        for number, line in enumerate(text.split("\n"))
    )
    return deeper if check.errors(deeper) < check.errors(text) else text


def expected_indent(hole: Hole) -> str:
    """The expected indentation in a blank hole, from the lines around it; empty if it is open.

    One step deeper than a line before it that opens a block, otherwise as the lines around it if
    they agree.
    """
    previous = hole.prefix.rstrip().rpartition("\n")[2]
    following = hole.suffix.lstrip("\n").partition("\n")[0]
    indent, next_indent = leading_whitespace(previous), leading_whitespace(following)
    if BLOCK_START.search(previous):
        step = indent + indent_unit(hole.prefix + "\n" + hole.suffix)
        is_nearer = following.strip() and len(indent) < len(next_indent) < len(step)
        return next_indent if is_nearer else step
    return indent if following.strip() and next_indent == indent else ""


def missing_beginning(hole: Hole, language: Language) -> str:
    """What code must begin with after a line that opens a block, or after a comment.

    A line end and white space, or what is missing of that; empty if nothing is required.
    """
    line = hole.prefix.rpartition("\n")[2]
    previous = hole.prefix.rstrip().rpartition("\n")[2]
    opens_block = BLOCK_START.search(previous)
    comment = language.comment.open if language.comment else "\n"
    is_words = previous.endswith(COMMENT_ENDS) or previous.lstrip().startswith(comment)
    if not (opens_block or is_words) or hole.suffix.partition("\n")[0].strip():
        return ""
    indent = expected_indent(hole) if opens_block else leading_whitespace(previous)
    if not line.strip():
        return indent.removeprefix(line)
    return f"\n{indent}" if indent else ""


def indent_unit(text: str) -> str:
    """One step of indentation in a text: a tab, or a number of spaces."""
    indents = LEADING_WHITESPACE.findall(text)
    if not indents:
        return DEFAULT_UNIT
    if sum("\t" in indent for indent in indents) * 2 > len(indents):
        return "\t"
    widths = [len(indent) for indent in indents if "\t" not in indent]
    return next(
        (
            " " * step
            for step in (8, 4, 2, 3)
            if sum(width % step == 0 for width in widths) * 10 >= len(widths) * 9
        ),
        DEFAULT_UNIT,
    )


def leading_whitespace(line: str) -> str:
    """The white space that a line begins with."""
    return line[: len(line) - len(line.lstrip())]


def indent_columns(line: str) -> int:
    """How many columns of white space a line begins with; a tab goes to the next multiple of 8."""
    return len(leading_whitespace(line).expandtabs())

"""Where an answer should have ended: clean-up of a fill or completion, as stream transforms.

Models that were tuned to chat run on past a hole: they repeat what follows it, close what is
closed already, explain, go round in circles. Each rule here ends the stream there, holding back
only what may be the beginning of such an end, and the model stops with it. A rule that took
something away says so by its name in `Chunk.trimmed`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from starcoder_cli.brackets import knows
from starcoder_cli.chatter import until_talk, without_introduction
from starcoder_cli.closers import until_closer
from starcoder_cli.indentation import fitting
from starcoder_cli.languages import Language
from starcoder_cli.lines import LineRule, until_line
from starcoder_cli.settings import Lines
from starcoder_cli.source import Hole
from starcoder_cli.stream import Chunk, Stream, closing_source, overlap, with_newline

OPENERS = "([{"
CLOSERS = ")]}"
QUOTES = "\"'`"
OPENS = re.compile(r"[:{(\[]$|\b(do|then|begin)$")
CONTINUES = re.compile(
    r"\s*(else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|case|default|end|fi|done"
    r"|esac|then|in)\b"
)
PROSE = {"markdown", "restructuredtext", "rmarkdown", "tex", "text"}
PERIODS = range(1, 5)  # lines of a block that is repeated
SIMILAR = 0.6  # of two lines, as difflib measures it

Judge: TypeAlias = Callable[[list[str]], tuple[int, bool]]


def trimmed(chunks: Stream, hole: Hole, language: Language, lines: Lines) -> Stream:
    """The part of an answer that belongs in a hole of one line, of a block, or of many lines."""
    chunks = with_newline(chunks, "\n")
    if language.name not in PROSE:
        chunks = until_talk(without_introduction(chunks), hole, language)
        chunks = fitting(chunks, hole, language)
    chunks = by_lines(chunks, "repetition", repetition, hole.suffix)
    if lines == "one":
        return one_line(chunks, hole.suffix.partition("\n")[0].rstrip())
    if knows(language):
        chunks = until_closer(chunks, hole, language)
    if hole.suffix.partition("\n")[0].strip() and not hole.prefix.endswith("\n"):
        return until_rest(chunks, hole.suffix)
    chunks = by_lines(chunks, "suffix", near(hole.suffix), hole.suffix)
    for rule in (suffix_rule(hole), block_rule(hole) if lines == "block" else None):
        if rule:
            chunks = until_line(chunks, rule, begun=hole.prefix.rpartition("\n")[2])
    return chunks


def choose_lines(hole: Hole, *, inside_line: bool) -> Lines:
    """One line where code stays on the line before and behind the hole, else a block."""
    before, behind = hole.prefix.rpartition("\n")[2], hole.suffix.partition("\n")[0]
    return "one" if inside_line or (before.strip() and behind.strip()) else "block"


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


def block_rule(hole: Hole) -> LineRule | None:
    """Ends with the hole's block: at a line further left than both the answer began and the suffix.

    A line as far left as the suffix ends it too where the answer has been further right. A line
    that carries a statement on, as `else` does, and closing brackets end nothing here. Behind the
    last line of a file the margin counts.
    """
    match = first_line(hole.suffix)
    border = indentation(match.group()) if match else 0
    begin, begun = depth(hole.prefix), hole.prefix.rpartition("\n")[2].strip()
    nearest = border if begin > border else border - 1

    def ends(before: str, line: str) -> bool:
        if not before.strip() or not line.strip() or indentation(line) > nearest:
            return False
        head, _, rest = before.partition("\n")
        written = [each for each in (rest if begun else before).split("\n") if each.strip()]
        began = begin if begun and head.strip() else indentation(written[0])
        if indentation(line) >= began:
            return False
        return line.lstrip()[0] not in CLOSERS and not CONTINUES.match(line)

    lead = hole.suffix[: match.start()] if match else hole.suffix
    return LineRule("block", ends, lambda line: indentation(line) <= nearest, lead)


def depth(prefix: str) -> int:
    """How far right a hole behind a prefix stands: as its own line, or as the code before it.

    After a line that opens a block it is deeper than that line, by an unknown amount.
    """
    own = prefix.rpartition("\n")[2]
    if own and not own.strip():
        return indentation(own + "|")
    line = prefix.rstrip().rpartition("\n")[2]
    return indentation(line) + bool(OPENS.search(line))


def indentation(line: str) -> int:
    """The width of a line's leading white space, a tab reaching to the next multiple of 8."""
    expanded = line.expandtabs()
    return len(expanded) - len(expanded.lstrip())


def balance(text: str) -> int:
    """Opening brackets minus closing ones."""
    return sum(map(text.count, OPENERS)) - sum(map(text.count, CLOSERS))


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


def by_lines(chunks: Iterable[Chunk], name: str, judge: Judge, suffix: str) -> Stream:
    """An answer for as long as a judge of its lines so far, the last one unfinished, lets it go on.

    The judge tells how many lines can be shown, and whether the answer ends behind those.
    """
    text, shown = "", 0
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            lines = text.split("\n")
            count, ended = judge(lines)
            end = len("\n".join(lines[:count]))
            if ended:
                end += bool(count) and not suffix.startswith("\n")
                cut = (*chunk.trimmed, name)
                yield replace(chunk, text=text[shown:end], reason="stop", trimmed=cut)
                return
            end = len(text) if chunk.reason else end
            yield replace(chunk, text=text[shown:end])
            shown = max(shown, end)
    if text[shown:]:
        yield Chunk(text[shown:], 0, "stop")


def repetition(lines: list[str]) -> tuple[int, bool]:
    """Judge lines that go round in circles: four equal ones, or three equal blocks of them."""
    *whole, last = lines
    longest = 0
    for period in PERIODS:
        run = 0
        while run + period < len(whole) and whole[-1 - run] == whole[-1 - run - period]:
            run += 1
        longest = max(longest, run)
        block = whole[len(whole) - period :]
        if run >= max(3, 2 * period) and any(line.strip() for line in block):
            return len(whole) - run, True
    begins = any(line.startswith(last) for line in whole[-PERIODS[-1] :] if last.strip())
    held = longest or begins
    return (len(whole) - longest if held else len(lines)), False


def near(suffix: str) -> Judge:
    """Judge lines by the suffix: its first line in other words, then its second to the letter."""
    first, second = ([line for line in suffix.split("\n") if line.strip()] + ["", ""])[:2]
    second = second.rstrip()

    def judge(lines: list[str]) -> tuple[int, bool]:
        *whole, last = lines
        for at, (line, after) in enumerate(zip(whole, lines[1:], strict=True)):
            if after.rstrip() == second and similar(line, first):
                return at, True
        if whole and similar(whole[-1], first):
            return len(whole) - 1, False
        may_be = not last.strip() or indentation(last) == indentation(first)
        return (len(whole) if may_be else len(lines)), False

    return judge if len(second.strip()) > len("return x") else lambda lines: (len(lines), False)


def similar(line: str, other: str) -> bool:
    """Whether two lines stand equally deep and have most of their characters in common."""
    from difflib import SequenceMatcher

    if not line.strip() or indentation(line) != indentation(other):
        return False
    return SequenceMatcher(None, line.strip(), other.strip()).ratio() >= SIMILAR


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

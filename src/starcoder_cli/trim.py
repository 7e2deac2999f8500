"""Where an answer should have ended: clean-up of a fill or completion, as stream transforms.

Models that were tuned to chat run on past a hole: they repeat what follows it, close a fence that
nobody opened, explain. Each rule here ends the stream there, holding back only what may be the
beginning of such an end, and the model stops with it.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from starcoder_cli.source import Hole
from starcoder_cli.stream import Chunk, Stream, closing_source, overlap, with_newline

FENCE = "```"
OPENERS = "([{"
CLOSERS = ")]}"
QUOTES = "\"'`"
OPENS = re.compile(r"[:{(\[]$|\b(do|then|begin)$")
CONTINUES = re.compile(
    r"\s*(else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|case|default|end|fi|done"
    r"|esac|then|in)\b"
)

Ends: TypeAlias = Callable[[str, str], bool]  # (the text before a line, the line) -> ends there


@dataclass(frozen=True)
class LineRule:
    """A line that ends an answer: what it is, and what may still become one.

    `lead` is what the suffix has before its first line of code: an answer does not end with it.
    """

    ends: Ends
    may_end: Callable[[str], bool]
    lead: str = ""


def trimmed(chunks: Stream, hole: Hole, *, inside_line: bool, prose: bool) -> Stream:
    """The part of an answer that belongs in a hole.

    `inside_line` is a hole with more of its line behind it, or that began after code: it ends with
    that line. `prose` is a language in which fences are text, such as Markdown.
    """
    chunks = with_newline(chunks, "\n")
    if not prose:
        chunks = until_line(without_opening_fence(chunks), fence_rule(hole))
    if inside_line:
        return one_line(chunks, hole.suffix.partition("\n")[0].rstrip())
    rule = suffix_rule(hole)
    return until_line(chunks, rule, begun=hole.prefix.rpartition("\n")[2]) if rule else chunks


def fence_rule(hole: Hole) -> LineRule:
    """Ends at a fence, unless one is open that the line can close."""

    def ends(before: str, line: str) -> bool:
        return is_fence(line) and fences(hole.prefix + before) % 2 == 0

    lead = "\n" if hole.suffix.startswith("\n") else ""
    return LineRule(ends, lambda line: FENCE.startswith(line.lstrip()[: len(FENCE)]), lead)


def suffix_rule(hole: Hole) -> LineRule | None:
    """Ends where the first line of the suffix that is not blank begins again, or should begin.

    Where the suffix stands further left than the hole, so does the end of the hole's block: a line
    that far left ends the answer too, unless it carries the block's statement on (`else`). A line
    of closing brackets ends the answer only if they close more than the answer opened.
    """
    match = re.search(r"^[^\n]*\S[^\n]*$", hole.suffix, re.MULTILINE)
    if not match:
        return None
    target = match.group().rstrip()
    closes = balance(target) < 0 and not re.search(r"\w", target)
    border = indentation(target)
    dedents = border < depth(hole.prefix)

    def ends(before: str, line: str) -> bool:
        if line.rstrip() == target:
            return not closes or balance(before + line) < 0
        if not dedents or not line.strip() or indentation(line) > border:
            return False
        if line.lstrip()[0] in CLOSERS:
            return balance(before + line) < 0
        return not CONTINUES.match(line)

    def may_end(line: str) -> bool:
        return target.startswith(line.rstrip()) or (dedents and indentation(line) <= border)

    return LineRule(ends, may_end, hole.suffix[: match.start()])


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


def fences(text: str) -> int:
    """How many lines of a text are fences."""
    return sum(is_fence(line) for line in text.split("\n"))


def is_fence(line: str) -> bool:
    """Whether a line opens or closes a fenced block of Markdown."""
    return line.lstrip().startswith(FENCE)


def opens_fence(line: str) -> bool:
    """Whether a line is a fence that names a language."""
    return is_fence(line) and bool(line.strip().strip("`"))


def until_line(chunks: Iterable[Chunk], rule: LineRule, begun: str = "") -> Stream:
    """Pass text on up to a line that ends it.

    Blank lines, and a line that may become such a one, are held back until that is decided.
    `begun` is what stands on the first line already: white space is part of the line for the rule,
    and behind code no line begins.
    """
    lines = HeldLines(rule, begun)
    with closing_source(chunks) as source:
        for chunk in source:
            ready = lines.feed(chunk.text)
            if chunk.reason:
                ready += lines.flush()
            if lines.ended:
                yield replace(chunk, text=ready, reason="stop")
                return
            yield replace(chunk, text=ready)
    rest = lines.flush()
    if rest:
        yield Chunk(rest, 0, "stop")


class HeldLines:
    """An incremental reader of lines, which gives text back as soon as it can end nothing."""

    def __init__(self, rule: LineRule, begun: str) -> None:
        self.ended = False
        self._rule = rule
        self._begun = begun if not begun.strip() else ""
        self._before = ""  # everything given back so far
        self._gap = ""  # blank lines and line ends that wait for what comes after them
        self._line = ""
        self._free = bool(begun.strip())  # the current line cannot be one that ends the text

    def feed(self, text: str) -> str:
        """What of the text so far can be passed on."""
        ready = ""
        for piece in text.splitlines(keepends=True):
            if not self.ended:
                ready += self._take(piece)
        return ready

    def flush(self) -> str:
        """What is left when nothing more comes."""
        if self.ended:
            return ""
        ready = self._decide()
        if not self.ended:
            ready += self._last_gap()
            self._gap = ""
        return ready

    def _take(self, piece: str) -> str:
        self._line += piece.rstrip("\n")
        if piece.endswith("\n"):
            ready = self._decide()
            self._gap += "\n"
            self._begun, self._free = "", False
            return ready
        if self._free or not self._may_end():
            self._free = True
            return self._release()
        return ""

    def _may_end(self) -> bool:
        whole = self._begun + self._line
        return not whole.strip() or self._rule.may_end(whole)

    def _decide(self) -> str:
        """A line is whole: it ends the text, or it is passed on, or it is blank and waits."""
        whole = self._begun + self._line
        if not self._free and self._rule.ends(self._before + self._gap, whole):
            self.ended = True
            return self._last_gap()
        if whole.strip() or self._free:
            return self._release()
        self._gap, self._line = self._gap + self._line, ""
        return ""

    def _last_gap(self) -> str:
        """What of the gap at the end of the text is not in the suffix already."""
        lead = self._rule.lead
        return self._gap.removesuffix(lead) if self._gap.endswith(lead) else ""

    def _release(self) -> str:
        ready = self._gap + self._line
        self._before += ready
        self._gap = self._line = ""
        return ready


def without_opening_fence(chunks: Iterable[Chunk]) -> Stream:
    """An answer that begins with a fence and a language, without that line.

    A bare fence at the beginning closes one that nobody opened: what follows it is talk.
    """
    held: str | None = ""
    with closing_source(chunks) as source:
        for chunk in source:
            if held is None:
                yield chunk
                continue
            held += chunk.text
            line, newline, rest = held.lstrip("\n").partition("\n")
            may_open = FENCE.startswith(line.lstrip()[: len(FENCE)])
            if may_open and not newline and not chunk.reason:
                yield replace(chunk, text="")
                continue
            yield replace(chunk, text=rest if opens_fence(line) else held)
            held = None
    if held:
        yield Chunk(held, 0, "stop")


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
                reason = "stop" if newline or end < len(line) else chunk.reason
                yield replace(chunk, text=line[shown:end], reason=reason)
                return
            keep = len(line) - overlap(line, (rest + "\n",))
            yield replace(chunk, text=line[shown:keep])
            shown = keep
    if line[shown:]:
        yield Chunk(line[shown : again(line, rest, whole=True)], 0, "stop")


def again(line: str, rest: str, *, whole: bool) -> int:
    """Where in a line the rest of its line begins again; its length where it does not.

    What stands in brackets or quotes of the line's own does not count. The rest's first bracket is
    enough, and at the end of a whole line so is whatever punctuation the rest begins with.
    """
    depth, quote = 0, ""
    for at, character in enumerate(line if rest else ""):
        if quote:
            quote = "" if character == quote and line[at - 1] != "\\" else quote
        elif depth == 0 and (
            line.startswith(rest, at)
            or (character in CLOSERS and character == rest.lstrip()[0])
            or (whole and rest.startswith(line[at:]) and not re.search(r"\w|^\s+$", line[at:]))
        ):
            return at
        elif character in QUOTES:
            quote = character
        else:
            depth = max(depth + (character in OPENERS) - (character in CLOSERS), 0)
    return len(line)

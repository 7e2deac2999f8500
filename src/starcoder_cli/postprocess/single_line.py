"""An answer of one line ends with it, or where the rest of the line is repeated."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.stream import Chunk, FinishReason, Stream, closing_source

MAX_CANDIDATES = 8
BRACKETS = "()[]{} \t"
CLOSING = ")]};,"
CONTINUED = "\\"
"""Ends a line that the next one continues, also of a macro in C, which no parser looks into."""
MAX_LINES, MAX_OPEN_LINES = 16, 400
"""The most lines of a statement that can be its last, and the most of all, inside brackets too."""


def until_line_end(chunks: Iterable[Chunk], rest: str, check: SoundnessCheck) -> Stream:
    """Yield an answer up to the end of its line, or to where the rest of that line is repeated.

    From where that rest may begin it is held back: at the end of the line a parser decides.
    """
    held, passed = "", ""
    with closing_source(chunks) as source:
        for chunk in source:
            text, newline, _ = chunk.text.partition("\n")
            held += text
            if newline or chunk.reason:
                line = passed + held
                end, rule = choose_end(line, rest, check, "line" if newline else chunk.reason)
                end = max(end, len(passed))
                names = (*chunk.trimmed, *((rule,) if rule else ()))
                reason = "stop" if rule else chunk.reason
                yield replace(chunk, text=line[len(passed) : end], reason=reason, trimmed=names)
                return
            safe = find_possible_rest(held, rest)
            passed += held[:safe]
            yield replace(chunk, text=held[:safe])
            held = held[safe:]
    if held:
        line = passed + held
        end, rule = choose_end(line, rest, check, "stop")
        yield Chunk(
            line[len(passed) : max(end, len(passed))], 0, "stop", trimmed=(rule,) if rule else ()
        )


def until_statement_end(chunks: Iterable[Chunk], rest: str, check: SoundnessCheck) -> Stream:
    """As `until_line_end`; if the line alone breaks the file, with the lines that complete it.

    Nothing is passed on before that is known. Before the rest of a line, an answer that begins with
    a line end is taken up to where that rest is repeated, else as a whole or not at all.
    """
    held, reader = list[Chunk](), StatementReader(rest, check)
    with closing_source(chunks) as source:
        for chunk in source:
            held.append(chunk)
            if not (chunk.reason or "\n" in chunk.text):
                continue
            ends, text = chunk.reason == "stop", "".join(each.text for each in held)
            parts = reader.feed(text.split("\n")[: None if ends else -1])
            whole = whole_answers(text) if ends and not reader.is_too_long else []
            for part in chain(parts, whole):
                reason = "stop" if ends and part == text else "line"
                end, rule = choose_end(part, rest, check, reason)
                if is_complete(part[:end], rest, check):
                    yield from (replace(each, text="") for each in held[:-1])
                    names = (*chunk.trimmed, *((rule,) if rule else ()))
                    yield replace(chunk, text=part[:end], reason="stop", trimmed=names)
                    return
            if chunk.reason or reader.is_too_long:
                break
    yield from until_line_end(held, rest, check)


def whole_answers(text: str) -> list[str]:
    """All of an answer, with the line end after it or without.

    If it begins on a line of its own, so does the rest of the line that the hole is in. Behind a
    line that goes on, that is part of it.
    """
    texts = [text.rstrip("\n"), text]
    is_apart = not text.partition("\n")[0].strip() or texts[0].endswith(CONTINUED)
    return texts[::-1] if is_apart else texts


class StatementReader:
    """Reads an answer's lines, and returns its beginnings that leave no bracket open.

    One that starts on a line of its own ends where the rest of the hole's line is repeated.
    """

    def __init__(self, rest: str, check: SoundnessCheck) -> None:
        self._rest, self._check = rest, check
        self._line_count, self._part_count = 0, 0

    @property
    def is_too_long(self) -> bool:
        """Whether a statement would have ended by now."""
        return self._line_count > MAX_OPEN_LINES or self._part_count > MAX_LINES

    def feed(self, lines: list[str]) -> list[str]:
        """Return the beginnings that end with a new line, given all complete lines so far."""
        if self._rest.strip() and not "".join(lines[:1]).strip():
            return self._before_rest(lines)
        parts = list[str]()
        for count in range(self._line_count + 1, len(lines) + 1):
            self._line_count = count
            if self.is_too_long:
                break
            is_last = not self._rest.strip() or self._rest.endswith(CONTINUED)
            if lines[count - 1].endswith(CONTINUED) and not is_last:
                continue
            part = "\n".join(lines[:count])
            texts = {part, part.rstrip().removesuffix(self._rest.strip())}  # repeated by it
            if not all(self._check.leaves_open(text, self._rest) for text in texts):
                self._part_count += 1
                parts.append(part)
        return parts

    def _before_rest(self, lines: list[str]) -> list[str]:
        """The beginnings before a line that is the rest of the hole's line, indented like it."""
        first, self._line_count = self._line_count, len(lines)
        rest, parts = self._rest.strip(), list[str]()
        brackets = rest[: len(rest) - len(rest.lstrip(CLOSING))]
        for number, line in enumerate(lines[first:], first):
            if line.strip() and line.strip() in (rest, brackets):
                part = "".join(f"{each}\n" for each in lines[:number])
                if self._check.count_open(part) == 0:
                    parts.append(part + line[: len(line) - len(line.lstrip())])
        return parts


def is_complete(part: str, rest: str, check: SoundnessCheck) -> bool:
    """Whether the file is as sound with a part of an answer, and the rest of its line not lost.

    That would be in a comment of a later line.
    """
    loses_rest = bool(rest.strip()) and "\n" in part and check.opens_comment(part)
    return check.is_as_sound(part) and not loses_rest


def find_possible_rest(line: str, rest: str) -> int:
    """Where in an unfinished line the rest of its line may begin; its length if it cannot."""
    for at, character in enumerate(line if rest else ""):
        if character == rest[0] and (line.startswith(rest, at) or rest.startswith(line[at:])):
            return at
    return len(line)


def choose_end(
    line: str, rest: str, check: SoundnessCheck, reason: FinishReason | str | None
) -> tuple[int, str]:
    """How much of a complete line to keep, and the rule that ends it there.

    The rest of the line is dropped if the file is as sound without it, otherwise whatever leaves
    the file sounder. A model that stopped by itself in a sound file is left alone.
    """
    default = "line" if reason == "line" else ""
    if not rest.strip() or not line:
        return len(line.removesuffix(rest)), default
    rest, body = rest.rstrip(), line.rstrip()
    ends = [at for at in range(len(line)) if line.startswith(rest, at)]
    tail = range(max(len(body) - len(rest), 0), len(body))
    ends += [at for at in tail if rest.startswith(body[at:]) and at not in ends]
    ends = ends[-MAX_CANDIDATES:]
    whole = check.errors(line)
    repeated = len(body) - len(rest)
    if body.endswith(rest) and not closes_itself(line, repeated, rest, check):
        errors = check.errors(line[:repeated])
        if errors <= whole or (reason == "line" and errors <= check.errors_before):
            return repeated, "suffix"
    if ends and check.opens_comment(line) and not check.replaces_comment:
        first = next((at for at in ends if may_repeat_rest(line[:at], rest, check)), len(line))
        return first, "suffix" if first < len(line) else default
    best = min(ends, key=lambda at: (check.errors(line[:at]), at), default=len(line))
    if check.errors(line[:best]) < whole:
        return best, "suffix"
    return len(line), default


def may_repeat_rest(part: str, rest: str, check: SoundnessCheck) -> bool:
    """Whether the rest of the line may be repeated after a part of an answer, before a comment.

    A closing bracket is not if it closes what the part has opened.
    """
    is_own = not rest.strip(BRACKETS) and check.count_open(part) > 0
    is_before = bool(part.strip()) and check.kind_behind(part) != "comment"
    return is_before and not is_own and check.is_as_sound(part)


def closes_itself(line: str, repeated: int, rest: str, check: SoundnessCheck) -> bool:
    """Whether an answer's end, which is also the rest of its line, closes its own brackets."""
    is_bracket = not rest.strip(BRACKETS)
    return is_bracket and check.leaves_open(line[:repeated], rest) > check.leaves_open(line, rest)


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

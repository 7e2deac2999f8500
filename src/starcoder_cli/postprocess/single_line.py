"""An answer of one line ends with it, or where the rest of the line is repeated."""

from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.stream import Chunk, FinishReason, Stream, closing_source

MAX_CANDIDATES = 8
MAX_LINES = 16
"""The most lines of an answer that continues past its first one."""


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

    Nothing is passed on before that is known.
    """
    held, lines = list[Chunk](), list[str]()
    with closing_source(chunks) as source:
        for chunk in source:
            held.append(chunk)
            if not (chunk.reason or "\n" in chunk.text):
                continue
            text = "".join(each.text for each in held)
            read = len(lines)
            lines = text.split("\n")[: None if chunk.reason == "stop" else -1]
            for count in range(read, min(len(lines), MAX_LINES)):
                part = "\n".join(lines[: count + 1])
                by_itself = chunk.reason == "stop" and part == text
                end, rule = choose_end(part, rest, check, "stop" if by_itself else "line")
                if check.is_as_sound(part[:end]):
                    yield from (replace(each, text="") for each in held[:-1])
                    names = (*chunk.trimmed, *((rule,) if rule else ()))
                    yield replace(chunk, text=part[:end], reason="stop", trimmed=names)
                    return
            if len(lines) >= MAX_LINES or chunk.reason:
                break
    yield from until_line_end(held, rest, check)


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
    if body.endswith(rest):
        errors = check.errors(line[:repeated])
        if errors <= whole or (reason == "line" and errors <= check.errors_before):
            return repeated, "suffix"
    if ends and check.opens_comment(line):
        first = next((at for at in ends if check.is_as_sound(line[:at])), len(line))
        return first, "suffix" if first < len(line) else default
    best = min(ends, key=lambda at: (check.errors(line[:at]), at), default=len(line))
    if check.errors(line[:best]) < whole:
        return best, "suffix"
    return len(line), default


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

"""An answer that goes round in circles, or tells what follows it in other words."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from starcoder_cli.postprocess.indentation import indentation
from starcoder_cli.stream import Chunk, Stream, closing_source

PERIODS = range(1, 5)  # lines of a block that is repeated
SIMILAR = 0.6  # of two lines, as difflib measures it

Judge: TypeAlias = Callable[[list[str]], tuple[int, bool]]


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

"""Holes in a file of code: where people leave them, cut by its lines and brackets alone."""

import random
import re
from collections.abc import Iterator

from starcoder_cli.files.source import Span

COMPLETED = "completed"
KINDS = ("line", "block", "uneven", "lines", "argument", "rest", "inside", COMPLETED)
MAX_GROUP_LINES = 30
PARTNERS = {")": "(", "]": "[", "}": "{"}


def holes(text: str, chance: random.Random) -> Iterator[tuple[str, Span]]:
    """Yield holes of every kind in a file, if it has any."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    filled = [number for number, line in enumerate(lines[:-1]) if line.strip()]

    def span(first: int, last: int) -> Span:
        return Span(starts[first], starts[last] + len(lines[last]))

    for number in chance.sample(filled, min(3, len(filled))):
        yield "line", span(number, number)
    bodies = [body for number in filled if (body := find_body(lines, number))]
    for first, last in chance.sample(bodies, min(2, len(bodies))):
        yield "block", span(first, last)
    uneven = [body for number in filled if (body := find_uneven_body(lines, number))]
    for first, last in chance.sample(uneven, min(2, len(uneven))):
        yield "uneven", span(first, last)
    for number in chance.sample(filled, min(2, len(filled))):
        last = min(number + chance.randint(1, 4), len(lines) - 2)
        if last > number and lines[last].strip():
            yield "lines", span(number, last)
    places = [
        Span(starts[number] + match.start(1), starts[number] + match.end(1))
        for number in filled
        for match in re.finditer(r"[(,]\s*([^()\[\]{},\s][^()\[\]{},]*)(?=[,)])", lines[number])
    ]
    for place in chance.sample(places, min(2, len(places))):
        yield "argument", place
    rests = [
        Span(starts[number] + match.start() + 1, starts[number] + len(lines[number].rstrip()))
        for number in filled
        for match in re.finditer(r"(?<=\S) (?=\S)", lines[number])
    ]
    for place in chance.sample(rests, min(2, len(rests))):
        yield "rest", place
    groups = list(bracket_groups(text))
    inside = [place for place in groups if is_inside_lines(text, place)]
    for place in chance.sample(inside, min(2, len(inside))):
        yield "inside", place
    completed = [
        Span(place.start + 1, (text + "\n").index("\n", place.end))
        for place in groups
        if text[place.start + 1] == "\n"
    ]
    for place in chance.sample(completed, min(2, len(completed))):
        yield COMPLETED, place


def bracket_groups(text: str) -> Iterator[Span]:
    """Yield what stands in a pair of brackets on several lines, with the brackets."""
    opened: list[int] = []
    for match in re.finditer(r"[()\[\]{}]", text):
        if match[0] not in PARTNERS:
            opened.append(match.start())
        elif opened and text[opened[-1]] == PARTNERS[match[0]]:
            start = opened.pop()
            if 0 < text.count("\n", start, match.end()) <= MAX_GROUP_LINES:
                yield Span(start, match.end())
        else:
            opened.clear()


def is_inside_lines(text: str, place: Span) -> bool:
    """Whether there is something before a place on its line, and after it on its last."""
    before, after = text[: place.start], text[place.end :]
    return bool(before.rpartition("\n")[2].strip() and after.partition("\n")[0].strip())


def depth(line: str) -> int:
    """How far right a line begins, in columns."""
    return len(line.expandtabs()) - len(line.expandtabs().lstrip())


def find_uneven_body(lines: list[str], number: int) -> tuple[int, int] | None:
    """The lines after a line up to the bracket that closes it, if one begins at its depth or left.

    Directives, labels and comments do. The closing bracket is the only thing on its line, and there
    are up to `MAX_GROUP_LINES`.
    """
    opener, margin = lines[number].rstrip()[-1:], depth(lines[number])
    end = next((at for at in range(number + 1, len(lines)) if closes_at(lines[at], margin)), 0)
    body = lines[number + 1 : end]
    if opener != "{" or not 2 < len(body) <= 2 * MAX_GROUP_LINES:
        return None
    is_whole = lines[end].strip(";, ") == "}" and all(
        depth(line) > margin for line in (body[0], body[-1])
    )
    is_uneven = any(line.strip() and depth(line) <= margin for line in body)
    return (number + 1, end - 1) if is_whole and is_uneven else None


def closes_at(line: str, margin: int) -> bool:
    """Whether a line begins with a closing bracket, no deeper than a margin."""
    return depth(line) <= margin and line.strip()[:1] in tuple(PARTNERS)


def find_body(lines: list[str], number: int) -> tuple[int, int] | None:
    """The lines after a line that are deeper than it, if there are 1 to 20."""
    end = number
    for at in range(number + 1, len(lines)):
        if lines[at].strip() and depth(lines[at]) <= depth(lines[number]):
            break
        end = at if lines[at].strip() else end
    first = next((at for at in range(number + 1, end + 1) if lines[at].strip()), 0)
    return (first, end) if first == number + 1 and end - number <= 20 else None

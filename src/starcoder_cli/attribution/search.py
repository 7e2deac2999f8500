"""Which runs of tokens a text shares with an index, and whose they are."""

import re
import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.attribution.fingerprints import SHORTEST, SURE, runs
from starcoder_cli.attribution.index import reading
from starcoder_cli.attribution.matches import Match, Origin
from starcoder_cli.attribution.records import MARK_BYTES, Files, line, marks
from starcoder_cli.attribution.tokens import PROSE, Tokens, lexicon, lexicons, readings
from starcoder_cli.languages import find

MOST_ROWS = 500  # files that have one run
MOST_FILES = 50
MOST_PLACES = 8  # of one run in one file
MOST_ORIGINS = 20


@dataclass(frozen=True)
class Run:
    """Tokens in a row, by their places in a text's bytes, that are in a file of the index too.

    `position` is the first one's number in the file.
    """

    start: int
    end: int
    tokens: int
    file: int
    position: int


def search(text: str, language: str | None, index: Path) -> list[Match]:
    """What a text shares with an index; see `attribution.trace`."""
    data = text.encode("utf-8", "surrogateescape")
    known = language is not None and find(language).name not in PROSE
    ways = (lexicon(language),) if known and language else lexicons()
    with reading(index) as connection:
        files = Files(connection, index)
        read = (tokens for way in ways for tokens in readings(data, way))
        found = {run for tokens in read for run in shared(connection, tokens, files)}
        return matches(data, found, files)


def shared(connection: sqlite3.Connection, read: Tokens, files: Files) -> Iterator[Run]:
    """The runs of at least SHORTEST tokens that are in a file of the index as well."""
    own = marks(read.hashes)
    for file, ats in candidates(connection, runs(read.hashes)):
        for start, end, position in common(own, files.marks(file), ats):
            places = read.places[start][0], read.places[end - 1][1]
            yield Run(*places, end - start, file, position)


def candidates(
    connection: sqlite3.Connection, hashes: Sequence[int]
) -> Iterator[tuple[int, Sequence[int]]]:
    """The files that have runs of a text, and the numbers of those runs; those with most first.

    Of very many files those are left out whose runs are all in others too.
    """
    found: dict[int, list[int]] = defaultdict(list)
    known: dict[int, list[tuple[int]]] = {}
    query = "SELECT file FROM posting WHERE hash = ? LIMIT ?"
    for at, hash_ in enumerate(hashes):
        if hash_ not in known:
            known[hash_] = connection.execute(query, (hash_, MOST_ROWS)).fetchall()
        for (file,) in known[hash_]:
            found[file].append(at)
    seen: set[int] = set()
    for number, file in enumerate(sorted(found, key=lambda each: (-len(found[each]), each))):
        if number < MOST_FILES or not seen.issuperset(found[file]):
            seen.update(found[file])
            yield file, found[file]


def common(own: bytes, other: bytes, ats: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """The longest runs of tokens that two files share, from some of their runs of SHORTEST on.

    First token and end of each in the own file, and its first token in the other. What is in a run
    that was found before is not looked for again.
    """
    ours, theirs = memoryview(own).cast("H"), memoryview(other).cast("H")
    done = 0
    for at in ats:
        if at + SHORTEST <= done:
            continue
        found = [extended(ours, theirs, at, place) for place in places(own, other, at)]
        if found:
            start, end, position = max(found, key=lambda run: run[1] - run[0])
            done = max(done, end)
            yield start, end, position


def places(own: bytes, other: bytes, at: int) -> Iterator[int]:
    """Where in another file the SHORTEST tokens from one on are, the first places only."""
    wanted = own[MARK_BYTES * at : MARK_BYTES * (at + SHORTEST)]
    place, left = -1, MOST_PLACES
    while left and (place := other.find(wanted, place + 1)) >= 0:
        if place % MARK_BYTES == 0:
            left -= 1
            yield place // MARK_BYTES


def extended(
    ours: Sequence[int], theirs: Sequence[int], at: int, place: int
) -> tuple[int, int, int]:
    """The longest run around a token that two files share: as in `common`."""
    start, end, shift = at, at + SHORTEST, place - at
    while start > 0 and start + shift > 0 and ours[start - 1] == theirs[start + shift - 1]:
        start -= 1
    most = min(len(ours), len(theirs) - shift)
    while end < most and ours[end] == theirs[end + shift]:
        end += 1
    return start, end, start + shift


def matches(data: bytes, found: Iterable[Run], files: Files) -> list[Match]:
    """The runs with all who have them, the longest first."""
    breaks = [newline.start() for newline in re.finditer(b"\n", data)]
    made = [match(data, group, breaks, files) for group in grouped(found, files)]
    return sorted(made, key=lambda match: (-match.tokens, match.start))


def grouped(found: Iterable[Run], files: Files) -> list[list[Run]]:
    """Runs with those that are as long, or nearly so.

    What is part of a longer run counts by itself only where it would be found for sure, and is of a
    project that does not have the longer one.
    """
    groups: list[list[Run]] = []
    current: list[list[Run]] = []
    for run in sorted(found, key=lambda run: (run.start, -run.end, run.file, run.position)):
        current = [group for group in current if group[0].end > run.start]
        around = [group for group in current if run.end <= group[0].end]
        near = [group for group in around if 10 * run.tokens >= 9 * group[0].tokens]
        if near:
            near[-1].append(run)
        elif not around or (run.tokens >= SURE and is_new(run, around, files)):
            groups.append([run])
            current.append(groups[-1])
    return groups


def is_new(run: Run, around: Iterable[Sequence[Run]], files: Files) -> bool:
    """Whether the project of a run has none of the longer ones around it."""
    known = {files.told(each.file).identity for group in around for each in group}
    return files.told(run.file).identity not in known


def match(data: bytes, group: Sequence[Run], breaks: Sequence[int], files: Files) -> Match:
    """One part of a text, with the first of those who have it too, the longest first."""
    runs_ = sorted(group, key=lambda run: (-run.tokens, run.file, run.position))
    longest, by_file = runs_[0], {run.file: run for run in reversed(runs_)}
    several = sorted(by_file.values(), key=lambda run: (-run.tokens, run.file))
    ends = (longest.start, longest.end)
    start, end = (len(data[:at].decode("utf-8", "surrogateescape")) for at in ends)
    first, last = (bisect_right(breaks, at) + 1 for at in (longest.start, longest.end - 1))
    origins = tuple(origin(run, files) for run in several[:MOST_ORIGINS])
    more = len(several) - len(origins)
    licences = tuple(sorted({files.told(run.file).licence for run in several}))
    return Match(start, end, first, last, longest.tokens, origins, more, licences)


def origin(run: Run, files: Files) -> Origin:
    """Where a run comes from."""
    told, ends = files.told(run.file), files.line_ends(run.file)
    lines = line(ends, run.position), line(ends, run.position + run.tokens - 1)
    return Origin(
        told.project, told.version, told.path, *lines, told.licence, run.tokens, told.root
    )

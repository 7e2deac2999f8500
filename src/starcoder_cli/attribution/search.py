"""Which runs of tokens a text shares with an index, and whose they are."""

import re
import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.attribution import Match, Origin
from starcoder_cli.attribution.fingerprints import SHORTEST, SURE, WINDOW, runs
from starcoder_cli.attribution.index import reading
from starcoder_cli.attribution.lines import line, unpacked
from starcoder_cli.attribution.tokens import PROSE, Tokens, lexicon, lexicons, readings
from starcoder_cli.errors import DataError
from starcoder_cli.languages import find

MOST_ROWS = 100
MOST_FILES = 50
MOST_ORIGINS = 20


@dataclass(frozen=True)
class Run:
    """Tokens of a text, by their places in its bytes, that are in a file of the index.

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
        read = (tokens for way in ways for tokens in readings(data, way))
        found = {run for tokens in read for run in shared(connection, tokens)}
        return matches(data, found, Files(connection, index))


def shared(connection: sqlite3.Connection, read: Tokens) -> Iterator[Run]:
    """The runs of tokens that are in a file of the index, one for each place there."""
    for (file, shift), starts in aligned(connection, runs(read.hashes)).items():
        for first, end in joined(sorted(starts)):
            places = read.places[first][0], read.places[end - 1][1]
            yield Run(*places, end - first, file, first + shift)


def aligned(
    connection: sqlite3.Connection, hashes: Sequence[int]
) -> Mapping[tuple[int, int], list[int]]:
    """For each file, and each distance to the same tokens in it, where in the text those begin.

    Runs that are all over the index are looked for in those files only that others are in; where
    there are none, in the first ones.
    """
    places: dict[int, list[int]] = defaultdict(list)
    for at, hash_ in enumerate(hashes):
        places[hash_].append(at)
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    common = {}
    query = "SELECT file, position FROM posting WHERE hash = ? LIMIT ?"
    for hash_, ats in places.items():
        rows = connection.execute(query, (hash_, MOST_ROWS)).fetchall()
        if len(rows) == MOST_ROWS:
            common[hash_] = rows
        note(found, rows, ats)
    files = list(dict.fromkeys(file for file, _ in found))[:MOST_FILES]
    query = "SELECT file, position FROM posting WHERE hash = ? AND file = ? LIMIT ?"
    for hash_, rows in common.items():
        seen = {file for file, _ in rows[:-1]}
        for file in files:
            if file not in seen:
                more = connection.execute(query, (hash_, file, MOST_ROWS)).fetchall()
                note(found, more, places[hash_])
    return found


def note(
    found: dict[tuple[int, int], list[int]], rows: Sequence[tuple[int, int]], ats: Sequence[int]
) -> None:
    """Note where a run is, in the text and in files; fewer files where it is often in the text."""
    for file, position in rows[: max(1, MOST_ROWS // len(ats))]:
        for at in ats:
            found[file, position - at].append(at)


def joined(starts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Runs of SHORTEST tokens that overlap or touch, as one: its first token and its end."""
    first = end = -1
    for start in starts:
        if start > end:
            if end > 0:
                yield first, end
            first = start
        end = start + SHORTEST
    if end > 0:
        yield first, end


class Files:
    """What an index knows of its files, each asked for once."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._known: dict[int, tuple[tuple[str, ...], list[int]]] = {}

    def project(self, file: int) -> tuple[str, ...]:
        """The root, name and version of the project of a file."""
        return self._ask(file)[0][:3]

    def origin(self, run: Run) -> Origin:
        """Where a run comes from; DataError where the index does not fit together."""
        (root, project, version, path, licence), ends = self._ask(run.file)
        first = line(ends, run.position)
        last = line(ends, run.position + run.tokens - 1)
        return Origin(project, version, path, first, last, licence, run.tokens, root)

    def _ask(self, file: int) -> tuple[tuple[str, ...], list[int]]:
        if file not in self._known:
            row = self._connection.execute(
                "SELECT root, name, version, path, file.licence, lines"
                " FROM file JOIN project ON project.id = project WHERE file.id = ?",
                (file,),
            ).fetchone()
            try:
                *words, lines = row
                if not all(isinstance(word, str) for word in words):
                    raise TypeError
                self._known[file] = tuple(words), unpacked(lines)
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"{self._path} is damaged: file {file} is not what it should be",
                    "remove it and add the sources again",
                ) from error
        return self._known[file]


def matches(data: bytes, found: Iterable[Run], files: Files) -> list[Match]:
    """The runs with all who have them, the longest first."""
    breaks = [newline.start() for newline in re.finditer(b"\n", data)]
    made = [match(data, group, breaks, files) for group in grouped(found, files)]
    return sorted(made, key=lambda match: (-match.tokens, match.start))


def grouped(found: Iterable[Run], files: Files) -> list[list[Run]]:
    """Runs with those that may be as long, for both ends of a run are known to WINDOW only.

    What is part of a longer run counts by itself only where it would be found for sure, and is of a
    project that does not have the longer one.
    """
    groups: list[list[Run]] = []
    current: list[list[Run]] = []
    for run in sorted(found, key=lambda run: (run.start, -run.end, run.file, run.position)):
        current = [group for group in current if group[0].end > run.start]
        around = [group for group in current if run.end <= group[0].end]
        near = [group for group in around if group[0].tokens - run.tokens < 2 * WINDOW - 1]
        if near:
            near[-1].append(run)
        elif not around or (run.tokens >= SURE and is_new(run, around, files)):
            groups.append([run])
            current.append(groups[-1])
    return groups


def is_new(run: Run, around: Iterable[Sequence[Run]], files: Files) -> bool:
    """Whether the project of a run has none of the longer ones around it."""
    known = {files.project(each.file) for group in around for each in group}
    return files.project(run.file) not in known


def match(data: bytes, group: Sequence[Run], breaks: Sequence[int], files: Files) -> Match:
    """One part of a text, with the first of those who have it too, the longest first."""
    runs_ = sorted(group, key=lambda run: (-run.tokens, run.file, run.position))
    longest, by_file = runs_[0], {run.file: run for run in reversed(runs_)}
    several = sorted(by_file.values(), key=lambda run: (-run.tokens, run.file))
    ends = (longest.start, longest.end)
    start, end = (len(data[:at].decode("utf-8", "surrogateescape")) for at in ends)
    first, last = (bisect_right(breaks, at) + 1 for at in (longest.start, longest.end - 1))
    origins = tuple(files.origin(run) for run in several[:MOST_ORIGINS])
    return Match(start, end, first, last, longest.tokens, origins, len(several) - len(origins))

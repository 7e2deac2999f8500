"""Find the runs of tokens that a text shares with an index, and their origins."""

import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from starcoder_cli.attribution.fingerprints import (
    GUARANTEED_MATCH_TOKENS,
    MIN_MATCH_TOKENS,
    hash_kgrams,
)
from starcoder_cli.attribution.index import open_index_readonly
from starcoder_cli.attribution.matches import Match, Origin
from starcoder_cli.attribution.records import (
    LINE_END,
    SHORT_HASH_BYTES,
    IndexedFiles,
    line_of_token,
    shorten_hashes,
)
from starcoder_cli.attribution.tokens import (
    NON_CODE_LANGUAGES,
    TokenizedCode,
    all_lexical_syntaxes,
    lexical_syntax_of,
    tokenize_fragment,
)
from starcoder_cli.languages import find_language

MAX_FILES_PER_KGRAM = 500
MAX_CANDIDATE_FILES = 50
MAX_OCCURRENCES_PER_FILE = 8  # of one k-gram
MAX_ORIGINS = 20


@dataclass(frozen=True)
class SharedRun:
    """Consecutive tokens, by their span in a text's bytes, that also occur in an indexed file.

    `first_token` is the number of the first one in the file.
    """

    start: int
    end: int
    token_count: int
    file_id: int
    first_token: int


def search_index(text: str, language: str | None, index: Path) -> list[Match]:
    """What a text shares with an index; see `attribution.find_matches`."""
    data = text.encode("utf-8", "surrogateescape")
    has_syntax = language is not None and find_language(language).name not in NON_CODE_LANGUAGES
    syntaxes = (lexical_syntax_of(language),) if has_syntax and language else all_lexical_syntaxes()
    with open_index_readonly(index) as connection:
        files = IndexedFiles(connection, index)
        tokenizations = (
            tokenized for syntax in syntaxes for tokenized in tokenize_fragment(data, syntax)
        )
        shared_runs = {
            run
            for tokenized in tokenizations
            for run in find_shared_runs(connection, tokenized, files)
        }
        return build_matches(data, shared_runs, files)


def find_shared_runs(
    connection: sqlite3.Connection, tokenized: TokenizedCode, files: IndexedFiles
) -> Iterator[SharedRun]:
    """The runs of at least MIN_MATCH_TOKENS tokens that also occur in an indexed file."""
    own_hashes = shorten_hashes(tokenized.hashes)
    for file_id, positions in find_candidate_files(
        connection, hash_kgrams(tokenized.hashes), files
    ):
        for start, end, other_start in find_common_runs(
            own_hashes, files.short_hashes(file_id), positions
        ):
            byte_span = tokenized.spans[start][0], tokenized.spans[end - 1][1]
            yield SharedRun(*byte_span, end - start, file_id, other_start)


def find_candidate_files(
    connection: sqlite3.Connection, hashes: Sequence[int], files: IndexedFiles
) -> Iterator[tuple[int, Sequence[int]]]:
    """The files that share k-grams with a text, most first, and the k-grams' positions.

    Beyond a number of files, one is skipped if others under its licence have all its k-grams.
    """
    positions_by_file: dict[int, list[int]] = defaultdict(list)
    files_by_hash: dict[int, Collection[int]] = {}
    for position, hash_ in enumerate(hashes):
        if hash_ not in files_by_hash:
            files_by_hash[hash_] = find_files_with_kgram(connection, hash_)
        for file_id in files_by_hash[hash_]:
            positions_by_file[file_id].append(position)
    covered: dict[str, set[int]] = defaultdict(set)
    for number, file_id in enumerate(
        sorted(positions_by_file, key=lambda file_id: (-len(positions_by_file[file_id]), file_id))
    ):
        covered_of_licence = covered[files.get(file_id).licence]
        positions = positions_by_file[file_id]
        if number < MAX_CANDIDATE_FILES or not covered_of_licence.issuperset(positions):
            covered_of_licence.update(positions)
            yield file_id, positions


def find_files_with_kgram(connection: sqlite3.Connection, hash_: int) -> Collection[int]:
    """The first files that contain a k-gram, and the first one of each licence."""
    query = "SELECT file FROM posting WHERE hash = ? LIMIT ?"
    rows = connection.execute(query, (hash_, MAX_FILES_PER_KGRAM)).fetchall()
    if len(rows) == MAX_FILES_PER_KGRAM:
        # The cross join makes SQLite start with the few files of the k-gram.
        query = (
            "SELECT min(posting.file) FROM posting CROSS JOIN file ON file.id = posting.file"
            " WHERE hash = ? GROUP BY licence"
        )
        rows += connection.execute(query, (hash_,)).fetchall()
    return {file_id for (file_id,) in rows}


def find_common_runs(
    own: bytes, other: bytes, positions: Iterable[int]
) -> Iterator[tuple[int, int, int]]:
    """The longest runs of tokens that two files share, starting from k-grams of the own file.

    Yields each run's first token and end in the own file, and its first token in the other.
    Positions inside a run already found are skipped.
    """
    ours, theirs = memoryview(own).cast("H"), memoryview(other).cast("H")
    covered_until = 0
    for position in positions:
        if position + MIN_MATCH_TOKENS <= covered_until:
            continue
        extended_runs = [
            extend_run(ours, theirs, position, other_position)
            for other_position in find_occurrences(own, other, position)
        ]
        if extended_runs:
            start, end, other_start = max(extended_runs, key=lambda run: run[1] - run[0])
            covered_until = max(covered_until, end)
            yield start, end, other_start


def find_occurrences(own: bytes, other: bytes, position: int) -> Iterator[int]:
    """The first positions in another file of the k-gram at a position."""
    needle = own[SHORT_HASH_BYTES * position : SHORT_HASH_BYTES * (position + MIN_MATCH_TOKENS)]
    offset, remaining = -1, MAX_OCCURRENCES_PER_FILE
    while remaining and (offset := other.find(needle, offset + 1)) >= 0:
        if offset % SHORT_HASH_BYTES == 0:
            remaining -= 1
            yield offset // SHORT_HASH_BYTES


def extend_run(
    ours: Sequence[int], theirs: Sequence[int], position: int, other_position: int
) -> tuple[int, int, int]:
    """Extend a shared k-gram to the longest shared run: returned as by `find_common_runs`."""
    start, end, shift = position, position + MIN_MATCH_TOKENS, other_position - position
    while start > 0 and start + shift > 0 and ours[start - 1] == theirs[start + shift - 1]:
        start -= 1
    limit = min(len(ours), len(theirs) - shift)
    while end < limit and ours[end] == theirs[end + shift]:
        end += 1
    return start, end, start + shift


def build_matches(data: bytes, runs: Iterable[SharedRun], files: IndexedFiles) -> list[Match]:
    """Build the matches, longest first, each with all its origins."""
    newlines = [newline.start() for newline in LINE_END.finditer(data)]
    matches = [build_match(data, group, newlines, files) for group in group_runs(runs, files)]
    return sorted(matches, key=lambda match: (-match.tokens, match.start))


def group_runs(runs: Iterable[SharedRun], files: IndexedFiles) -> list[list[SharedRun]]:
    """Group runs with those of equal or nearly equal length.

    A run inside a longer one counts separately only if it is long enough to be found for sure and
    its project does not have the longer one under the same licence.
    """
    groups: list[list[SharedRun]] = []
    open_groups: list[list[SharedRun]] = []
    for run in sorted(runs, key=lambda run: (run.start, -run.end, run.file_id, run.first_token)):
        open_groups = [group for group in open_groups if group[0].end > run.start]
        enclosing = [group for group in open_groups if run.end <= group[0].end]
        similar = [group for group in enclosing if 10 * run.token_count >= 9 * group[0].token_count]
        if similar:
            similar[-1].append(run)
        elif not enclosing or (
            run.token_count >= GUARANTEED_MATCH_TOKENS
            and is_from_new_project(run, enclosing, files)
        ):
            groups.append([run])
            open_groups.append(groups[-1])
    return groups


def is_from_new_project(
    run: SharedRun, enclosing: Iterable[Sequence[SharedRun]], files: IndexedFiles
) -> bool:
    """Whether a run's project has none of the longer runs around it under the same licence."""
    known_files = [files.get(other.file_id) for group in enclosing for other in group]
    known = {(file.project_key, file.licence) for file in known_files}
    file = files.get(run.file_id)
    return (file.project_key, file.licence) not in known


def build_match(
    data: bytes, group: Sequence[SharedRun], newlines: Sequence[int], files: IndexedFiles
) -> Match:
    """Build the match for a group of runs, with the first of its origins.

    The longest comes first, then one of each other licence, so that none goes unmentioned.
    """
    longest_first = sorted(group, key=lambda run: (-run.token_count, run.file_id, run.first_token))
    longest, by_file = longest_first[0], {run.file_id: run for run in reversed(longest_first)}
    one_per_file = sorted(by_file.values(), key=lambda run: (-run.token_count, run.file_id))
    ends = (longest.start, longest.end)
    start, end = (len(data[:offset].decode("utf-8", "surrogateescape")) for offset in ends)
    first, last = (
        bisect_right(newlines, offset) + 1 for offset in (longest.start, longest.end - 1)
    )
    by_licence: dict[str, SharedRun] = {}
    for run in one_per_file:
        by_licence.setdefault(files.get(run.file_id).licence, run)
    in_order = dict.fromkeys([*by_licence.values(), *one_per_file])
    origins = tuple(build_origin(run, files) for run in islice(in_order, MAX_ORIGINS))
    more, licences = len(one_per_file) - len(origins), tuple(sorted(by_licence))
    return Match(start, end, first, last, longest.token_count, origins, more, licences)


def build_origin(run: SharedRun, files: IndexedFiles) -> Origin:
    """The origin of a run."""
    indexed_file, line_ends = files.get(run.file_id), files.line_ends(run.file_id)
    lines = (
        line_of_token(line_ends, run.first_token),
        line_of_token(line_ends, run.first_token + run.token_count - 1),
    )
    return Origin(
        indexed_file.project,
        indexed_file.version,
        indexed_file.path,
        *lines,
        indexed_file.licence,
        run.token_count,
        indexed_file.root,
    )

"""Random holes in the user's own code: lines, parts of lines, and function bodies.

The files are those that git does not ignore, without likely secrets, generated code, prose and
data. The same seed cuts the same holes from the same files, and a larger number of holes starts
with those of a smaller one.
"""

import os
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from starcoder_cli import languages
from starcoder_cli.candidates import syntax
from starcoder_cli.context.project import ExcludedFileError, decode_text, read_regular_file
from starcoder_cli.errors import InputError
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.files import git
from starcoder_cli.languages import Language
from starcoder_cli.postprocess.trim_options import PROSE_LANGUAGES
from starcoder_cli.prompts.window import first_lines, last_lines
from starcoder_cli.settings import LineMode

MAX_PREFIX_CHARACTERS, MAX_SUFFIX_CHARACTERS = 6000, 2000
"""Maximum characters of context around a hole, cut at whole lines."""

MIN_HOLE_CHARACTERS = 8  # minimum characters of code in a hole
MAX_BODY_LINES = 30
MAX_SPAN_CHARACTERS = 60
DATA_LANGUAGES = {"json", "yaml", "html", "css"}

HoleRange: TypeAlias = tuple[int, int]
HoleFinder: TypeAlias = Callable[[str, Language], Sequence[HoleRange]]


def find_whole_lines(text: str, language: Language) -> list[HoleRange]:
    """Lines of code, without their line ends."""
    comment_marker = language.comment.format_line("").strip() if language.comment else "\n"
    return [
        match.span()
        for match in re.finditer(r"[^\n]+", text)
        if len(match.group().strip()) >= MIN_HOLE_CHARACTERS
        and not match.group().lstrip().startswith(comment_marker)
    ]


def find_spans(text: str, language: Language) -> list[HoleRange]:
    """Parts of lines, from the start of one word or symbol to the end of another."""
    ranges = []
    for start, end in find_whole_lines(text, language):
        tokens = [match.span() for match in re.finditer(r"\w+|[^\w\s]+", text[start:end])]
        for first in range(1, len(tokens) - 1):
            last = min(first + 4, len(tokens) - 2)
            begin, stop = tokens[first][0], tokens[last][1]
            if MIN_HOLE_CHARACTERS <= stop - begin <= MAX_SPAN_CHARACTERS:
                ranges.append((start + begin, start + stop))
    return ranges


def find_function_bodies(text: str, language: Language) -> list[HoleRange]:
    """Function bodies that are neither trivial nor long, without surrounding white space."""
    ranges = []
    for start, end in syntax.find_body_ranges(text, language.name):
        body = text[start:end]
        start += len(body) - len(body.lstrip())
        end -= len(body) - len(body.rstrip())
        if len(body.strip()) >= MIN_HOLE_CHARACTERS and body.strip().count("\n") < MAX_BODY_LINES:
            ranges.append((start, end))
    return ranges


HOLE_KINDS: Mapping[str, tuple[HoleFinder, LineMode]] = {
    "line": (find_whole_lines, "one"),
    "span": (find_spans, "one"),
    "body": (find_function_bodies, "block"),
}


def sample_problems(
    folder: Path, seed: int, limit: int, language_names: Sequence[str]
) -> list[Problem]:
    """Sample up to `limit` holes of each kind, in the given languages or in any.

    Raises InputError if there is no repository, or no code to cut holes from.
    """
    files = read_source_files(folder, language_names)
    problems = [
        problem
        for kind in HOLE_KINDS
        for problem in sample_problems_of_kind(kind, files, f"{seed} {kind}", limit)
    ]
    if not problems:
        raise InputError(f"{folder} has no code to cut gaps into", "name another with --data")
    return problems


def read_source_files(
    folder: Path, language_names: Sequence[str]
) -> Mapping[str, tuple[str, Language]]:
    """The text and language of each code file of a repository, by name."""
    names = git.list_files(folder)
    if names is None:
        raise InputError(
            f"{folder} is not a git repository",
            "name a folder in one with --data, or run: git init",
        )
    root, sources_by_name = Path(os.path.realpath(folder)), {}
    for name in sorted(names):
        language = languages.detect_language(name)
        if not language or language.name in PROSE_LANGUAGES | DATA_LANGUAGES:
            continue
        if language_names and language.name not in language_names:
            continue
        try:
            sources_by_name[name] = decode_text(read_regular_file(root, name)), language
        except (ExcludedFileError, OSError, ValueError):
            continue
    return sources_by_name


def sample_problems_of_kind(
    kind: str, files: Mapping[str, tuple[str, Language]], seed: str, limit: int
) -> Iterator[Problem]:
    """Sample holes of a kind, taking the files in turn until none has any left."""
    find_holes, lines = HOLE_KINDS[kind]
    rng = random.Random(seed)
    ranges = {name: list(find_holes(*files[name])) for name in files}
    order = [name for name in files if ranges[name]]
    rng.shuffle(order)
    remaining = {name: rng.sample(ranges[name], len(ranges[name])) for name in order}
    count = 0
    while count < limit and (order := [name for name in order if remaining[name]]):
        for name in order[: limit - count]:
            count += 1
            yield create_problem(kind, name, *files[name], remaining[name].pop(), lines)


def create_problem(
    kind: str, name: str, text: str, language: Language, hole_range: HoleRange, lines: LineMode
) -> Problem:
    """Build the problem for a hole in a file."""
    start, end = hole_range
    line_number = text.count("\n", 0, start) + 1
    return Problem(
        name=f"{name}:{line_number}",
        group=kind,
        language=language.name,
        prefix=last_lines(text[:start], MAX_PREFIX_CHARACTERS),
        suffix=first_lines(text[end:], MAX_SUFFIX_CHARACTERS),
        reference=text[start:end],
        filename=name,
        lines=lines,
    )

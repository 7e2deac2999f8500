"""Holes in the user's own code: lines, parts of lines, and bodies of functions, cut by chance.

The files are those that git does not ignore. What looks like a secret, what no one wrote by hand,
prose and data are left out. The same seed cuts the same holes out of the same files, and more of
them begin with those that fewer would be.
"""

import os
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from starcoder_cli import languages
from starcoder_cli.candidates import syntax
from starcoder_cli.context.project import Unwanted, legible, regular
from starcoder_cli.errors import InputError
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.files import git
from starcoder_cli.languages import Language
from starcoder_cli.postprocess.trim import PROSE
from starcoder_cli.prompts.window import first_lines, last_lines
from starcoder_cli.settings import Lines

SECONDS = 30.0
BEFORE, BEHIND = 6000, 2000
"""So many characters around a hole are read, at whole lines."""

LEAST = 8  # characters of code that a hole has at least
MOST_BODY_LINES = 30
MOST_SPAN = 60
DATA = {"json", "yaml", "html", "css"}

Cut: TypeAlias = tuple[int, int]
Cutter: TypeAlias = Callable[[str, Language], Sequence[Cut]]


def whole_lines(text: str, language: Language) -> list[Cut]:
    """Lines of code, without their ends."""
    mark = language.comment.line("").strip() if language.comment else "\n"
    return [
        match.span()
        for match in re.finditer(r"[^\n]+", text)
        if len(match.group().strip()) >= LEAST and not match.group().lstrip().startswith(mark)
    ]


def spans(text: str, language: Language) -> list[Cut]:
    """Parts of lines, from the beginning of a word or sign to the end of another."""
    found = []
    for start, end in whole_lines(text, language):
        tokens = [match.span() for match in re.finditer(r"\w+|[^\w\s]+", text[start:end])]
        for first in range(1, len(tokens) - 1):
            last = min(first + 4, len(tokens) - 2)
            begin, stop = tokens[first][0], tokens[last][1]
            if LEAST <= stop - begin <= MOST_SPAN:
                found.append((start + begin, start + stop))
    return found


def function_bodies(text: str, language: Language) -> list[Cut]:
    """Bodies of functions that are neither trivial nor long, without the white space around."""
    found = []
    for start, end in syntax.bodies(text, language.name):
        body = text[start:end]
        start += len(body) - len(body.lstrip())
        end -= len(body) - len(body.rstrip())
        if len(body.strip()) >= LEAST and body.strip().count("\n") < MOST_BODY_LINES:
            found.append((start, end))
    return found


KINDS: Mapping[str, tuple[Cutter, Lines]] = {
    "line": (whole_lines, "one"),
    "span": (spans, "one"),
    "body": (function_bodies, "block"),
}


def cut(folder: Path, seed: int, limit: int, wanted: Sequence[str]) -> list[Problem]:
    """So many holes of each kind, in the wanted languages or in any.

    Raises InputError where there is no repository, or nothing in it to cut.
    """
    files = sources(folder, wanted)
    found = [problem for kind in KINDS for problem in of_kind(kind, files, f"{seed} {kind}", limit)]
    if not found:
        raise InputError(f"{folder} has no code to cut holes out of", "name another with --data")
    return found


def sources(folder: Path, wanted: Sequence[str]) -> Mapping[str, tuple[str, Language]]:
    """The code of a repository: the text of each file by its name, and its language."""
    names = git.listed(folder, SECONDS)
    if names is None:
        raise InputError(
            f"{folder} is no git repository", "name a folder in one with --data, or run: git init"
        )
    root, found = Path(os.path.realpath(folder)), {}
    for name in sorted(names):
        language = languages.detect(name)
        if not language or language.name in PROSE | DATA:
            continue
        if wanted and language.name not in wanted:
            continue
        try:
            found[name] = legible(regular(root, name)), language
        except (Unwanted, OSError, ValueError):
            continue
    return found


def of_kind(
    kind: str, files: Mapping[str, tuple[str, Language]], seed: str, limit: int
) -> Iterator[Problem]:
    """Holes of a kind, from one file after the other, until none has any left."""
    cutter, lines = KINDS[kind]
    draw = random.Random(seed)
    cuts = {name: list(cutter(*files[name])) for name in files}
    order = [name for name in files if cuts[name]]
    draw.shuffle(order)
    left = {name: draw.sample(cuts[name], len(cuts[name])) for name in order}
    made = 0
    while made < limit and (order := [name for name in order if left[name]]):
        for name in order[: limit - made]:
            made += 1
            yield problem(kind, name, *files[name], left[name].pop(), lines)


def problem(
    kind: str, name: str, text: str, language: Language, place: Cut, lines: Lines
) -> Problem:
    """The problem of a hole in a file."""
    start, end = place
    at = text.count("\n", 0, start) + 1
    return Problem(
        name=f"{name}:{at}",
        group=kind,
        language=language.name,
        prefix=last_lines(text[:start], BEFORE),
        suffix=first_lines(text[end:], BEHIND),
        answer=text[start:end],
        filename=name,
        lines=lines,
    )

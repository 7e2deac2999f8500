"""Which holes are cut into which files: some of each kind from each file, the same for a seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starcoder_cli.context.similarity import NAME_PATTERN, find_most_similar, weigh_nearby_names
from starcoder_cli.model import Hole
from starcoder_cli.prompts.fim import Document
from starcoder_cli.prompts.window import first_lines, last_lines
from starcoder_cli.tuning.personal_data import PLACEHOLDERS
from starcoder_cli.tuning.sources import SourceFile
from starcoder_cli.tuning.syntax_holes import HOLE_KINDS, HoleKind, find_ranges

CHARACTERS_PER_HOLE = 600
"""A file gets one hole for this many characters."""

CONTEXT_SHARE = 0.25
"""This share of the holes is asked with a part of another file, as `fill --context` does."""

MAX_FILES_COMPARED = 12
MAX_PREFIX_CHARACTERS, MAX_SUFFIX_CHARACTERS = 8000, 3000


@dataclass(frozen=True)
class CutHole:
    """A hole in a file, what was in it, and the parts of other files that are read with it."""

    kind: HoleKind
    source: SourceFile
    hole: Hole
    middle: str
    documents: tuple[Document, ...] = ()


def cut_holes(
    sources: Sequence[SourceFile], seed: int, kinds: Sequence[HoleKind] = HOLE_KINDS
) -> list[CutHole]:
    """The holes in some files, shuffled; the kinds alternate as long as a file has them."""
    holes = [hole for source in sources for hole in cut_file(source, sources, seed, kinds)]
    random.Random(f"{seed} order").shuffle(holes)
    return holes


def cut_file(
    source: SourceFile, others: Sequence[SourceFile], seed: int, kinds: Sequence[HoleKind]
) -> Iterator[CutHole]:
    """Yield the holes in one file."""
    rng = random.Random(f"{seed} {source.repository} {source.path}")
    text = source.text
    ranges = {kind: find_ranges(kind, text, source.language) for kind in kinds}
    for each in ranges.values():
        rng.shuffle(each)
    turn = rng.randrange(len(kinds))
    for number in range(max(round(len(text) / CHARACTERS_PER_HOLE), 1)):
        left = [kind for kind in kinds if ranges[kind]]
        if not left:
            return
        kind = left[(turn + number) % len(left)]
        start, end = ranges[kind].pop()
        middle = text[start:end]
        if any(placeholder in middle for placeholder in PLACEHOLDERS):
            continue
        hole = Hole(
            last_lines(text[:start], MAX_PREFIX_CHARACTERS),
            first_lines(text[end:], MAX_SUFFIX_CHARACTERS),
        )
        documents = find_documents(hole, source, others, rng)
        yield CutHole(kind, source, hole, middle, documents)


def find_documents(
    hole: Hole, source: SourceFile, others: Sequence[SourceFile], rng: random.Random
) -> tuple[Document, ...]:
    """The part of another file of the repository that most resembles what is near a hole.

    Chosen from a few random files, and only for a share of the holes.
    """
    if rng.random() >= CONTEXT_SHARE:
        return ()
    same = [each for each in others if each.repository == source.repository and each != source]
    names = weigh_nearby_names(hole)
    snippets = (
        find_most_similar(each.path, each.text, names)
        for each in rng.sample(same, min(len(same), MAX_FILES_COMPARED))
    )
    snippet = max(
        filter(None, snippets),
        key=lambda each: sum(names.get(name, 0) for name in set(NAME_PATTERN.findall(each.text))),
        default=None,
    )
    return (Document(snippet.path, snippet.text),) if snippet else ()

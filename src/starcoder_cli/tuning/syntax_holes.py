"""Places in code to cut holes at: by its syntax, as tree-sitter reads it, and at random."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from starcoder_cli.candidates import syntax
from starcoder_cli.candidates.parser_process import in_parser_process
from starcoder_cli.evaluation.holes import find_function_bodies, find_spans, find_whole_lines
from starcoder_cli.languages import Language

if TYPE_CHECKING:
    from tree_sitter import Node

HoleKind: TypeAlias = Literal["line", "span", "block", "argument", "body", "random"]
HOLE_KINDS: Sequence[HoleKind] = get_args(HoleKind)

ARGUMENTS_NODE = re.compile(r"argument_list$|arguments$|parameters$|parameter_list$")
MAX_BLOCK_STATEMENTS = 5
MIN_CHARACTERS, MAX_CHARACTERS = 4, 800
MAX_RANDOM_CHARACTERS = 300

Range: TypeAlias = tuple[int, int]
RangeFinder: TypeAlias = Callable[[str, Language], Sequence[Range]]


def find_arguments(text: str, language: Language) -> list[Range]:
    """Each argument of a call and each parameter of a function, and all of them together."""
    return in_characters(text, find_argument_bytes(text, language.name))


@in_parser_process(otherwise=[])
def find_argument_bytes(text: str, language: str) -> list[Range]:
    """The same in bytes."""
    ranges = []
    for node in walk(text, language):
        if ARGUMENTS_NODE.search(node.type) and node.named_children:
            children = node.named_children
            ranges += [(child.start_byte, child.end_byte) for child in children]
            ranges.append((children[0].start_byte, children[-1].end_byte))
    return ranges


def find_blocks(text: str, language: Language) -> list[Range]:
    """Up to five consecutive statements of a block."""
    return in_characters(text, find_block_bytes(text, language.name))


@in_parser_process(otherwise=[])
def find_block_bytes(text: str, language: str) -> list[Range]:
    """The same in bytes."""
    ranges = []
    for node in walk(text, language):
        if syntax.BLOCK_NODE.search(node.type):
            statements = [child for child in node.named_children if "comment" not in child.type]
            for at, first in enumerate(statements):
                last = statements[min(at + at % MAX_BLOCK_STATEMENTS, len(statements) - 1)]
                ranges.append((first.start_byte, last.end_byte))
    return ranges


def find_random_spans(text: str, language: Language) -> list[Range]:
    """From a random character to another near it, as in Bavarian et al. 2022; reproducible."""
    rng = random.Random(text[:1000])
    starts = (rng.randrange(len(text)) for _ in range(max(len(text) // 500, 1)))
    return [
        (start, min(start + rng.randint(1, MAX_RANDOM_CHARACTERS), len(text))) for start in starts
    ]


FINDERS: Mapping[HoleKind, RangeFinder] = {
    "line": find_whole_lines,
    "span": find_spans,
    "block": find_blocks,
    "argument": find_arguments,
    "body": find_function_bodies,
    "random": find_random_spans,
}


def find_ranges(kind: HoleKind, text: str, language: Language) -> list[Range]:
    """Where holes of a kind can be cut, each once, in the order of the text."""
    return [
        (start, end)
        for start, end in sorted(set(FINDERS[kind](text, language)))
        if MIN_CHARACTERS <= end - start <= MAX_CHARACTERS and text[start:end].strip()
    ]


def walk(text: str, language: str) -> "Iterator[Node]":
    """Yield the nodes of a text that contain no errors; none if there is no grammar."""
    for grammar in syntax.find_grammars(language)[:1]:
        tree = syntax.parse_with_grammar(text.encode("utf-8", "replace"), grammar)
        waiting = [tree.root_node]
        while waiting:
            node = waiting.pop()
            waiting += node.children
            if not node.has_error:
                yield node


def in_characters(text: str, ranges: Sequence[Range]) -> list[Range]:
    """Convert ranges of bytes to ranges of characters.

    A grammar may put a place behind the text; it is taken to be the end.
    """
    if text.isascii():
        return [(min(start, len(text)), min(end, len(text))) for start, end in ranges]
    ends = accumulate(len(character.encode("utf-8", "replace")) for character in text)
    places = {0: 0, **{end: at for at, end in enumerate(ends, 1)}}
    return [(places.get(start, len(text)), places.get(end, len(text))) for start, end in ranges]

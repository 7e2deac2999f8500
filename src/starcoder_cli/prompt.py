"""From a hole in some code to what a model reads.

Each family of models spells a gap in its own way. A spelling is a row of data: a template of
control tokens and slots, in which a nested tuple is left out where one of its slots is unknown.
PSM is the order prefix, suffix, middle of Bavarian et al. 2022 (arXiv:2207.14255); SPM puts the
suffix first. BigCode's models were trained on the variant called SPMv2, which keeps the prefix
token in front.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from starcoder_cli.languages import Language
from starcoder_cli.settings import Order
from starcoder_cli.source import Hole, Names


class Special(str):
    """A control token, never the user's own text. Losing the mark makes it plain text."""

    __slots__ = ()


class Slot(Enum):
    """What a template leaves open."""

    PREFIX = "prefix"
    SUFFIX = "suffix"
    REPOSITORY = "repository"
    FILENAME = "filename"
    STARS = "stars"


Template: TypeAlias = "tuple[str | Slot | Template, ...]"


@dataclass(frozen=True)
class Prompt:
    """What a model reads, piece by piece, and the texts or control tokens that end its answer."""

    pieces: tuple[str, ...]
    stop: tuple[str, ...] = ()


NAMELESS = Names()


@dataclass(frozen=True)
class FimFormat:
    """How a family spells a gap, a plain beginning, and the tokens that end its answers."""

    name: str
    psm: Template
    spm: Template
    stop: tuple[Special, ...]
    plain: Template = (Slot.PREFIX,)

    def prompt(self, hole: Hole, names: Names = NAMELESS, order: Order = "psm") -> Prompt:
        """The prompt that asks for the text between the hole's prefix and suffix."""
        template = self.psm if order == "psm" else self.spm
        return Prompt(render(template, values(hole, names)), self.stop)

    def beginning(self, prefix: str, names: Names = NAMELESS) -> Prompt:
        """The prompt that asks for whatever follows the prefix."""
        return Prompt(render(self.plain, values(Hole(prefix), names)), self.stop)

    def specials(self) -> frozenset[Special]:
        """Every control token that the family's templates use."""
        return frozenset(walk(self.psm)) | frozenset(walk(self.spm)) | frozenset(walk(self.plain))


SOLUTION = "solutions/solution_1"
PROMISE = "Here is the correct implementation of the code exercise"


def solution(hole: Hole, language: Language) -> tuple[Hole, Names]:
    """A hole as if in a solution file: behind a comment that promises one, and with such a name.

    The words are those of StarCoder's model card, which scores 40.8 with them and 33.6 without
    (HumanEval, pass@1): they lead away from exercises that were never done.
    """
    comment = f"{language.comment.line(PROMISE)}\n" if language.comment else ""
    extension = language.extensions[0] if language.extensions else ""
    return Hole(comment + hole.prefix, hole.suffix), Names(SOLUTION + extension)


def values(hole: Hole, names: Names) -> Mapping[Slot, str | None]:
    """What is known for each slot."""
    return {
        Slot.PREFIX: hole.prefix,
        Slot.SUFFIX: hole.suffix,
        Slot.REPOSITORY: names.repository,
        Slot.FILENAME: names.filename,
        Slot.STARS: names.stars,
    }


def render(template: Template, known: Mapping[Slot, str | None]) -> tuple[str, ...]:
    """The pieces of a template with its slots filled and its unknown groups left out."""
    pieces: list[str] = []
    for part in template:
        if isinstance(part, tuple):
            if all(known[slot] is not None for slot in part if isinstance(slot, Slot)):
                pieces.extend(render(part, known))
        elif isinstance(part, Slot):
            pieces.append(known[part] or "")
        else:
            pieces.append(part)
    return tuple(piece for piece in pieces if piece)


def walk(template: Template) -> list[Special]:
    """The control tokens of a template, groups included."""
    found: list[Special] = []
    for part in template:
        if isinstance(part, tuple):
            found.extend(walk(part))
        elif isinstance(part, Special):
            found.append(part)
    return found

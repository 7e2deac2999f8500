"""How many rows a step may have, so that the numbers behind a token do not depend on the others.

Libraries choose a kernel by the number of rows, and where numbers are added in another order they
are others. Products of bytes are added in whole numbers, and attention is computed one row at a
time: then what a draft is compared with is bit by bit what would have come without one.
A step of another width than the one before has all shapes worked out anew, for a fourth of its
time; so steps of an answer that drafts are filled up.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from starcoder_cli.backends.blocks import BLOCK
from starcoder_cli.backends.paged import Span

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

Numbers: TypeAlias = "NDArray[float32]"

ROWS = 4
"""Rows of a step with a draft. Kernels for up to so many cost little more than for one."""

BEFORE, BEHIND = 10 * BLOCK - 6, 3 * ROWS
"""Tokens that are read first, and then one by one or in whole steps, into the next block."""

COST = 1.5
"""How much longer a step with so many rows may take."""


class Graph(Protocol):
    """What reads tokens into a paged KV cache."""

    def read(self, spans: Sequence[Span], wanted: Sequence[int]) -> Numbers:
        """The logits behind the wanted ids of all spans, until the next step."""


def filled(spans: Sequence[Span], rows: int, spare: int) -> list[Span]:
    """A step with as many rows as there are to be; those that are added go to a spare block.

    A text of which nothing is read comes last: OpenVINO's plugin has another way to compute
    attention for fewer texts than threads, all of them with one token, which gives other numbers.
    """
    fillers = [Span([0], 0, [spare])] * (rows - len(spans))
    return [*spans, *fillers, Span([], 0, [])]


def alike(graph: Graph, ids: Sequence[int], spare: int) -> int:
    """How many rows the steps of a graph may have: ROWS, or 1 where that would not do here.

    It is given a text of any length, and reads it into the blocks before `spare`.
    """
    import numpy

    text = list(ids) * -(-(BEFORE + BEHIND) // len(ids))
    blocks = range(-(-(BEFORE + BEHIND) // BLOCK))
    graph.read([Span(text[:BEFORE], 0, blocks)], [BEFORE - 1])
    seconds: dict[int, float] = {}

    def behind(size: int, rows: int) -> Numbers:
        """What is behind each token when so many are read in a step with so many rows."""
        found: list[Numbers] = []
        for begin in range(BEFORE, BEFORE + BEHIND, size):
            spans = [Span([text[at]], at, blocks) for at in range(begin, begin + size)]
            start = time.perf_counter()
            found.append(graph.read(filled(spans, rows, spare), range(size)).copy())
            taken = time.perf_counter() - start
            seconds[rows] = min(taken, seconds.get(rows, taken))  # whatever else is at work
        return numpy.concatenate(found)

    alone = behind(1, 1)
    others = [behind(size, size) for size in (2, ROWS, 1, ROWS)]
    same = all(numpy.array_equal(other, alone) for other in others)
    cheap = seconds[ROWS] <= COST * seconds[1]
    return ROWS if same and cheap else 1

"""How many rows a step is to have: as many as give the same numbers, if that is cheap."""

from collections.abc import Sequence

import numpy
import pytest

from starcoder_cli.engines.openvino.graph import TokenSpan
from starcoder_cli.engines.openvino.kv_cache import BLOCK_TOKENS
from starcoder_cli.engines.openvino.prepared import StepRows
from starcoder_cli.engines.openvino.scheduler import (
    MAX_STEP_ROWS,
    PROBE_PREFIX_TOKENS,
    PROBE_TOKENS,
    LogitsArray,
    measure_step_rows,
    pad_batch,
)

SPARE = 40


class Graph:
    """Gives each id as its logits, shifted by what depends on the rows of a step."""

    def __init__(self, shift: Sequence[float], seconds: float = 0.0, alone: float = 0.0) -> None:
        self.largest, self.clock = 0, 0.0
        self._shift = shift
        self._seconds, self._alone = seconds, alone

    def run(self, spans: Sequence[TokenSpan], wanted: Sequence[int]) -> LogitsArray:
        """The wanted ids of all spans."""
        ids = [token for span in spans for token in span.ids]
        blocks = {block for span in spans for block in span.blocks}
        self.largest = max(self.largest, *(blocks - {SPARE}))
        self.clock += 0.002 + self._seconds * (len(ids) == MAX_STEP_ROWS)
        alone = self._alone * (len(ids) == 1)
        found = [[ids[at] + self._shift[at % len(self._shift)] + alone, 0.0] for at in wanted]
        return numpy.array(found, numpy.float32)


def judged(graph: Graph, ids: list[int]) -> StepRows:
    """How many rows, by the time that the graph says has passed."""
    return measure_step_rows(graph, ids, SPARE, clock=lambda: graph.clock)


def test_steps_that_compute_alike_have_several_rows() -> None:
    graph = Graph([0.0])
    assert judged(graph, [5, 6, 7]) == StepRows(1, MAX_STEP_ROWS)
    assert graph.largest == (PROBE_PREFIX_TOKENS + PROBE_TOKENS) // BLOCK_TOKENS


def test_where_a_single_row_has_other_numbers_there_are_two() -> None:
    assert judged(Graph([0.0], alone=1e-5), [5, 6, 7]) == StepRows(2, MAX_STEP_ROWS)


@pytest.mark.parametrize("graph", [Graph([0.0, 1e-5]), Graph([0.0], seconds=0.01)])
def test_others_have_one(graph: Graph) -> None:
    """Where a number depends on its row, or where more rows take much longer."""
    assert judged(graph, list(range(1, PROBE_PREFIX_TOKENS + PROBE_TOKENS))) == StepRows()


def test_a_step_is_filled_up_and_has_a_text_of_which_nothing_is_read() -> None:
    spans, nothing = (
        [TokenSpan([at], 0, [0]) for at in range(MAX_STEP_ROWS + 1)],
        TokenSpan([], 0, []),
    )
    assert pad_batch(spans, MAX_STEP_ROWS, 9) == [*spans, nothing]
    assert pad_batch(spans[:1], 0, 9) == [spans[0], nothing]
    assert pad_batch(spans[:1], 3, 9) == [spans[0], *[TokenSpan([0], 0, [9])] * 2, nothing]

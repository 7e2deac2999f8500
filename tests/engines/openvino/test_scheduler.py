"""Several answers at a time on a graph that counts: who reads what, and in which step."""

import threading
from collections.abc import Sequence

import numpy
import pytest

from starcoder_cli.engines.decoding.loop import SpeculativeDecoder
from starcoder_cli.engines.decoding.prompt_lookup import PromptLookup
from starcoder_cli.engines.decoding.sampler import NumpySampler
from starcoder_cli.engines.openvino.graph import TokenSpan
from starcoder_cli.engines.openvino.kv_cache import BLOCK_TOKENS, BlockPool
from starcoder_cli.engines.openvino.prepared import StepRows
from starcoder_cli.engines.openvino.scheduler import (
    PREFILL_STEP_TOKENS,
    BatchScheduler,
    LogitsArray,
    ScheduledAnswer,
)
from starcoder_cli.model import Sampling

ROUND = 10
SPARE = 99


class Counting:
    """After each token comes the next number, and after ROUND - 1 comes 0."""

    def __init__(self) -> None:
        self.steps: list[list[TokenSpan]] = []
        self.cache: dict[tuple[int, int], int] = {}

    def run(self, spans: Sequence[TokenSpan], wanted: Sequence[int]) -> LogitsArray:
        """Keep the ids where the spans say, and check that all ids before them are there."""
        *read, last = spans
        assert not last.ids and all(span.ids for span in read)
        self.steps.append(read)
        for span in spans:
            for at, token in enumerate(span.ids, span.start):
                self.cache[span.blocks[at // BLOCK_TOKENS], at % BLOCK_TOKENS] = token
        for span in spans:
            for at in range(span.start):
                assert (span.blocks[at // BLOCK_TOKENS], at % BLOCK_TOKENS) in self.cache
        ids = [token for span in spans for token in span.ids]
        logits = numpy.zeros((len(wanted), ROUND), numpy.float32)
        for row, place in zip(logits, wanted, strict=True):
            row[(ids[place] + 1) % ROUND] = 1
        return logits

    def copy(self, source: int, target: int) -> None:
        """Let a block hold what another one holds."""
        for at in range(BLOCK_TOKENS):
            if (source, at) in self.cache:
                self.cache[target, at] = self.cache[source, at]


def batch(graph: Counting, slots: int = 2, rows: int = 4) -> BatchScheduler:
    """A batch with room for 60 blocks."""
    return BatchScheduler(graph, BlockPool(60, 20, graph.copy), slots, StepRows(1, rows), SPARE)


def asked(prompt: list[int], tokens: int, ends: frozenset[int] = frozenset()) -> ScheduledAnswer:
    """An answer with drafts of three tokens."""
    sampling = Sampling(tokens)
    lookup = PromptLookup(prompt, (1, 6), (3, 3))
    return ScheduledAnswer(
        prompt, SpeculativeDecoder(sampling, ends, NumpySampler(sampling), lookup)
    )


def told(batch: BatchScheduler, answer: ScheduledAnswer) -> list[int]:
    """All ids of an answer."""
    batch.add(answer)
    ids: list[int] = []
    while (made := batch.next_tokens(answer)) is not None:
        ids += [token.id for token in made]
    return ids


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_an_answer_counts_on(rows: int) -> None:
    graph = Counting()
    assert told(batch(graph, rows=rows), asked([7, 8], 25)) == [(9 + at) % 10 for at in range(25)]


def test_drafts_that_are_right_take_fewer_steps_and_all_have_the_same_rows() -> None:
    graph = Counting()
    told(batch(graph), asked(list(range(10)) * 3, 40))
    assert len(graph.steps) == 1 + 10
    assert {sum(len(span.ids) for span in step) for step in graph.steps[1:]} == {4}


def test_a_step_has_the_least_rows_where_no_draft_is_expected() -> None:
    graph = Counting()
    scheduler = BatchScheduler(graph, BlockPool(60, 20, graph.copy), 2, StepRows(2, 4), SPARE)
    sampling = Sampling(3)
    decoder = SpeculativeDecoder(sampling, frozenset(), NumpySampler(sampling), None)
    told(scheduler, ScheduledAnswer([3], decoder))
    assert [[span.blocks == [SPARE] for span in step] for step in graph.steps[1:]] == [
        [False, True]
    ] * 2


def test_a_step_without_a_draft_is_filled_up() -> None:
    """Into a block that nothing else uses."""
    graph = Counting()
    told(batch(graph), asked([3], 3))
    assert [[span.blocks == [SPARE] for span in step] for step in graph.steps[1:]] == [
        [False, True, True, True]
    ] * 2


def test_wrong_drafts_leave_nothing_behind() -> None:
    """Each number of the prompt is followed by a wrong one, so that every draft is wrong."""
    graph = Counting()
    prompt = [token for number in range(10) for token in (number, number)]
    one = batch(graph)
    assert told(one, asked(prompt, 30)) == [at % 10 for at in range(30)]
    again = asked([*prompt, *(at % 10 for at in range(29))], 3)
    assert told(one, again) == [9, 0, 1]
    assert again.cached_tokens == len(prompt) + 27


def test_only_what_was_not_read_before_is_read() -> None:
    """And what others share is never written to again."""
    graph = Counting()
    one = batch(graph, rows=1)
    prompt = [at % 10 for at in range(3 * BLOCK_TOKENS + 5)]
    told(one, asked(prompt, 2))
    before = len(graph.steps)
    again = asked([*prompt[: 2 * BLOCK_TOKENS + 7], 3, 3, 3], 2)
    assert told(one, again) == [4, 5]
    assert again.cached_tokens == 2 * BLOCK_TOKENS + 7
    assert [(list(span.ids), span.start) for step in graph.steps[before:] for span in step] == [
        ([3, 3, 3], 2 * BLOCK_TOKENS + 7),
        ([4], 2 * BLOCK_TOKENS + 10),
    ]


def test_an_end_ends_it_and_is_told() -> None:
    graph = Counting()
    answer = asked([0, 1, 2, 3, 4, 5, 0], 30, frozenset({4}))
    assert told(batch(graph), answer) == [1, 2, 3]
    assert answer.decoder.end_token
    assert answer.decoder.end_token.id == 4


def test_a_long_prompt_is_read_in_pieces_in_turns_with_other_answers() -> None:
    graph = Counting()
    both = batch(graph, rows=1)
    first = asked([1], 50)
    both.add(first)
    both.next_tokens(first)
    second = asked([5] * (2 * PREFILL_STEP_TOKENS + 1), 1)
    assert told(both, second) == [6]
    pieces = [[len(span.ids) for span in step] for step in graph.steps[1:]]
    assert pieces == [[1], [PREFILL_STEP_TOKENS], [1], [PREFILL_STEP_TOKENS + 1]]


def test_no_more_than_there_are_slots_are_made_at_a_time() -> None:
    graph = Counting()
    both = batch(graph, slots=2)
    answers = [asked([number], 6) for number in range(3)]
    for answer in answers:
        both.add(answer)
    ids: list[int] = []
    while (made := both.next_tokens(answers[2])) is not None:
        ids += [token.id for token in made]
    assert ids == [3, 4, 5, 6, 7, 8]
    started = next(at for at, step in enumerate(graph.steps) if step[-1].ids == [2])
    assert all(step[0].blocks == graph.steps[-1][0].blocks for step in graph.steps[started + 6 :])
    assert not both._answers


def test_threads_share_the_steps() -> None:
    graph = Counting()
    both = batch(graph, slots=4)
    found: dict[int, list[int]] = {}

    def ask(number: int) -> None:
        found[number] = told(both, asked([number], 40))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [(n + 1 + at) % 10 for at in range(40)] for n in range(4)}


def test_an_answer_that_is_taken_away_makes_room() -> None:
    graph = Counting()
    one = batch(graph, slots=1)
    first = asked([1], 1000)
    one.add(first)
    one.next_tokens(first)
    one.remove(first)
    one.remove(first)
    assert told(one, asked([4], 2)) == [5, 6]
    assert one.next_tokens(first) is None


def test_nothing_is_made_when_it_is_closed() -> None:
    graph = Counting()
    one = batch(graph)
    first = asked([1], 1000)
    one.add(first)
    one.close()
    assert one.next_tokens(first) is None
    assert told(one, asked([4], 2)) == []
    assert graph.steps == []

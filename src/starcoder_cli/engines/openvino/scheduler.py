"""Several answers of one model at a time: whoever waits for one advances them all by a step.

A step reads the latest token of each answer, followed by a draft, or else a piece of a prompt.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, TypeAlias

from starcoder_cli.engines.decoding.loop import SpeculativeDecoder
from starcoder_cli.engines.decoding.sampler import Token
from starcoder_cli.engines.openvino.graph import TokenSpan
from starcoder_cli.engines.openvino.kv_cache import BLOCK_TOKENS, BlockPool, CachedSequence
from starcoder_cli.engines.openvino.prepared import StepRows

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

LogitsArray: TypeAlias = "NDArray[float32]"

MAX_STEP_ROWS = 4
"""Rows of a step with a draft. Kernels for up to this many cost little more than for one."""

PROBE_PREFIX_TOKENS, PROBE_TOKENS = 10 * BLOCK_TOKENS - 6, 3 * MAX_STEP_ROWS
"""Tokens read first, and those read one by one or in whole steps into the next block."""

MAX_COST_RATIO = 1.5


class Graph(Protocol):
    """Reads tokens into a paged KV cache."""

    def run(self, spans: Sequence[TokenSpan], logit_indices: Sequence[int]) -> LogitsArray:
        """The logits at some ids of all spans, which last until the next step."""


def pad_batch(spans: Sequence[TokenSpan], row_count: int, spare_block: int) -> list[TokenSpan]:
    """Pad a step to `row_count` rows; the added ones go to a spare block.

    A span of no tokens comes last: OpenVINO's plugin computes attention another way for fewer
    texts than threads that all have one token, and that gives other numbers.
    """
    fillers = [TokenSpan([0], 0, [spare_block])] * (row_count - len(spans))
    return [*spans, *fillers, TokenSpan([], 0, [])]


def measure_step_rows(
    graph: Graph,
    ids: Sequence[int],
    spare_block: int,
    max_cost_ratio: float = MAX_COST_RATIO,
    clock: Callable[[], float] = time.perf_counter,
) -> StepRows:
    """Measure how many rows a graph's steps should have: up to MAX_STEP_ROWS, or 1 if that is bad.

    It is given a text of any length, and reads it into the blocks before `spare_block`. A step with
    MAX_STEP_ROWS may take `max_cost_ratio` as long, by the `clock`. Some processors have other
    kernels for a single row, which give other numbers: there the minimum is two rows.
    """
    import numpy

    probe_ids = list(ids) * -(-(PROBE_PREFIX_TOKENS + PROBE_TOKENS) // len(ids))
    blocks = range(-(-(PROBE_PREFIX_TOKENS + PROBE_TOKENS) // BLOCK_TOKENS))
    graph.run([TokenSpan(probe_ids[:PROBE_PREFIX_TOKENS], 0, blocks)], [PROBE_PREFIX_TOKENS - 1])
    seconds: dict[int, float] = {}

    def compute_logits(size: int, rows: int) -> LogitsArray:
        """The logits at each token, read `size` at a time in steps of `rows` rows."""
        logits: list[LogitsArray] = []
        for first in range(PROBE_PREFIX_TOKENS, PROBE_PREFIX_TOKENS + PROBE_TOKENS, size):
            spans = [
                TokenSpan([probe_ids[position]], position, blocks)
                for position in range(first, first + size)
            ]
            start = clock()
            logits.append(graph.run(pad_batch(spans, rows, spare_block), range(size)).copy())
            elapsed = clock() - start
            seconds[rows] = min(elapsed, seconds.get(rows, elapsed))  # other programs may run
        return numpy.concatenate(logits)

    narrow = {rows: compute_logits(1, rows) for rows in (1, 2)}
    wide = [compute_logits(size, size) for size in (2, MAX_STEP_ROWS, MAX_STEP_ROWS)]
    wide += [compute_logits(1, rows) for rows in (2, MAX_STEP_ROWS)]
    if seconds[MAX_STEP_ROWS] <= max_cost_ratio * seconds[1]:
        for least, logits in narrow.items():
            if all(numpy.array_equal(logits, other) for other in wide):
                return StepRows(least, MAX_STEP_ROWS)
    return StepRows()


PREFILL_STEP_TOKENS = 240
"""About how many prompt tokens a step reads: an answer can be stopped between two steps."""

IDLE_WINDOWS = 2
"""How many windows of texts that nobody uses now are kept before they are given away."""


class ScheduledAnswer:
    """An answer being generated: its prompt, then its tokens so far, some of them already read.

    `output_queue` holds its tokens, one list per step, until somebody takes them;
    `cached_tokens` says how many of the prompt had been read before it was asked for.
    """

    def __init__(self, prompt_ids: Sequence[int], decoder: SpeculativeDecoder[LogitsArray]) -> None:
        self.output_queue: deque[list[Token]] = deque()
        self.cached_tokens = 0
        self.sequence: CachedSequence | None = None
        self.decoder = decoder
        self._ids = list(prompt_ids)
        self._read_count = 0
        self._prompt_length = len(prompt_ids)

    @property
    def is_prefilling(self) -> bool:
        """Whether some of its prompt is still to be read."""
        return self._read_count < self._prompt_length

    @property
    def cached_ids(self) -> list[int]:
        """The ids that the cache holds."""
        return self._ids[: self._read_count]

    def open_sequence(self, pool: BlockPool) -> CachedSequence:
        """Its place in the cache, opened on first use."""
        if self.sequence is None:
            # Two are left to read: see `prefill_span`.
            self.sequence = pool.open_sequence(self._ids[:-1])
            self._read_count = self.cached_tokens = self.sequence.cached_tokens
        return self.sequence

    def prefill_span(self, max_tokens: int, pool: BlockPool) -> TokenSpan:
        """What to read next of its prompt: about `max_tokens` ids, and never a single one.

        The attention of a single token has a kernel of its own; several tokens give the same
        numbers however they are split, so an answer does not depend on what was read before.
        """
        self.open_sequence(pool)
        end = min(self._prompt_length, self._read_count + max_tokens)
        end += self._prompt_length - end == 1
        return TokenSpan(
            self._ids[self._read_count : end], self._read_count, self._block_table(end, pool)
        )

    def decode_spans(self, pool: BlockPool) -> list[TokenSpan]:
        """Its latest token and the draft after it, each as a text of its own.

        What a draft is compared with is then computed as it would be without one.
        """
        block_table = self._block_table(self._read_count + len(self.decoder.next_ids), pool)
        placed_ids = enumerate(self.decoder.next_ids, self._read_count)
        return [TokenSpan([token], position, block_table) for position, token in placed_ids]

    def process_logits(self, span: TokenSpan, logits: LogitsArray, pool: BlockPool) -> None:
        """Continue from the logits of what was read: a piece of its prompt, or all its rows."""
        was_prefilling = self.is_prefilling
        self._read_count = span.end
        if self.is_prefilling:
            return
        tokens = self.decoder.process_logits(logits)
        self._read_count += self.decoder.accepted
        self._ids += [token.id for token in tokens]
        self.output_queue.append(tokens)
        if was_prefilling:
            pool.share_blocks(self.open_sequence(pool), self.cached_ids)

    def _block_table(self, end: int, pool: BlockPool) -> list[int]:
        """The blocks of its first ids, up to `end`."""
        sequence = self.open_sequence(pool)
        pool.reserve(sequence, end)
        return sequence.block_indices


class BatchScheduler:
    """The answers being generated on one graph, in `slots` slots with a window each."""

    def __init__(
        self, graph: Graph, pool: BlockPool, slots: int, rows: StepRows, spare_block: int
    ) -> None:
        """A step with a draft has the maximum number of rows; padding goes to `spare_block`."""
        self.rows = rows
        self._graph = graph
        self._pool = pool
        self._slots = slots
        self._spare_block = spare_block
        self._answers: list[ScheduledAnswer] = []
        self._lock = threading.Lock()
        self._closed = False
        self._last_was_prefill = False  # whether the previous step read a piece of a prompt

    def add(self, answer: ScheduledAnswer) -> None:
        """Start generating an answer, now or as soon as there is a slot."""
        with self._lock:
            if not self._closed:
                self._answers.append(answer)

    def next_tokens(self, answer: ScheduledAnswer) -> list[Token] | None:
        """The tokens of an answer's next step, or None if there are no more."""
        while True:
            with self._lock:
                if answer.output_queue:
                    return answer.output_queue.popleft()
                if answer not in self._answers:
                    return None
                self._schedule_step(self._answers[: self._slots])

    def remove(self, answer: ScheduledAnswer) -> None:
        """Stop generating an answer."""
        with self._lock:
            self._remove(answer)

    def close(self) -> None:
        """Stop generating all answers."""
        with self._lock:
            self._closed = True
            self._answers.clear()

    def _remove(self, answer: ScheduledAnswer) -> None:
        if answer in self._answers:
            self._answers.remove(answer)
            if answer.sequence:
                self._pool.release(answer.sequence, answer.cached_ids)

    def _schedule_step(self, answers: Sequence[ScheduledAnswer]) -> None:
        """Read the next tokens of all answers or, alternately, a piece of a prompt.

        Together they would take a little less time; apart, what an answer says does not depend on
        who else asks.
        """
        prefilling = [each for each in answers if each.is_prefilling or not each.sequence]
        decoding = [each for each in answers if each.sequence and not each.is_prefilling]
        self._last_was_prefill = bool(prefilling) and not (decoding and self._last_was_prefill)
        if self._last_was_prefill:
            first = prefilling[0]
            span = first.prefill_span(PREFILL_STEP_TOKENS, self._pool)
            self._run_step([(first, [span])], 0)
            return
        draft_budget = max(self.rows.most - len(decoding), 0)
        for answer in decoding:
            answer.decoder.truncate_draft(draft_budget)
            draft_budget -= len(answer.decoder.next_ids) - 1
        expects_drafts = any(answer.decoder.expects_drafts for answer in decoding)
        work = [(answer, answer.decode_spans(self._pool)) for answer in decoding]
        self._run_step(work, self.rows.most if expects_drafts else self.rows.least)

    def _run_step(
        self, work: Sequence[tuple[ScheduledAnswer, list[TokenSpan]]], min_rows: int
    ) -> None:
        """Read the given spans of several answers in a step of at least `min_rows` rows."""
        spans = [span for _, answer_spans in work for span in answer_spans]
        ends = list(accumulate(len(span.ids) for span in spans))
        logits = self._graph.run(
            pad_batch(spans, min_rows, self._spare_block), [end - 1 for end in ends]
        )
        row = 0
        for answer, answer_spans in work:
            answer.process_logits(
                answer_spans[0], logits[row : row + len(answer_spans)], self._pool
            )
            row += len(answer_spans)
            if answer.decoder.done:
                self._remove(answer)

"""Several answers of one model at a time: who waits for one moves all of them on by a step.

A step reads the latest token of each answer, with a draft behind it, or else a piece of a prompt.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, TypeAlias

from starcoder_cli.engines.decoding.loop import Decoding
from starcoder_cli.engines.decoding.sampler import Token
from starcoder_cli.engines.openvino.graph import Span
from starcoder_cli.engines.openvino.kv_cache import BLOCK, Blocks, Text

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


STEP = 320
"""Most tokens of a prompt that are read in one step: an answer can be stopped between two."""

KEPT = 2
"""For so many windows there is room for texts that nobody uses now, before they are given away."""


class Answer:
    """An answer that is being made: its prompt, then the tokens it has, of which some are read.

    `made` are its tokens, those of one step at a time, until somebody takes them; `known` says how
    many of the prompt had been read before it was asked for.
    """

    def __init__(self, prompt: Sequence[int], decoding: Decoding[Numbers]) -> None:
        self.made: deque[list[Token]] = deque()
        self.known = 0
        self.text: Text | None = None
        self.decoding = decoding
        self._ids = list(prompt)
        self._read = 0
        self._prompt = len(prompt)

    @property
    def reading(self) -> bool:
        """Whether some of its prompt is still to be read."""
        return self._read < self._prompt

    @property
    def seen(self) -> list[int]:
        """The ids that the cache holds."""
        return self._ids[: self._read]

    def open(self, blocks: Blocks) -> Text:
        """Its place in the cache."""
        if self.text is None:
            self.text = blocks.open(self._ids[:-1])  # so two are left to read: see `piece`
            self._read = self.known = self.text.known
        return self.text

    def piece(self, most: int, blocks: Blocks) -> Span:
        """What is to be read of its prompt next, about so many ids, and never a single one.

        The attention of a single token has a kernel of its own; several give the same numbers
        however they are cut, so that an answer does not depend on what was read before.
        """
        self.open(blocks)
        end = min(self._prompt, self._read + most)
        end += self._prompt - end == 1
        return Span(self._ids[self._read : end], self._read, self._table(end, blocks))

    def rows(self, blocks: Blocks) -> list[Span]:
        """Its latest token and the draft behind it, each as a text of its own.

        What a draft is compared with is then computed as it would be without one.
        """
        table = self._table(self._read + len(self.decoding.next), blocks)
        read = enumerate(self.decoding.next, self._read)
        return [Span([token], at, table) for at, token in read]

    def take(self, span: Span, logits: Numbers, blocks: Blocks) -> None:
        """Go on from the logits behind what was read: a piece of its prompt, or all its rows."""
        begun = self.reading
        self._read = span.end
        if self.reading:
            return
        tokens = self.decoding.take(logits)
        self._read += self.decoding.right
        self._ids += [token.id for token in tokens]
        self.made.append(tokens)
        if begun:
            blocks.share(self.open(blocks), self.seen)

    def _table(self, end: int, blocks: Blocks) -> list[int]:
        """The blocks of its first ids up to the end."""
        text = self.open(blocks)
        blocks.extend(text, end)
        return text.numbers


class Batch:
    """The answers that are being made on one graph, in so many slots with a window each."""

    def __init__(self, graph: Graph, blocks: Blocks, slots: int, rows: int, spare: int) -> None:
        """A step with a draft has as many `rows`: `spare` is a block for those that fill it up."""
        self.rows = rows
        self._graph = graph
        self._blocks = blocks
        self._slots = slots
        self._spare = spare
        self._answers: list[Answer] = []
        self._turn = threading.Lock()
        self._closed = False
        self._prompt = False  # whether the step before read a piece of one

    def add(self, answer: Answer) -> None:
        """Make an answer from now on, or as soon as there is a slot."""
        with self._turn:
            if not self._closed:
                self._answers.append(answer)

    def next(self, answer: Answer) -> list[Token] | None:
        """The tokens of an answer's next step; None when there are none to come."""
        while True:
            with self._turn:
                if answer.made:
                    return answer.made.popleft()
                if answer not in self._answers:
                    return None
                self._step(self._answers[: self._slots])

    def remove(self, answer: Answer) -> None:
        """Make no more of an answer."""
        with self._turn:
            self._remove(answer)

    def close(self) -> None:
        """Make no more of any."""
        with self._turn:
            self._closed = True
            self._answers.clear()

    def _remove(self, answer: Answer) -> None:
        if answer in self._answers:
            self._answers.remove(answer)
            if answer.text:
                self._blocks.close(answer.text, answer.seen)

    def _step(self, answers: Sequence[Answer]) -> None:
        """Read the next tokens of all answers or else, in turns, a piece of a prompt.

        Together they would take a little less time; apart, what an answer says does not depend on
        who else asks.
        """
        reading = [each for each in answers if each.reading or not each.text]
        writing = [each for each in answers if each.text and not each.reading]
        self._prompt = bool(reading) and not (writing and self._prompt)
        if self._prompt:
            self._go_on([(reading[0], [reading[0].piece(STEP, self._blocks)])], 0)
            return
        drafted = max(self.rows - len(writing), 0)
        for answer in writing:
            answer.decoding.shorten(drafted)
            drafted -= len(answer.decoding.next) - 1
        wide = any(answer.decoding.wide for answer in writing)
        rows = [(answer, answer.rows(self._blocks)) for answer in writing]
        self._go_on(rows, self.rows if wide else 0)

    def _go_on(self, parts: Sequence[tuple[Answer, list[Span]]], rows: int) -> None:
        """Read what is to be read for some answers, in a step of at least so many rows."""
        spans = [span for _, texts in parts for span in texts]
        ends = list(accumulate(len(span.ids) for span in spans))
        logits = self._graph.read(filled(spans, rows, self._spare), [end - 1 for end in ends])
        row = 0
        for answer, texts in parts:
            answer.take(texts[0], logits[row : row + len(texts)], self._blocks)
            row += len(texts)
            if answer.decoding.done:
                self._remove(answer)

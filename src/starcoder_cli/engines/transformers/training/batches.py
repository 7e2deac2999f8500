"""Examples in tokens, and batches of similar length with a bounded number of tokens."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

EXAMPLES_PER_STEP = 8
"""The optimizer takes a step after this many examples, in as many batches as they need."""


@dataclass(frozen=True)
class Example:
    """A prompt and its answer in tokens.

    The answer begins at `answer_start`; its last token ends it if `has_end` is set.
    """

    ids: tuple[int, ...]
    answer_start: int
    has_end: bool = True

    def __len__(self) -> int:
        return len(self.ids)


Step = Sequence[Sequence[Example]]
"""The batches of one step of the optimizer."""


def make_steps(examples: Sequence[Example], max_tokens: int, epochs: int, seed: int) -> list[Step]:
    """The steps of all epochs, each of which shuffles the examples differently, by the seed."""
    steps: list[Step] = []
    for epoch in range(epochs):
        order = list(examples)
        random.Random(f"{seed} epoch {epoch}").shuffle(order)
        steps += [
            make_batches(order[at : at + EXAMPLES_PER_STEP], max_tokens)
            for at in range(0, len(order), EXAMPLES_PER_STEP)
        ]
    return steps


def make_batches(examples: Sequence[Example], max_tokens: int) -> list[list[Example]]:
    """Batches of examples sorted by length, each of at most `max_tokens` with its padding.

    An example that is longer than that is a batch of its own.
    """
    batches: list[list[Example]] = []
    for example in sorted(examples, key=len):
        if not batches or len(example) * (len(batches[-1]) + 1) > max_tokens:
            batches.append([])
        batches[-1].append(example)
    return batches


def count_tokens(steps: Sequence[Step]) -> int:
    """The number of tokens in some steps, without padding."""
    return sum(len(example) for step in steps for batch in step for example in batch)

"""Batches by length, and steps that are the same for a seed."""

from starcoder_cli.engines.transformers.training.batches import (
    EXAMPLES_PER_STEP,
    Example,
    count_tokens,
    make_batches,
    make_steps,
)

EXAMPLES = [Example(tuple(range(length)), 1) for length in range(5, 60, 2)]


def test_a_batch_holds_a_bounded_number_of_tokens() -> None:
    batches = make_batches(EXAMPLES, 100)
    assert all(max(map(len, batch)) * len(batch) <= 100 for batch in batches)
    assert sorted(map(len, sum(batches, []))) == sorted(map(len, EXAMPLES))
    assert len(batches) < len(EXAMPLES)


def test_what_is_longer_is_alone() -> None:
    assert [len(batch) for batch in make_batches(EXAMPLES[-3:], 10)] == [1, 1, 1]


def test_every_epoch_has_every_example_in_another_order() -> None:
    steps = make_steps(EXAMPLES, 100, 2, seed=0)
    each = [example for step in steps for batch in step for example in batch]
    half = len(EXAMPLES)
    assert sorted(map(len, each[:half])) == sorted(map(len, each[half:]))
    assert each[:half] != each[half:]
    assert max(sum(map(len, step)) for step in steps) == EXAMPLES_PER_STEP
    assert steps == make_steps(EXAMPLES, 100, 2, seed=0) != make_steps(EXAMPLES, 100, 2, seed=1)
    assert count_tokens(steps) == 2 * sum(map(len, EXAMPLES))

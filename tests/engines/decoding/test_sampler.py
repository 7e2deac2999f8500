"""Both ways of choosing a token choose alike."""

import numpy
import pytest
import torch

from starcoder_cli.engines.decoding.sampler import CPU_TOP_K, NumpySampler, TorchSampler
from starcoder_cli.errors import DataError
from starcoder_cli.model import Sampling

LOGITS = numpy.random.default_rng(1).standard_normal((3, 2 * CPU_TOP_K)).astype(numpy.float32)


@pytest.mark.parametrize("among", [(), (7, 1500, 3)])
def test_both_are_greedy_alike(among: tuple[int, ...]) -> None:
    sampling = Sampling(logprobs=True)
    ours = NumpySampler(sampling).sample(LOGITS, among)
    theirs = TorchSampler(sampling).sample(torch.from_numpy(LOGITS), among)
    assert [token.id for token in ours] == [token.id for token in theirs]
    assert [t.logprob for t in ours] == pytest.approx([t.logprob for t in theirs], abs=1e-5)
    assert not among or {token.id for token in ours} <= set(among)


@pytest.mark.parametrize("among", [(), (7, 1500, 3)])
def test_both_tell_the_likeliest_in_the_place_of_each(among: tuple[int, ...]) -> None:
    sampling = Sampling(logprobs=True, top_logprobs=4)
    ours = NumpySampler(sampling).sample(LOGITS, among)
    theirs = TorchSampler(sampling).sample(torch.from_numpy(LOGITS), among)
    assert [token.id for token in ours] == [token.id for token in theirs]
    for mine, other, row in zip(ours, theirs, LOGITS, strict=True):
        likeliest = numpy.argsort(-row)[:4].tolist()
        expected = row - numpy.log(numpy.exp(row.astype(float)).sum())
        for told in (mine, other):
            assert [token for token, _ in told.top_logprobs] == likeliest
            logprobs = [logprob for _, logprob in told.top_logprobs]
            assert logprobs == pytest.approx(expected[likeliest], abs=1e-5)


def test_nothing_is_computed_that_was_not_asked_for() -> None:
    assert {token.logprob for token in NumpySampler(Sampling()).sample(LOGITS)} == {0.0}


def test_both_find_the_likeliest() -> None:
    ours = NumpySampler(Sampling()).top_ids(LOGITS, 5)
    assert set(ours) == set(TorchSampler(Sampling()).top_ids(torch.from_numpy(LOGITS), 5))
    assert len(NumpySampler(Sampling()).top_ids(LOGITS, 9999)) == LOGITS.shape[1]


def test_chance_follows_the_probabilities() -> None:
    """At a temperature of 2, of the two tokens that make up 0.8 of all."""
    row = numpy.log(numpy.array([[0.04, 0.36, 0.0001, 0.64]], numpy.float32))
    wanted = numpy.sqrt([0.36, 0.64]) / numpy.sqrt([0.36, 0.64]).sum()
    choice = NumpySampler(Sampling(temperature=2.0, top_p=0.8, seed=5))
    drawn = [choice.sample(row)[0].id for _ in range(4000)]
    assert set(drawn) == {1, 3}
    assert drawn.count(1) / 4000 == pytest.approx(wanted[0], abs=0.03)


def test_a_seed_repeats_and_its_absence_does_not() -> None:
    def drawn(seed: int | None) -> list[int]:
        choice = NumpySampler(Sampling(temperature=1.5, top_p=1.0, seed=seed))
        return [choice.sample(LOGITS)[0].id for _ in range(20)]

    assert drawn(3) == drawn(3) != drawn(4)
    assert drawn(None) != drawn(None)


def test_chance_is_among_what_is_possible() -> None:
    choice = NumpySampler(Sampling(temperature=1.0, seed=1))
    assert {choice.sample(LOGITS[:1], [5, 900])[0].id for _ in range(60)} == {5, 900}


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_no_number_is_damaged(temperature: float) -> None:
    broken = LOGITS.copy()
    broken[1, 4] = numpy.nan
    with pytest.raises(DataError, match="computes no numbers"):
        NumpySampler(Sampling(temperature=temperature)).sample(broken)

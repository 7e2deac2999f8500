"""The loop that makes answers: the ids of transformers' own, in fewer steps, on either cache."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModelForCausalLM, PreTrainedModel

from starcoder_cli.engines.decoding.prompt_lookup import MAX_DRAFT_TOKENS
from starcoder_cli.engines.decoding.sampler import Token, TorchSampler
from starcoder_cli.engines.transformers.steps import (
    GRAPH_WIDTHS,
    CachedForward,
    CudaGraphForward,
    DynamicCacheForward,
    device_context,
    prefill,
)
from starcoder_cli.errors import DataError
from starcoder_cli.model import Sampling
from steps import answered, greedy, plainly
from tiny import VOCABULARY, WINDOW, build

PROMPT = [40, 41, 42, 43, 40, 41, 42, 43, 50, 51, 40, 41]
NOTHING: frozenset[int] = frozenset()


@pytest.fixture(scope="module", params=["gpt_bigcode", "starcoder2"])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> PreTrainedModel:
    """StarCoder's two architectures; the second one's attention slides."""
    folder = build(tmp_path_factory.mktemp(request.param), request.param)
    loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder).eval()
    return loaded


@pytest.fixture(params=["growing", "fixed"])
def steps(request: pytest.FixtureRequest, model: PreTrainedModel) -> CachedForward:
    """Either kind of cache, nothing read yet."""
    if request.param == "growing":
        return DynamicCacheForward(model)
    return CudaGraphForward(model, WINDOW, plainly)


class Chain:
    """Steps of which each token depends on the one before alone, by a table of logits."""

    def __init__(self, table: torch.Tensor) -> None:
        self.ids: list[int] = []
        self.failure = ""
        self.taken = 0
        self._table = table

    def run(self, ids: Sequence[int], last: int = 1) -> torch.Tensor:
        """The rows of the last ids."""
        self.ids += ids
        self.taken += 1
        return self._table[list(ids)[-last:]]

    def crop(self, length: int) -> None:
        """Forget the ids behind it."""
        del self.ids[length:]


def flat(answer: Iterator[list[Token]]) -> list[int]:
    """The ids of all steps."""
    return [token.id for step in answer for token in step]


@pytest.mark.parametrize("lookup", [False, True])
def test_greedy_answers_are_those_of_transformers(
    model: PreTrainedModel, steps: CachedForward, lookup: bool
) -> None:
    answer = flat(answered(steps, PROMPT, Sampling(60), NOTHING, lookup=lookup))
    assert answer == greedy(model, PROMPT, 60)


def test_lookup_takes_fewer_steps() -> None:
    """In a circle of eight tokens a draft is right as soon as one round was read."""
    circle = Chain(torch.eye(8).roll(1, dims=1))
    answer = flat(answered(circle, [0], Sampling(100), NOTHING))
    assert answer == [at % 8 for at in range(1, 101)]
    assert circle.taken < 25


def test_wrong_drafts_change_nothing() -> None:
    """Every token was read with another behind it, so that all drafts are wrong."""
    circle = Chain(torch.eye(8).roll(1, dims=1))
    prompt = [7, 0, 5, 0, 1, 5, 1, 2, 5, 2, 3, 5, 6, 7, 0]
    answer = flat(answered(circle, prompt, Sampling(12), NOTHING))
    assert answer == [at % 8 for at in range(1, 13)]


def test_the_answer_ends_before_an_end_and_nothing_behind_it_is_remembered(
    model: PreTrainedModel, steps: CachedForward
) -> None:
    whole = greedy(model, PROMPT, 20)
    at = next(at for at in range(3, 20) if whole[at] not in whole[:at])
    assert flat(answered(steps, PROMPT, Sampling(20), {whole[at]})) == whole[:at]
    assert steps.ids == [*PROMPT, *whole[:at]][: len(steps.ids)]


def test_no_more_than_the_allowed_tokens(model: PreTrainedModel, steps: CachedForward) -> None:
    whole = greedy(model, PROMPT, 8)
    for most in (1, 2, 7, 8):
        steps.crop(0)
        assert flat(answered(steps, PROMPT, Sampling(most), NOTHING)) == whole[:most]


def test_an_answer_may_fill_the_window(model: PreTrainedModel, steps: CachedForward) -> None:
    """A step that is filled up to its width would reach beyond the last position."""
    room = WINDOW - len(PROMPT)
    assert flat(answered(steps, PROMPT, Sampling(room), NOTHING)) == greedy(model, PROMPT, room)


def test_a_long_prompt_is_read_in_pieces(model: PreTrainedModel, steps: CachedForward) -> None:
    whole = steps.run(PROMPT)
    steps.crop(0)
    for token in PROMPT:
        logits = steps.run([token])
    torch.testing.assert_close(logits, whole, atol=1e-4, rtol=1e-4)


def test_cropping_forgets(model: PreTrainedModel, steps: CachedForward) -> None:
    steps.run(PROMPT)
    once = steps.run([60, 61, 62], last=3)
    steps.crop(len(PROMPT))
    steps.run([70, 71])
    steps.crop(len(PROMPT))
    again = steps.run([60, 61, 62], last=3)
    assert steps.ids == [*PROMPT, 60, 61, 62]
    assert again.shape == (3, VOCABULARY)
    torch.testing.assert_close(again, once, atol=1e-4, rtol=1e-4)


def test_the_same_seed_draws_the_same(model: PreTrainedModel, steps: CachedForward) -> None:
    def drawn(seed: int | None) -> list[int]:
        steps.crop(0)
        return flat(answered(steps, PROMPT, Sampling(30, 1.5, 0.9, seed), NOTHING))

    assert drawn(7) == drawn(7)
    assert len({tuple(drawn(seed)) for seed in (1, 2, None, None)}) > 2


def test_a_tiny_top_p_is_greedy(model: PreTrainedModel, steps: CachedForward) -> None:
    answer = flat(answered(steps, PROMPT, Sampling(20, 1.0, 0.000001, 3), NOTHING))
    assert answer == greedy(model, PROMPT, 20)


def test_drafts_do_not_change_how_likely_a_token_is() -> None:
    """The third token of many answers is distributed as the table says, drafted or not."""
    table = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0], [2.0, 0.0, 1.0]])
    step = table.softmax(dim=-1)
    wanted = (step @ step @ step)[0]
    for lookup in (True, False):
        counts = torch.zeros(3)
        for seed in range(600):
            sampling = Sampling(3, 1.0, 1.0, seed)
            prompt = [0, 1, 2, 0, 0, 2, 2, 0, 1, 0]
            counts[flat(answered(Chain(table), prompt, sampling, NOTHING, lookup=lookup))[2]] += 1
        assert (counts / 600 - wanted).abs().max() < 0.08


@pytest.mark.parametrize("sampling", [Sampling(40, logprobs=True), Sampling(40, 1.2, 0.9, 5, True)])
def test_log_probabilities_are_those_of_the_whole_text(
    model: PreTrainedModel, steps: CachedForward, sampling: Sampling
) -> None:
    """Whatever was drafted, and however a token was drawn: the model's own, before temperature."""
    tokens = [token for step in answered(steps, PROMPT, sampling, NOTHING) for token in step]
    ids = [token.id for token in tokens]
    with torch.inference_mode():
        logits = model(torch.tensor([PROMPT + ids])).logits[0, len(PROMPT) - 1 : -1]
    whole = logits.log_softmax(dim=-1).gather(-1, torch.tensor(ids)[:, None])[:, 0]
    torch.testing.assert_close(
        torch.tensor([token.logprob for token in tokens]), whole, atol=1e-3, rtol=1e-3
    )
    assert flat(answered(steps_again(steps), PROMPT, silent(sampling), NOTHING)) == ids


def steps_again(steps: CachedForward) -> CachedForward:
    """The same steps with nothing read."""
    steps.crop(0)
    return steps


def silent(sampling: Sampling) -> Sampling:
    """The same choice without log-probabilities."""
    return replace(sampling, logprobs=False)


def test_a_prompt_that_was_read_gives_the_same_answer_again(steps: CachedForward) -> None:
    (logits,) = prefill(steps, PROMPT)
    answers = []
    for _ in range(2):
        steps.crop(len(PROMPT))
        answers.append(flat(answered(steps, PROMPT, Sampling(20), NOTHING, logits=logits)))
    steps.crop(0)
    assert answers == [flat(answered(steps, PROMPT, Sampling(20), NOTHING))] * 2


def test_nothing_is_computed_that_was_not_asked_for() -> None:
    circle = Chain(torch.eye(8).roll(1, dims=1))
    (first, *_) = answered(circle, [0], Sampling(3), NOTHING)
    assert first == [Token(1, 0.0)]


@pytest.mark.parametrize("temperature", [0, 1])
def test_a_model_without_numbers_is_damaged(temperature: float) -> None:
    broken = Chain(torch.full((VOCABULARY, VOCABULARY), float("nan")))
    with pytest.raises(DataError, match="computes no numbers"):
        flat(answered(broken, PROMPT, Sampling(5, temperature), NOTHING))


class Operations(TorchDispatchMode):  # type: ignore[misc]  # torch does not say what it is
    """The names of all operations that torch carries out, for as long as it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(  # type: ignore[no-untyped-def]
        self, func, types, args=(), kwargs=None
    ):
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "sampling", [Sampling(logprobs=True), Sampling(temperature=1, seed=1, logprobs=True)]
)
def test_a_choice_waits_for_the_device_once(
    sampling: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids, log-probabilities and whether they are numbers come in one transfer.

    `multinomial` would wait too, to see that it is given probabilities.
    """
    taken: list[object] = []
    tolist = torch.Tensor.tolist

    def take(tensor: torch.Tensor) -> object:
        taken.append(tolist(tensor))
        return taken[-1]

    monkeypatch.setattr(torch.Tensor, "tolist", take)
    with Operations() as operations:
        tokens = TorchSampler(sampling).sample(torch.randn(4, VOCABULARY))
    assert len(tokens) == 4
    assert all(token.logprob < 0 for token in tokens)
    assert len(taken) == 1
    assert not {"multinomial", "_local_scalar_dense", "nonzero"} & set(operations.names)


def test_a_seed_draws_what_multinomial_draws() -> None:
    """So an answer that was drawn by an earlier version can be drawn again."""
    logits = torch.randn(1, VOCABULARY, generator=torch.Generator().manual_seed(5))
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        probabilities, order = logits.softmax(dim=-1).sort(dim=-1, descending=True)
        wanted = order[0, torch.multinomial(probabilities, 1, generator=generator).item()]
        sampling = Sampling(temperature=1, top_p=1, seed=seed)
        assert TorchSampler(sampling).sample(logits)[0].id == wanted


def test_a_model_runs_with_its_own_gpu_as_the_current_one() -> None:
    """Streams, graphs and pinned memory are otherwise those of the first GPU."""
    current = device_context(torch.device("cuda:1"))
    assert isinstance(current, torch.cuda.device)
    assert current.idx == 1
    assert not isinstance(device_context(torch.device("cpu")), torch.cuda.device)


def test_widths_hold_every_draft() -> None:
    assert list(GRAPH_WIDTHS) == sorted(GRAPH_WIDTHS)
    assert GRAPH_WIDTHS[-1] == MAX_DRAFT_TOKENS + 1

"""Steps of fixed size on a processor, where what records them is another or fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from starcoder_cli.engines.transformers.steps import (
    CachedForward,
    CudaGraphForward,
    DynamicCacheForward,
    RecordedStep,
    StepFunction,
    supports_cuda_graphs,
)
from starcoder_cli.model import Sampling
from starcoder_cli.weights.checkpoint import ARCHITECTURES
from steps import answered, plainly
from tiny import WINDOW, build

PROMPT = [40, 41, 42, 43, 40, 41, 42, 43, 50, 51, 40, 41]


def loaded(folder: Path, kind: str) -> PreTrainedModel:
    """A checkpoint of a kind."""
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(build(folder, kind)).eval()
    return model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    """StarCoder's architecture."""
    return loaded(tmp_path_factory.mktemp("model"), "gpt_bigcode")


def answer(steps: CachedForward, tokens: int = 40) -> list[int]:
    """The ids of a greedy answer."""
    made = answered(steps, PROMPT, Sampling(tokens), frozenset())
    return [token.id for step in made for token in step]


@pytest.mark.parametrize("kind", sorted(ARCHITECTURES))
def test_a_fixed_cache_answers_as_a_growing_one_does(kind: str, tmp_path: Path) -> None:
    model = loaded(tmp_path, kind)
    assert answer(CudaGraphForward(model, WINDOW, plainly)) == answer(DynamicCacheForward(model))


@pytest.mark.parametrize("fine", [0, 1])
def test_steps_that_cannot_be_recorded_run_as_they_are(fine: int, model: PreTrainedModel) -> None:
    """As on a model that looks at its own numbers, or where memory ends with a later recording."""
    tried: list[int] = []

    def fails(step: StepFunction, undo: Callable[[], None], ids: torch.Tensor) -> StepFunction:
        tried.append(ids.shape[1])
        step(ids)  # what a step has written when it fails
        if len(tried) > fine:
            raise RuntimeError("operation not permitted when stream is capturing")
        return plainly(step, undo, ids)

    steps = CudaGraphForward(model, WINDOW, fails)
    assert answer(steps) == answer(DynamicCacheForward(model))
    steps.crop(0)
    assert answer(steps) == answer(DynamicCacheForward(model))
    assert steps.failure == "operation not permitted when stream is capturing"
    assert sorted(tried) == sorted(set(tried))
    assert len(tried) > 1


class Stream:
    """A stream, which waits for others."""

    def __init__(self, name: str, done: list[str]) -> None:
        self.name = name
        self._done = done

    def wait_stream(self, other: "Stream") -> None:
        """Wait for all that the other one was told."""
        self._done.append(f"{self.name} waits for {other.name}")


class Gpu:
    """What there is of `torch.cuda` where there is no GPU; it writes down what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.current = self.main = Stream("main", self.done)
        self.side = Stream("side", self.done)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: self)
        monkeypatch.setattr(torch.cuda, "Stream", lambda: self.side)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: self.current)
        monkeypatch.setattr(torch.cuda, "stream", self.stream)
        monkeypatch.setattr(torch.cuda, "graph", self.graph)

    def replay(self) -> None:
        """Run a graph."""
        self.done.append("replay")

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        """Choose a stream, and the one before it again in the end."""
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, graph: object, stream: Stream) -> Iterator[None]:
        """Record, as torch does: a stream that was chosen stays so where that fails."""
        self.current = stream
        self.done.append("record")
        yield
        self.current = self.main

    def step(self, ids: torch.Tensor) -> torch.Tensor:
        """A step that leaves its ids as logits."""
        self.done.append(f"step on {self.current.name}")
        return ids


def test_a_step_is_recorded_on_the_stream_that_tried_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of torch's own would be on the GPU that was current when it was made."""
    gpu = Gpu(monkeypatch)
    recording = RecordedStep(gpu.step, lambda: gpu.done.append("undo"), torch.tensor([[1, 2]]))
    tries = ["step on side", "undo", "step on side", "undo"]
    assert gpu.done == [
        *["side waits for main", *tries, "main waits for side"],
        *["record", "step on side"],
    ]
    assert recording(torch.tensor([[3, 4]])).tolist() == [[3, 4]]
    assert gpu.done[-1] == "replay"


@pytest.mark.parametrize("fine", [1, 2])
def test_a_failed_recording_leaves_the_streams_as_they_were(
    fine: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a step was tried, or while it was recorded."""
    gpu = Gpu(monkeypatch)

    def step(ids: torch.Tensor) -> torch.Tensor:
        if len([line for line in gpu.done if line.startswith("step")]) == fine:
            raise RuntimeError("operation not permitted when stream is capturing")
        return gpu.step(ids)

    with pytest.raises(RuntimeError, match="not permitted"):
        RecordedStep(step, lambda: None, torch.tensor([[1]]))
    assert gpu.current is gpu.main
    assert "main waits for side" in gpu.done


def test_what_is_recorded() -> None:
    assert supports_cuda_graphs("cuda:1")
    assert not any(supports_cuda_graphs(device) for device in ("cuda", "cpu", "mps"))

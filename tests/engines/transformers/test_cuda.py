"""What only a GPU can show: recorded steps write what eager ones do, in every form."""

from contextlib import closing
from pathlib import Path

import pytest
import torch
from bitsandbytes.nn.modules import Linear4bit

from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import load_model
from starcoder_cli.engines.transformers.loading import load_transformer, translate_load_errors
from starcoder_cli.engines.transformers.model import HuggingFaceModel
from starcoder_cli.engines.transformers.placement import PlacementPlan
from starcoder_cli.engines.transformers.steps import (
    CachedForward,
    CudaGraphForward,
    DynamicCacheForward,
)
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Sampling
from starcoder_cli.settings import QuantizeChoice
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from steps import answered, greedy
from tiny import build

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

PROMPT = [40, 41, 42, 43, 40, 41, 42, 43, 50, 51, 40, 41]


@pytest.fixture(params=["gpt_bigcode", "starcoder2"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A checkpoint of either of StarCoder's architectures, in whole blocks of 4-bit numbers."""
    return build(tmp_path, request.param, 64)


def opened(folder: Path, quantize: QuantizeChoice) -> HuggingFaceModel:
    """The checkpoint on the last GPU, which is not the current one where there are several."""
    device = f"cuda:{torch.cuda.device_count() - 1}"
    model = load_model(find_model(str(folder)), folder, 128, LoadOptions(quantize, device))
    assert isinstance(model, HuggingFaceModel)
    return model


def answer(steps: CachedForward, *, lookup: bool) -> list[int]:
    """The ids of a greedy answer of 40 tokens."""
    made = answered(steps, PROMPT, Sampling(40), frozenset(), lookup=lookup)
    return [token.id for step in made for token in step]


@pytest.mark.parametrize("quantize", ["none", "8bit", "4bit"])
def test_answers_are_those_of_transformers(quantize: QuantizeChoice, folder: Path) -> None:
    with closing(opened(folder, quantize)) as model:
        wanted = greedy(model.transformer, PROMPT, 40)
        assert answer(DynamicCacheForward(model.transformer), lookup=False) == wanted


@pytest.mark.parametrize("quantize", ["none", "8bit", "4bit"])
def test_recorded_steps_write_what_eager_ones_do(quantize: QuantizeChoice, folder: Path) -> None:
    with closing(opened(folder, quantize)) as model:
        recorded = CudaGraphForward(model.transformer, 128)
        wanted = answer(DynamicCacheForward(model.transformer), lookup=True)
        assert [answer(recorded, lookup=True), again(recorded)] == [wanted, wanted]
        assert not recorded.failure


def again(steps: CachedForward) -> list[int]:
    """The same answer behind nothing read."""
    steps.crop(0)
    return answer(steps, lookup=True)


def test_4_bit_layers_give_what_those_of_bitsandbytes_do(folder: Path) -> None:
    with closing(opened(folder, "4bit")) as model:
        ours = DynamicCacheForward(model.transformer).run(PROMPT, len(PROMPT))
        layers = [layer for layer in model.transformer.modules() if isinstance(layer, Linear4bit)]
        forwards = [layer.__dict__.pop("forward") for layer in layers]
        theirs = DynamicCacheForward(model.transformer).run(PROMPT, len(PROMPT))
    assert forwards
    assert 0 < float((ours - theirs).norm() / theirs.norm()) < 0.02


def test_a_gpu_is_of_use_after_a_recording_that_failed(folder: Path) -> None:
    """LLM.int8 as bitsandbytes has it waits for the GPU in each layer, which ends a recording."""
    checkpoint = inspect_checkpoint(folder)
    with translate_load_errors(checkpoint):
        model = load_transformer(checkpoint, PlacementPlan("cuda:0", "8bit", "bf16", 0, 0))
    wanted = answer(DynamicCacheForward(model), lookup=True)
    steps = CudaGraphForward(model, 128)
    assert len(answer(steps, lookup=True)) == 40
    assert steps.failure
    assert answer(DynamicCacheForward(model), lookup=True) == wanted

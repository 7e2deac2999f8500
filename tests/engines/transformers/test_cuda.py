"""What only a GPU can show: recorded steps write what eager ones do, in every form."""

from contextlib import closing
from pathlib import Path

import pytest
import torch

from starcoder_cli.catalog import find
from starcoder_cli.engines.load import open_model
from starcoder_cli.engines.transformers.model import HuggingFaceModel, load, loading
from starcoder_cli.engines.transformers.placement import Plan
from starcoder_cli.engines.transformers.steps import FixedSteps, GrowingSteps, Steps
from starcoder_cli.loading import Loading
from starcoder_cli.model import Sampling
from starcoder_cli.settings import Quantize
from starcoder_cli.weights.checkpoint import inspect
from steps import answered, greedy
from tiny import build

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

PROMPT = [40, 41, 42, 43, 40, 41, 42, 43, 50, 51, 40, 41]


@pytest.fixture(params=["gpt_bigcode", "starcoder2"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A checkpoint of either of StarCoder's architectures."""
    return build(tmp_path, request.param)


def opened(folder: Path, quantize: Quantize) -> HuggingFaceModel:
    """The checkpoint on the last GPU, which is not the current one where there are several."""
    device = f"cuda:{torch.cuda.device_count() - 1}"
    model = open_model(find(str(folder)), folder, 128, Loading(quantize, device))
    assert isinstance(model, HuggingFaceModel)
    return model


def answer(steps: Steps, *, lookup: bool) -> list[int]:
    """The ids of a greedy answer of 40 tokens."""
    made = answered(steps, PROMPT, Sampling(40), frozenset(), lookup=lookup)
    return [token.id for step in made for token in step]


@pytest.mark.parametrize("quantize", ["none", "8bit", "4bit"])
def test_answers_are_those_of_transformers(quantize: Quantize, folder: Path) -> None:
    with closing(opened(folder, quantize)) as model:
        wanted = greedy(model.transformer, PROMPT, 40)
        assert answer(GrowingSteps(model.transformer), lookup=False) == wanted


@pytest.mark.parametrize("quantize", ["none", "8bit", "4bit"])
def test_recorded_steps_write_what_eager_ones_do(quantize: Quantize, folder: Path) -> None:
    with closing(opened(folder, quantize)) as model:
        recorded = FixedSteps(model.transformer, 128)
        wanted = answer(GrowingSteps(model.transformer), lookup=True)
        assert [answer(recorded, lookup=True), again(recorded)] == [wanted, wanted]
        assert not recorded.failure


def again(steps: Steps) -> list[int]:
    """The same answer behind nothing read."""
    steps.crop(0)
    return answer(steps, lookup=True)


def test_a_gpu_is_of_use_after_a_recording_that_failed(folder: Path) -> None:
    """LLM.int8 as bitsandbytes has it waits for the GPU in each layer, which ends a recording."""
    checkpoint = inspect(folder)
    with loading(checkpoint):
        model = load(checkpoint, Plan("cuda:0", "8bit", "bf16", 0, 0))
    wanted = answer(GrowingSteps(model), lookup=True)
    steps = FixedSteps(model, 128)
    assert len(answer(steps, lookup=True)) == 40
    assert steps.failure
    assert answer(GrowingSteps(model), lookup=True) == wanted


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(
    ("rows", "outputs", "inputs"), [(1, 32, 32), (3, 45, 300), (16, 6400, 6144), (5, 64, 512)]
)
def test_a_product_of_codes_is_that_of_their_numbers(
    rows: int, outputs: int, inputs: int, biased: bool, dtype: torch.dtype
) -> None:
    from starcoder_cli.engines.transformers.kernels import multiply

    torch.manual_seed(1)
    x = torch.randn(rows, inputs).to("cuda", dtype)
    codes = torch.randint(-127, 128, (outputs, inputs), dtype=torch.int8).to("cuda")
    scales = torch.rand(outputs).to("cuda") / 1000
    bias = torch.randn(outputs).to("cuda", dtype) if biased else None
    wanted = (x.double() @ codes.double().T) * scales.double()
    wanted += bias.double() if bias is not None else 0
    made = multiply(x, codes, scales, bias)
    assert float((made - wanted).norm() / wanted.norm()) < 0.003
    for row in range(rows):  # whatever the others are
        assert torch.equal(multiply(x[row : row + 1], codes, scales, bias)[0], made[row])

"""8 and 4 bit through bitsandbytes, for real, on the processor: how close, and how small."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, GPTBigCodeConfig

from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import load_model
from starcoder_cli.engines.transformers.model import HuggingFaceModel
from starcoder_cli.engines.transformers.placement import (
    ModelSize,
    PlacementPlan,
    Quantization,
    weight_bytes,
)
from starcoder_cli.engines.transformers.quantize import bitsandbytes_config, torch_dtype
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.settings import QuantizeChoice
from starcoder_cli.stream import collect
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import tokenizer

# The largest distance of log-probabilities that quantization may cause, in natural logarithms, at
# the 64 likeliest tokens of each place; its root mean square over all places.
MOST_DISTANCE: dict[QuantizeChoice, float] = {"none": 0.0, "8bit": 0.05, "4bit": 0.3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """StarCoder's architecture, 256 wide, with random weights of the size that it begins with."""
    folder = tmp_path_factory.mktemp("wide")
    torch.manual_seed(1)
    config = GPTBigCodeConfig(
        vocab_size=261,
        n_positions=128,
        n_embd=256,
        n_layer=3,
        n_head=4,
        multi_query=True,
        bos_token_id=0,
        eos_token_id=0,
    )
    AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def opened(folder: Path, quantize: QuantizeChoice) -> HuggingFaceModel:
    """The checkpoint in bf16 or quantized."""
    loading = LoadOptions(quantize, "cpu", "bf16")
    model = load_model(find_model(str(folder)), folder, 128, loading, lambda text: None)
    assert isinstance(model, HuggingFaceModel)
    return model


def log_probabilities(model: HuggingFaceModel) -> torch.Tensor:
    """Of the next token at each place of a text."""
    ids = torch.tensor(
        [model.tokenizer.encode_text("def mean(values):\n    return sum(values) / len(values)\n")]
    )
    with torch.inference_mode():
        logits: torch.Tensor = model.transformer(input_ids=ids).logits[0]
    return logits.float().log_softmax(dim=-1)


@pytest.mark.parametrize("quantize", ["none", "8bit", "4bit"])
def test_log_probabilities_stay_close(quantize: QuantizeChoice, folder: Path) -> None:
    with closing(opened(folder, "none")) as model:
        whole = log_probabilities(model)
    with closing(opened(folder, quantize)) as model:
        found = log_probabilities(model)
    places = whole.topk(64).indices
    distance = (found.gather(-1, places) - whole.gather(-1, places)).square().mean().sqrt()
    assert distance <= MOST_DISTANCE[quantize]
    if quantize != "none":
        assert distance > 0


@pytest.mark.parametrize("quantize", ["none", "8bit", "4bit"])
def test_the_memory_is_what_was_planned(quantize: Quantization, folder: Path) -> None:
    """Up to a twentieth: at this width biases and norms, which stay in 16 bit, are not few.

    The scales of 4 bit, a number of 4 bytes for every 64, are not in the library's footprint.
    """
    checkpoint = inspect_checkpoint(folder)
    size = ModelSize(
        checkpoint.parameters, checkpoint.embedding_parameters, checkpoint.cache_numbers
    )
    with closing(opened(folder, quantize)) as model:
        footprint = model.transformer.get_memory_footprint(return_buffers=False)
        planned = weight_bytes(size, quantize, "bf16")
        scales = (size.parameters - size.unquantized) * 4 / 64 if quantize == "4bit" else 0
        assert footprint + scales == pytest.approx(planned, rel=0.06)
        assert collect(model.stream(Prompt(("a = ",)), Sampling(5))).tokens > 0


@pytest.mark.parametrize(
    ("quantize", "looks_up"), [("none", True), ("8bit", False), ("4bit", True)]
)
def test_in_8_bit_no_tokens_are_checked_together(
    quantize: Quantization, looks_up: bool, folder: Path
) -> None:
    """What a token is made from would depend on the others in its step."""
    with closing(opened(folder, quantize)) as model:
        steps = [chunk.tokens for chunk in model.stream(Prompt(("a, " * 16,)), Sampling(48))]
    assert sum(steps) == 48
    assert (max(steps) > 1) == looks_up


def test_nothing_is_asked_of_bitsandbytes_where_nothing_is_quantized() -> None:
    assert bitsandbytes_config(PlacementPlan("cpu", "none", "bf16", 0, 0)) is None
    assert torch_dtype("fp16") is torch.float16


def test_the_compiler_of_torch_is_not_imported() -> None:
    """It takes longer than everything else that bitsandbytes needs."""
    script = """
import sys, torch
from starcoder_cli.engines.transformers.quantize import import_bitsandbytes
compiler = torch.compile
import_bitsandbytes()
assert "bitsandbytes" in sys.modules
assert torch.compile is compiler
print("torch._inductor.compile_fx" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"False\n"

"""The weights of a checkpoint, and what goes wrong with them."""

import json
from pathlib import Path

import pytest
from transformers import GPTBigCodeForCausalLM, PreTrainedModel

from starcoder_cli.engines.transformers.loading import (
    device_map,
    is_out_of_memory,
    load_transformer,
    translate_load_errors,
    translate_out_of_memory,
)
from starcoder_cli.engines.transformers.placement import PlacementPlan
from starcoder_cli.errors import DataError, MachineError
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint."""
    return build(tmp_path_factory.mktemp("checkpoint"))


def test_several_gpus_are_left_to_accelerate() -> None:
    places = [device_map(device) for device in ("cpu", "cuda:1", "cuda", "mps")]
    assert places == [None, {"": "cuda:1"}, "auto", {"": "mps"}]


def test_what_several_gpus_have_no_room_for_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left to the processor unsaid, where accelerate would put it."""
    checkpoint, several = inspect_checkpoint(folder), PlacementPlan("cuda", "none", "fp32", 0, 0)
    model = GPTBigCodeForCausalLM.from_pretrained(folder)
    model.hf_device_map = {"transformer.h.0": 0, "transformer.h.1": 1}
    report: dict[str, list[str]] = {"missing_keys": [], "mismatched_keys": []}
    monkeypatch.setattr(
        GPTBigCodeForCausalLM, "from_pretrained", lambda *_, **options: (model, report)
    )
    with translate_load_errors(checkpoint):
        assert load_transformer(checkpoint, several) is model
    model.hf_device_map["transformer.h.1"] = "cpu"
    with pytest.raises(MachineError, match="the memory is full"), translate_load_errors(checkpoint):
        load_transformer(checkpoint, several)


@pytest.mark.parametrize(
    ("model_type", "claim"),
    [("gpt_bigcode", {"n_inner": 10_000_000}), ("qwen2_moe", {"num_experts": 1_000_000})],
)
def test_a_configuration_of_far_more_weights_takes_no_memory(
    model_type: str, claim: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that were missing were made first, and missed afterwards."""
    folder = build(tmp_path / model_type, model_type)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **claim}))
    checkpoint = inspect_checkpoint(folder)
    monkeypatch.setattr(PreTrainedModel, "from_pretrained", None)
    with pytest.raises(DataError, match="config.json does not describe the weights beside it"):
        load_transformer(checkpoint, PlacementPlan("cpu", "none", "fp32", 0, 0))


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (MemoryError(), True),
        (ValueError("Some modules are dispatched on the CPU or the disk. Make sure"), True),
        (RuntimeError("size mismatch for a.b"), False),
    ],
)
def test_too_little_memory_is_told_from_other_errors(error: Exception, memory: bool) -> None:
    assert is_out_of_memory(error) == memory
    expected = MachineError if memory else RuntimeError
    with pytest.raises(expected), translate_out_of_memory():
        raise error

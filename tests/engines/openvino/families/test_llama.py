"""The graph of Llama and its like: the logits of transformers, in one go and in steps."""

from pathlib import Path

import pytest

from checkpoint_graphs import change_config, difference, scale_weights
from starcoder_cli.engines.openvino.families.config import NoGraphError
from starcoder_cli.engines.openvino.sources import checkpoint_source
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")


@pytest.mark.parametrize("kind", ["granite", "llama", "mistral", "qwen2", "qwen3"])
def test_the_logits_are_those_of_transformers(kind: str, tmp_path: Path) -> None:
    folder = build(tmp_path, kind)
    scale_weights(folder)
    assert difference(folder) < 1e-5


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_theta": 50.0},
        {"rope_type": "linear", "factor": 4.0, "rope_theta": 100000.0},  # DeepSeek-Coder
    ],
)
def test_other_numbers_of_a_configuration(rope: dict[str, object], tmp_path: Path) -> None:
    folder = build(tmp_path, "llama")
    change_config(folder, rms_norm_eps=0.1, rope_parameters=rope)
    assert difference(folder) < 1e-5


def test_the_factors_of_granite(tmp_path: Path) -> None:
    folder = build(tmp_path, "granite")
    factors = {"embedding_multiplier": 3.0, "residual_multiplier": 0.25, "logits_scaling": 8.0}
    change_config(folder, attention_multiplier=0.5, **factors)
    assert difference(folder) < 1e-5


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("llama", {"rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5}}),
        ("llama", {"hidden_act": "relu"}),
        ("qwen2", {"use_sliding_window": True, "sliding_window": 16}),
    ],
)
def test_what_the_graph_does_not_do_is_left_to_transformers(
    kind: str, values: dict[str, object], tmp_path: Path
) -> None:
    folder = build(tmp_path, kind)
    change_config(folder, **values)
    with pytest.raises(NoGraphError):
        checkpoint_source(inspect_checkpoint(folder), bits=16).read_model()

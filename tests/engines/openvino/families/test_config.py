"""What a configuration says of the layers of a model."""

import pytest

from starcoder_cli.engines.openvino.families import FAMILIES, find_family
from starcoder_cli.engines.openvino.families.config import ModelConfig, NoGraphError
from starcoder_cli.engines.openvino.layers import Rope
from starcoder_cli.weights.checkpoint import ARCHITECTURES


def config(**values: object) -> ModelConfig:
    """A configuration with some settings."""
    return ModelConfig(values, has_head=False)


def test_numbers() -> None:
    assert config(n=3).count("n") == 3 and config(n=0).count("n", 7) == 7
    assert config(e=1e-6).number("e", 1.0) == 1e-6
    assert config(e="x").number("e", 1.0) == config().number("e", 1.0) == 1.0
    assert ModelConfig({}, has_head=True).head("wte") == "lm_head" and config().head("wte") == "wte"
    assert config(tie_word_embeddings=False).head("wte") == "lm_head"


@pytest.mark.parametrize(
    ("values", "rope"),
    [
        ({}, Rope()),
        ({"rope_theta": 5}, Rope(5.0)),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 7.0}}, Rope(7.0)),
        ({"rope_theta": 3.0, "rope_scaling": None}, Rope(3.0)),
        ({"rope_theta": 3.0, "rope_scaling": {"type": "linear", "factor": 4}}, Rope(3.0, 4.0)),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, Rope(share=0.5)),
        ({"partial_rotary_factor": 0.25, "rope_theta": 2.0}, Rope(2.0, share=0.25)),
    ],
)
def test_rotary_positions(values: dict[str, object], rope: Rope) -> None:
    assert config(**values).rope() == rope


@pytest.mark.parametrize(
    "values",
    [
        {"rope_scaling": {"type": "dynamic", "factor": 2}},
        {"rope_parameters": {"rope_theta": "x"}},
        {"rope_scaling": {"type": "linear", "factor": None}},
        {"rope_scaling": [1]},
    ],
)
def test_positions_of_other_kinds(values: dict[str, object]) -> None:
    with pytest.raises(NoGraphError):
        config(**values).rope()


def test_windows_that_slide() -> None:
    assert config(model_type="mistral", sliding_window=16).sliding_window() == 16
    assert config(model_type="qwen2", sliding_window=16).sliding_window() == 0
    with pytest.raises(NoGraphError):
        config(sliding_window=16, use_sliding_window=True).sliding_window()
    with pytest.raises(NoGraphError):
        config(multi_query=False).require("multi_query", True)


def test_every_family_is_one_that_is_known() -> None:
    assert set(FAMILIES) <= set(ARCHITECTURES)
    assert {find_family(name).__name__ for name in FAMILIES} == {"build"}

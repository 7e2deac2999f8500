"""The graph of StableLM: the logits of transformers, in one go and in steps."""

from pathlib import Path

import pytest

from checkpoint_graphs import change_config, difference, scale_weights
from starcoder_cli.engines.openvino.families.config import NoGraphError
from starcoder_cli.engines.openvino.sources import checkpoint_source
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")


def test_the_logits_are_those_of_transformers(tmp_path: Path) -> None:
    folder = build(tmp_path, "stablelm")
    scale_weights(folder)
    assert difference(folder) < 1e-5


@pytest.mark.parametrize("values", [{"use_parallel_residual": True}, {"qk_layernorm": True}])
def test_what_the_graph_does_not_do_is_left_to_transformers(
    values: dict[str, object], tmp_path: Path
) -> None:
    folder = build(tmp_path, "stablelm")
    change_config(folder, **values)
    with pytest.raises(NoGraphError):
        checkpoint_source(inspect_checkpoint(folder), bits=16).read_model()


def test_more_of_a_head_may_turn_and_there_may_be_biases(tmp_path: Path) -> None:
    folder = build(tmp_path, "stablelm")
    change_config(folder, rope_parameters={"partial_rotary_factor": 0.5, "rope_theta": 1e6})
    assert difference(folder) < 1e-5

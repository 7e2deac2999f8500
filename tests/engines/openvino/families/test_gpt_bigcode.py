"""StarCoder's graph: the logits of transformers, in one go and in steps."""

from pathlib import Path

import pytest

from checkpoint_graphs import change_config, difference, scale_weights
from starcoder_cli.engines.openvino.families.config import NoGraphError
from starcoder_cli.engines.openvino.sources import checkpoint_source
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")


def test_the_logits_are_those_of_transformers(tmp_path: Path) -> None:
    folder = build(tmp_path, "gpt_bigcode")
    scale_weights(folder)
    assert difference(folder) < 1e-5


def test_what_the_graph_does_not_do_is_left_to_transformers(tmp_path: Path) -> None:
    folder = build(tmp_path, "gpt_bigcode")
    for name, value in (("multi_query", False), ("activation_function", "tanh")):
        change_config(folder, **{"multi_query": True, name: value})
        with pytest.raises(NoGraphError):
            checkpoint_source(inspect_checkpoint(folder), bits=16).read_model()

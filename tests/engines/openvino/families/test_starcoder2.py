"""StarCoder2's graph: the logits of transformers, in one go and in steps."""

from pathlib import Path

import pytest

from checkpoint_graphs import change_config, difference, scale_weights
from starcoder_cli.engines.openvino.families.config import NoGraphError
from starcoder_cli.engines.openvino.sources import checkpoint_source
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")


def test_the_logits_are_those_of_transformers(tmp_path: Path) -> None:
    folder = build(tmp_path, "starcoder2")
    scale_weights(folder)
    assert difference(folder) < 1e-5


@pytest.mark.parametrize("window", [None, 16, 64])
def test_a_window_slides_or_does_not(window: int | None, tmp_path: Path) -> None:
    folder = build(tmp_path, "starcoder2")
    change_config(folder, sliding_window=window)
    assert difference(folder) < 1e-5


def test_positions_that_are_scaled_are_left_to_transformers(tmp_path: Path) -> None:
    folder = build(tmp_path, "starcoder2")
    change_config(folder, rope_parameters={"rope_type": "dynamic", "factor": 2.0})
    with pytest.raises(NoGraphError):
        checkpoint_source(inspect_checkpoint(folder), bits=16).read_model()

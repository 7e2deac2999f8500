"""The graph of Gemma: the logits of transformers, in one go and in steps."""

from pathlib import Path

import pytest

from checkpoint_graphs import difference, scale_weights
from tiny import build

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")


def test_the_logits_are_those_of_transformers(tmp_path: Path) -> None:
    folder = build(tmp_path, "gemma")
    scale_weights(folder)
    assert difference(folder) < 1e-5

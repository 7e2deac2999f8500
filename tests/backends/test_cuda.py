"""What only a GPU can show: recorded steps write what eager ones do, in every form."""

from contextlib import closing
from pathlib import Path

import pytest
import torch
from tiny import build

from starcoder_cli.backends import open_model
from starcoder_cli.backends.decoding import GrowingSteps, decode
from starcoder_cli.backends.graphs import FixedSteps
from starcoder_cli.backends.huggingface import HuggingFaceModel
from starcoder_cli.catalog import find
from starcoder_cli.loading import Loading
from starcoder_cli.model import Sampling
from starcoder_cli.settings import Quantize

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

PROMPT = [40, 41, 42, 43, 40, 41, 42, 43, 50, 51, 40, 41]


@pytest.mark.parametrize("kind", ["gpt_bigcode", "starcoder2"])
@pytest.mark.parametrize("quantize", ["none", "8bit", "4bit"])
def test_recorded_steps_write_what_eager_ones_do(
    quantize: Quantize, kind: str, tmp_path: Path
) -> None:
    folder = build(tmp_path, kind)
    opened = open_model(find(str(folder)), folder, 128, Loading(quantize, "cuda:0"))
    assert isinstance(opened, HuggingFaceModel)
    with closing(opened) as model:
        whole = [
            [
                token.id
                for step in decode(steps, PROMPT, Sampling(40), frozenset())
                for token in step
            ]
            for steps in (GrowingSteps(model.transformer), FixedSteps(model.transformer, 128))
            if quantize != "8bit" or isinstance(steps, GrowingSteps)
        ]
    assert len(whole[0]) == 40
    assert whole == [whole[0]] * len(whole)

"""A checkpoint in a graph of our own answers as transformers does."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest
from safetensors.torch import load_file, save_file

from checkpoint_graphs import change_config
from graphs import compile_exactly
from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import choose_graph_bits, load_model
from starcoder_cli.engines.openvino.graph import PagedGraph
from starcoder_cli.engines.openvino.model import OpenVinoModel
from starcoder_cli.engines.openvino.prepared import StepRows
from starcoder_cli.engines.openvino.sources import checkpoint_source
from starcoder_cli.engines.transformers.model import HuggingFaceModel
from starcoder_cli.errors import DataError, MachineError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Model, Prompt, Sampling
from starcoder_cli.settings import QuantizeChoice
from starcoder_cli.stream import collect
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import WINDOW, build

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")

TEXT = Prompt(("def f(x):\n    return x",))
EXACT = LoadOptions(device="cpu", quantize="none")
THROUGH_TORCH = LoadOptions(device="cpu", dtype="fp32")


def opened(folder: Path, loading: LoadOptions) -> Model:
    """The checkpoint as the commands open it."""
    return load_model(find_model(str(folder)), folder, WINDOW, loading, lambda text: None)


@pytest.mark.parametrize("kind", ["gpt_bigcode", "starcoder2", "qwen2"])
def test_an_answer_is_that_of_transformers(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_exactly(monkeypatch)
    folder, sampling = build(tmp_path, kind), Sampling(40)
    with closing(opened(folder, EXACT)) as ours, closing(opened(folder, THROUGH_TORCH)) as theirs:
        assert (ours.engine, theirs.engine) == ("openvino", "huggingface")
        expected = collect(theirs.stream(TEXT, sampling))
        found = collect(ours.stream(TEXT, sampling))
        assert (found.text, found.tokens, found.reason) == (
            *(expected.text, expected.tokens, expected.reason),
        )
        assert ours.count("a b") == theirs.count("a b")
        assert ours.has_token("<fim_prefix>") and not ours.has_token("x y")


def test_eight_bits_unless_others_are_wanted(tmp_path: Path) -> None:
    folder, lines = build(tmp_path), list[str]()
    for quantize in ("auto", "8bit", "4bit", "none"):
        loading = LoadOptions(device="cpu", quantize=quantize)
        spec = find_model(str(folder))
        with closing(load_model(spec, folder, WINDOW, loading, lines.append)) as model:
            assert isinstance(model, OpenVinoModel)
            assert collect(model.stream(TEXT, Sampling(5))).tokens
    forms = [line.split(", ")[1] for line in lines]
    assert forms == ["8 bit", "8 bit", "4 bit", "f32"]


def test_what_transformers_runs(tmp_path: Path) -> None:
    checkpoint, spec = inspect_checkpoint(build(tmp_path)), find_model(str(tmp_path))
    assert choose_graph_bits(spec, checkpoint, LoadOptions(device="cpu")) == 8
    for loading in (
        LoadOptions(device="cuda"),
        LoadOptions(device="cpu", dtype="bf16"),
        LoadOptions(device="cpu", adapter="a"),
    ):
        assert choose_graph_bits(spec, checkpoint, loading) is None
    other = inspect_checkpoint(build(tmp_path / "g", "gpt_neox"))
    assert choose_graph_bits(spec, other, LoadOptions()) is None


def test_a_configuration_beyond_the_graph_goes_to_transformers(tmp_path: Path) -> None:
    folder = build(tmp_path)
    change_config(folder, activation_function="relu")
    with closing(opened(folder, LoadOptions(device="cpu"))) as model:
        assert isinstance(model, HuggingFaceModel)


@pytest.mark.parametrize("quantize", ["auto", "none"])
def test_weights_that_are_not_there_are_an_error(quantize: QuantizeChoice, tmp_path: Path) -> None:
    folder = build(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    del tensors["transformer.h.1.ln_2.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataError) as caught:
        opened(folder, LoadOptions(device="cpu", quantize=quantize))
    assert str(caught.value) == (
        "the checkpoint lacks the weights 'transformer.h.1.ln_2.weight'; get the checkpoint again"
    )


def test_where_openvino_cannot_transformers_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build(tmp_path)
    with closing(opened(folder, LoadOptions(device="cpu"))) as model:
        monkeypatch.setattr(PagedGraph, "run", broken)
        with pytest.raises(MachineError) as caught:
            collect(model.stream(TEXT, Sampling(2)))
    assert caught.value.hint == "use --dtype bf16, which runs it on transformers"


def broken(*_: object) -> NoReturn:
    """Fails as OpenVINO does."""
    raise RuntimeError("Check 'memory' failed")


def test_the_template_and_the_ends_are_the_checkpoints(tmp_path: Path) -> None:
    folder = build(tmp_path)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": "T"}))
    source = checkpoint_source(inspect_checkpoint(folder), bits=16)
    assert (source.read_chat_template(), source.end_ids) == ("T", frozenset({0}))
    assert source.rows == StepRows()


def test_a_checkpoint_is_loaded_without_torch(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import load_model

folder = Path(sys.argv[1])
load_model(find_model(str(folder)), folder, 128).close()
print(sorted({"torch", "transformers"} & sys.modules.keys()))
"""
    command = [sys.executable, "-c", script, str(build(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr

"""What checkpoints are prepared in: the same answers, read from less."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from checkpoint_graphs import change_config
from graphs import compile_exactly
from servers import full_disk
from starcoder_cli.app.fetch import prepare_at_once
from starcoder_cli.catalog import find_model
from starcoder_cli.engines import machine
from starcoder_cli.engines.load import has_to_be_prepared, load_model
from starcoder_cli.engines.openvino import prepare_checkpoint as preparation
from starcoder_cli.engines.openvino.prepare import STAGING_FOLDER
from starcoder_cli.engines.openvino.prepare_checkpoint import is_for_processor, prepare_checkpoint
from starcoder_cli.engines.openvino.prepared import (
    PREPARED_FOLDER,
    find_prepared_checkpoint,
)
from starcoder_cli.errors import WriteError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.models import store
from starcoder_cli.settings import QuantizeChoice
from starcoder_cli.stream import Completion, collect
from starcoder_cli.terminal.output import Messages
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import SHAPES, WINDOW, build

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")

SPEC = find_model("owner/name")
TEXT = Prompt(("def f(x):\n    return x",))


def nobody(done: int, total: int) -> None:
    """Nobody is told how many tensors are written."""


@pytest.fixture(params=["gpt_bigcode", "llama"])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A checkpoint, as if it had been pulled, and nothing prepared."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setitem(SHAPES["llama"], "max_position_embeddings", 1024)
    yield build(tmp_path / "snapshot", request.param)


def answer(folder: Path, quantize: QuantizeChoice = "auto") -> tuple[Completion, str]:
    """What the checkpoint answers, and what was said when it was loaded."""
    lines = list[str]()
    loading = LoadOptions(device="cpu", quantize=quantize)
    with closing(load_model(SPEC, folder, WINDOW, loading, lines.append)) as model:
        return collect(model.stream(TEXT, Sampling(8))), lines[-1]


def test_what_is_prepared_answers_as_what_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_exactly(monkeypatch)
    before, said = answer(folder)
    assert said.startswith("owner/name: OpenVINO, 8 bit, a window of ")
    told = list[tuple[int, int]]()
    prepared = prepare_checkpoint(SPEC, folder, lambda done, total: told.append((done, total)))
    assert told == [(number, len(told)) for number in range(len(told))] and len(told) > 10
    assert prepared.folder == store.model_folder(SPEC) / PREPARED_FOLDER
    assert find_prepared_checkpoint(SPEC, inspect_checkpoint(folder)) == prepared
    after, said = answer(folder)
    assert said.startswith("owner/name: OpenVINO, 8 bit, prepared, a window of ")
    assert (after.text, after.tokens) == (before.text, before.tokens)
    assert "prepared" not in answer(folder, "none")[1]
    assert prepare_checkpoint(SPEC, folder, nobody) == prepared


def test_four_bits_where_they_are_wanted_or_no_more_fit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eight = prepare_checkpoint(SPEC, folder, nobody)
    four = prepare_checkpoint(SPEC, folder, nobody, "4bit")
    assert (eight.bits, four.bits) == (8, 4)
    assert sum(four.files.values()) < 0.95 * sum(eight.files.values())
    for quantize in ("4bit", "auto"):
        found, said = answer(folder, quantize)
        assert said.startswith("owner/name: OpenVINO, 4 bit, prepared, a window of ")
        assert found.tokens == 8
    assert "8 bit, a window" in answer(folder, "8bit")[1]
    assert prepare_checkpoint(SPEC, folder, nobody) == four
    assert prepare_checkpoint(SPEC, folder, nobody, "8bit") == eight
    os.utime(folder / "model.safetensors", (1, 1))
    monkeypatch.setattr(preparation, "free_memory", lambda: 1000)
    assert prepare_checkpoint(SPEC, folder, nobody).bits == 4


@pytest.mark.parametrize(
    ("free_share", "has_to"), [(3, False), (1.3, True), (0.9, True), (0.5, False)]
)
def test_what_fits_only_so_is_prepared_when_it_is_used(
    free_share: float, has_to: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, loading = inspect_checkpoint(folder), LoadOptions(device="cpu")
    free = round(free_share * checkpoint.parameters)
    monkeypatch.setattr(machine, "free_memory", lambda: free)
    monkeypatch.setattr(preparation, "free_memory", lambda: free)
    monkeypatch.setattr(preparation, "may_have_accelerator", lambda: False)
    assert has_to_be_prepared(SPEC, checkpoint, loading) == has_to
    prepare_at_once(SPEC, folder, Messages(quiet=True), loading)
    prepared = find_prepared_checkpoint(SPEC, checkpoint)
    bits = 8 if free_share > 1.07 else 4
    assert (prepared and prepared.bits) == (bits if has_to else None)
    assert not has_to_be_prepared(SPEC, checkpoint, loading)


def test_a_file_that_changed_is_prepared_anew(folder: Path) -> None:
    prepare_checkpoint(SPEC, folder, nobody)
    os.utime(folder / "model.safetensors", (1, 1))
    assert find_prepared_checkpoint(SPEC, inspect_checkpoint(folder)) is None
    assert prepare_checkpoint(SPEC, folder, nobody).sha256
    change_config(folder, some_setting=1)
    assert find_prepared_checkpoint(SPEC, inspect_checkpoint(folder)) is None


def test_a_folder_of_the_users_own_is_not_prepared(folder: Path) -> None:
    prepare_checkpoint(SPEC, folder, nobody)
    assert find_prepared_checkpoint(find_model(str(folder)), inspect_checkpoint(folder)) is None


def test_a_full_disk_leaves_nothing(folder: Path) -> None:
    with full_disk(8 << 10), pytest.raises(WriteError, match="File too large"):
        prepare_checkpoint(SPEC, folder, nobody)
    assert not (store.model_folder(SPEC) / STAGING_FOLDER).exists()
    assert find_prepared_checkpoint(SPEC, inspect_checkpoint(folder)) is None


def test_which_checkpoints_a_processor_runs_here(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "may_have_accelerator", lambda: False)
    assert is_for_processor(folder)
    assert not is_for_processor(build(tmp_path / "other", "gpt_neox"))
    monkeypatch.setattr(preparation, "may_have_accelerator", lambda: True)
    assert not is_for_processor(folder)


def test_a_configuration_without_a_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "may_have_accelerator", lambda: False)
    folder = build(tmp_path, "llama")
    change_config(folder, hidden_act="relu")
    assert not is_for_processor(folder)

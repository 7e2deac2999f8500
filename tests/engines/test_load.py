"""Which engine a model is opened with, with how large a window, and what is said beforehand."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from forms import lay_form
from starcoder_cli.catalog import find_model
from starcoder_cli.engines import machine
from starcoder_cli.engines.load import (
    WINDOW_STEP,
    check_can_load,
    choose_prepared,
    choose_window,
    load_model,
    validate_checkpoint,
)
from starcoder_cli.engines.openvino import graph_fit
from starcoder_cli.engines.transformers.placement import Machine
from starcoder_cli.errors import DataError, InputError, MachineError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.settings import EngineChoice
from starcoder_cli.weights.model_config import REFETCH
from tinies import SPEC, pulled


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the tiny model, not prepared."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    return pulled()


@pytest.mark.parametrize(
    ("most", "least", "window"),
    [(8192, 1, 256), (8192, 256, 256), (8192, 257, 512), (300, 257, 300), (100, 9000, 100)],
)
def test_a_window_is_whole_steps_and_no_more_than_the_model_has(
    most: int, least: int, window: int
) -> None:
    assert choose_window(most, least) == window


def test_a_model_that_writes_its_prompt_back_needs_no_file() -> None:
    with closing(load_model(find_model("echo"), None, 256)) as model:
        assert model.engine == "echo"


@pytest.mark.parametrize("name", ["qwen2.5-coder-0.5b", "starcoder2-3b"])
def test_what_is_not_here_is_to_be_pulled(name: str) -> None:
    with pytest.raises(InputError) as caught:
        load_model(find_model(name), None, 256)
    assert str(caught.value) == f"{name} is not installed; run: starcoder models pull {name}"


@pytest.mark.parametrize(
    ("engine", "opened"),
    [
        ("auto", "openvino"),
        ("llamacpp", "llamacpp"),
        ("huggingface", "openvino"),
        ("openvino", "openvino"),
    ],
)
def test_what_is_prepared_runs_there_unless_llama_cpp_is_asked_for(
    engine: EngineChoice, opened: str, path: Path
) -> None:
    form = lay_form(path)
    assert choose_prepared(SPEC, path, engine) == (form if opened == "openvino" else None)


def test_an_engine_that_is_not_prepared(path: Path) -> None:
    assert choose_prepared(SPEC, path, "auto") is None
    with pytest.raises(InputError) as caught:
        load_model(SPEC, path, 256, LoadOptions(engine="openvino"))
    assert str(caught.value) == (
        "owner/name/tiny.gguf is not prepared for OpenVINO; "
        "run: starcoder models pull owner/name/tiny.gguf"
    )


def test_a_file_of_the_users_own_has_no_form_even_where_one_lies_beside_it(path: Path) -> None:
    lay_form(path)
    local = replace(SPEC, repository="", file=str(path))
    assert choose_prepared(local, path, "auto") is None
    with pytest.raises(InputError, match="only models that are pulled can be"):
        load_model(local, path, 256, LoadOptions(engine="openvino"))


def test_a_gguf_file_is_opened_with_room_for_what_is_asked(path: Path) -> None:
    """Its own window is what the file says, where the catalog does not know it."""
    told: list[str] = []
    with closing(load_model(SPEC, path, WINDOW_STEP + 1, tell=told.append)) as model:
        assert (model.engine, model.window) == ("llamacpp", 2 * WINDOW_STEP)
    assert told == ["owner/name/tiny.gguf: llama.cpp, a window of 512 tokens"]


@pytest.mark.parametrize("name", ["echo", "qwen2.5-coder-0.5b"])
def test_what_is_no_checkpoint_is_not_checked_before_it_is_fetched(name: str) -> None:
    """Not even an adapter that is not there."""
    check_can_load(find_model(name), 256, LoadOptions(adapter="/nowhere", device="cuda:99"))


def test_an_adapter_that_is_not_there_is_told_before_anything_is_fetched() -> None:
    with pytest.raises(InputError, match="/nowhere"):
        check_can_load(find_model("starcoder2-3b"), 256, LoadOptions(adapter="/nowhere"))


def test_what_fits_in_a_graph_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was refused for what transformers would need."""
    free = 15_000_000_000
    monkeypatch.setattr(machine, "detect_machine", lambda: Machine((), free))
    monkeypatch.setattr(machine, "free_memory", lambda: free)
    monkeypatch.setattr(graph_fit, "may_have_accelerator", lambda: False)
    check_can_load(find_model("starcoder2-7b"), 2048, LoadOptions())
    with pytest.raises(MachineError, match="^starcoder2-7b needs "):
        check_can_load(find_model("starcoder2-7b"), 2048, LoadOptions(dtype="bf16"))


def test_how_to_repair_a_damaged_checkpoint_depends_on_where_it_is_from(tmp_path: Path) -> None:
    """One that was pulled is pulled again; in a folder of the user's own, only files are named."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text("{")
    for spec, hint in (
        (find_model("owner/tiny"), "repair it with: starcoder models pull owner/tiny"),
        (find_model(str(folder)), REFETCH),
    ):
        with pytest.raises(DataError) as caught:
            validate_checkpoint(spec, folder)
        assert caught.value.hint == hint
    shutil.rmtree(folder)
    with pytest.raises(InputError):
        validate_checkpoint(find_model("owner/tiny"), folder)

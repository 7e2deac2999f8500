"""What `starcoder tune` is asked for."""

import json
from pathlib import Path

import pytest

from codebases import codebase
from starcoder_cli.app.tune_request import MAX_HELD_OUT_HOLES, PreparedData, TuneRequest
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer
from starcoder_cli.engines.transformers.training.trainer import TrainingOptions
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.terminal.output import Messages
from starcoder_cli.tuning.examples import ExampleOptions
from tiny import build


@pytest.mark.parametrize(
    ("folder", "name", "chosen"),
    [
        ("mine", "", "mine"),
        ("my code (new)", "", "my-code-new"),
        (".hidden.", "", "hidden"),
        ("mine", "other.1", "other.1"),
    ],
)
def test_names(folder: str, name: str, chosen: str, tmp_path: Path) -> None:
    assert TuneRequest((tmp_path / folder,), "echo", name).choose_name() == chosen


@pytest.mark.parametrize(
    ("folder", "name", "message"),
    [
        ("mine", "a/b", "'a/b' cannot be a model's name; give one with --name"),
        ("mine", "..", "'..' cannot be a model's name; give one with --name"),
        ("mine", "a.gguf", "'a.gguf' cannot be a model's name; give one with --name"),
        ("漢字", "", "'' cannot be a model's name; give one with --name"),
        ("StarCoder", "", "StarCoder is a model of the catalog; give another name with --name"),
    ],
)
def test_names_that_cannot_be(folder: str, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        TuneRequest((tmp_path / folder,), "echo", name).choose_name()
    assert str(error.value) == message


def test_a_base_needs_weights() -> None:
    with pytest.raises(UsageError, match="echo has no weights to train"):
        TuneRequest((Path(),), "echo").find_base()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (TuneRequest((), "a", epochs=0), "--epochs cannot be 0; give a number from 1 to 100"),
        (
            TuneRequest((), "a", training=TrainingOptions(rank=300)),
            "--rank cannot be 300; give a number from 1 to 256",
        ),
        (
            TuneRequest((), "a", examples=ExampleOptions(fim_rate=1.5)),
            "--fim-rate cannot be 1.5; give a number from 0 to 1",
        ),
        (
            TuneRequest((), "a", training=TrainingOptions(learning_rate=float("nan"))),
            "--learning-rate cannot be nan; give a number from 1e-07 to 0.1",
        ),
    ],
)
def test_numbers_without_meaning(request_: TuneRequest, message: str) -> None:
    assert TuneRequest((), "a").check() == TuneRequest((), "a")
    with pytest.raises(UsageError) as error:
        request_.check()
    assert str(error.value) == message


def test_examples_are_no_longer_than_the_window() -> None:
    request = TuneRequest((Path(),), "echo").within(256)
    assert (request.training.max_length, request.examples.max_length) == (256, 256)
    assert TuneRequest((Path(),), "echo").within(0).training.max_length == 1024


def prepared(tmp_path: Path, max_length: int) -> tuple[TuneRequest, PreparedData]:
    """A request about a small repository, and what is read for it."""
    training, examples = TrainingOptions(max_length=max_length), ExampleOptions(max_length)
    paths = (codebase(tmp_path / "mine"),)
    request = TuneRequest(paths, "base", "", training, examples, max_steps=1)
    return request, PreparedData.of(request, Messages())


def test_examples_of_a_repository(tmp_path: Path) -> None:
    tokenizer = CheckpointTokenizer(build(tmp_path / "base", "qwen2"))
    request, data = prepared(tmp_path, 512)
    made = data.training_data(request, ModelSpec("base"), tokenizer)
    assert len(made.steps) == 1 and 0 < len(made.held_out) <= MAX_HELD_OUT_HOLES
    assert made == data.training_data(request, ModelSpec("base"), tokenizer)


def test_a_model_that_knows_no_holes(tmp_path: Path) -> None:
    tokenizer = CheckpointTokenizer(build(tmp_path / "base", "qwen2"))
    request, data = prepared(tmp_path, 512)
    with pytest.raises(UsageError, match="opencoder was not trained to fill gaps"):
        data.training_data(request, ModelSpec("opencoder"), tokenizer)


def test_no_hole_that_fits(tmp_path: Path) -> None:
    tokenizer = CheckpointTokenizer(build(tmp_path / "base", "qwen2"))
    request, data = prepared(tmp_path, 40)
    with pytest.raises(DataError, match="no gap can be cut that fits 40 tokens"):
        data.training_data(request, ModelSpec("base"), tokenizer)


def test_a_folder_of_somebody_elses_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with the name of the new model was lost when that was registered."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path))
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "weights.bin").write_text("precious")
    with pytest.raises(UsageError, match="is there, and is not a tuned model; give another"):
        TuneRequest((Path(),), "echo", "other").choose_name()
    (folder / "manifest.json").write_text('{"tuned": {"base": "qwen2.5-coder-0.5b"}}')
    assert TuneRequest((Path(),), "echo", "other").choose_name() == "other"


def test_a_model_that_was_tuned_on_something_else_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`a/app` and `b/app` have the same name."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    first, second = (tmp_path / name / "app" for name in ("a", "b"))
    (tmp_path / "models" / "app").mkdir(parents=True)
    record = {"base": "echo", "paths": TuneRequest((first,), "echo").real_paths}
    manifest = tmp_path / "models" / "app" / "manifest.json"
    manifest.write_text(json.dumps({"tuned": record}))
    (tmp_path / "link").symlink_to(tmp_path / "a")
    again = TuneRequest((tmp_path / "link" / "app",), "echo")
    assert again.choose_name() == "app"
    with pytest.raises(UsageError, match="app is a model that was tuned on other code; give"):
        TuneRequest((second,), "echo").choose_name()
    assert TuneRequest((second,), "echo", "b-app").choose_name() == "b-app"

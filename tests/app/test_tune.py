"""A model is tuned, registered, and used by its name."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from codebases import codebase
from gguf_checkpoints import write_gguf
from starcoder_cli.app import tune as tuning
from starcoder_cli.app.fetch import prepare_pulled
from starcoder_cli.app.tune import show_plan, tune, work_folder
from starcoder_cli.app.tune_request import TuneRequest
from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import load_model
from starcoder_cli.engines.openvino.prepared import find_prepared_checkpoint
from starcoder_cli.engines.transformers.training.trainer import (
    DivergedError,
    StepReport,
    Trainer,
    TrainingOptions,
)
from starcoder_cli.errors import (
    BusyError,
    CreateError,
    InputError,
    MachineError,
    StarcoderError,
    WriteError,
)
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.models import store
from starcoder_cli.stream import collect
from starcoder_cli.terminal.output import Messages
from starcoder_cli.tuning.examples import ExampleOptions
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build

TRAINING = TrainingOptions(rank=4, alpha=8, learning_rate=1e-3, max_length=256, save_steps=1)


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TuneRequest:
    """A training of a tiny checkpoint on a small repository, of two steps."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr(tuning, "MEASURED_SECONDS", 0.01)
    monkeypatch.setattr(tuning, "prepare_pulled", lambda *words, **options: None)
    folder, base = codebase(tmp_path / "mine"), build(tmp_path / "base", "qwen2")
    config = json.loads((base / "config.json").read_text()) | {"max_position_embeddings": 2048}
    (base / "config.json").write_text(json.dumps(config))
    examples = ExampleOptions(256)
    return TuneRequest((folder,), str(base), "", TRAINING, examples, epochs=2)


def run(request: TuneRequest) -> None:
    """Tune without notes."""
    tune(request, Messages(quiet=True))


def test_the_result_is_a_model(request_: TuneRequest, capsys: pytest.CaptureFixture[str]) -> None:
    run(request_)
    out, err = capsys.readouterr()
    assert out.startswith("mine: loss inside ") and err == ""
    spec = find_model("mine")
    folder = store.model_folder(spec)
    assert (spec.base, spec.is_local, spec.window) == (request_.model, False, 2048)
    assert store.locate_model(spec) == folder / "checkpoint"
    assert spec in store.list_installed_models()
    names = {path.name for path in folder.iterdir()}
    assert names >= {"adapter", "checkpoint", "data-card.md", "manifest.json"}
    card = (folder / "data-card.md").read_text()
    assert "# Data of mine" in card and "- before: loss" in card and "- after: loss" in card
    record = json.loads((folder / "manifest.json").read_text())["tuned"]
    assert (record["base"], record["trained_on"]) == (request_.model, "mine")
    assert not (folder.parent / ".tuning" / "mine").exists()


@pytest.mark.parametrize("engine", ["huggingface", "openvino"])
def test_it_writes_on_each_engine(engine: str, request_: TuneRequest) -> None:
    run(request_)
    spec = find_model("mine")
    prepare_pulled(spec, store.tuned_checkpoint(spec), quiet=True)
    assert find_prepared_checkpoint(spec, inspect_checkpoint(store.tuned_checkpoint(spec)))
    loading = LoadOptions(dtype="fp32" if engine == "huggingface" else "auto")
    model = load_model(spec, store.locate_model(spec), 256, loading)
    with closing(model):
        assert model.engine == engine and spec.base == request_.model
        answer = collect(model.stream(Prompt(("def f(x):\n    return ",)), Sampling(8)))
    assert answer.tokens == 8


def test_a_gguf_is_brought_to_16_bits_first(request_: TuneRequest, tmp_path: Path) -> None:
    base = Path(request_.model)
    path = write_gguf(base, tmp_path / "base.gguf")
    run(replace(request_, model=str(path), name="of-gguf"))
    spec = find_model("of-gguf")
    assert spec.base == str(path)
    loading = LoadOptions(engine="llamacpp")
    with closing(load_model(spec, store.locate_model(spec), 256, loading)) as model:
        assert model.engine == "llamacpp"
        assert collect(model.stream(Prompt(("def f(x):",)), Sampling(4))).tokens == 4
    assert not list((tmp_path / "models" / ".tuning").glob("of-gguf/base"))


def test_tuning_again_replaces_it(request_: TuneRequest) -> None:
    run(request_)
    first = store.model_folder(find_model("mine")) / "adapter" / "adapter_config.json"
    assert json.loads(first.read_text())["r"] == 4
    run(replace(request_, training=replace(TRAINING, rank=2)))
    assert json.loads(first.read_text())["r"] == 2


def test_it_can_be_removed(request_: TuneRequest) -> None:
    run(request_)
    spec = find_model("mine")
    store.remove_model(spec)
    assert not store.model_folder(spec).exists()
    with pytest.raises(StarcoderError):
        find_model("mine")


def test_a_plan_trains_nothing(
    request_: TuneRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_plan(replace(request_, data_card=str(tmp_path / "card.md")), Messages())
    out = capsys.readouterr().out
    assert "## Left out" in out and "| steps | 2 |" in out
    assert (tmp_path / "card.md").read_text() == out
    assert not (tmp_path / "models").exists()


def test_a_plan_for_a_model_that_is_not_here(
    request_: TuneRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    show_plan(replace(request_, model="qwen2.5-coder-0.5b"), Messages())
    out, err = capsys.readouterr()
    assert "## Gaps" in out and "## Plan" not in out
    assert err == "note: qwen2.5-coder-0.5b is not installed, so its tokens are not counted\n"


def test_a_card_that_cannot_be_written(request_: TuneRequest, tmp_path: Path) -> None:
    path = str(tmp_path / "missing" / "card.md")
    with pytest.raises(CreateError, match=f"cannot create {path}: No such file"):
        show_plan(replace(request_, data_card=path), Messages())


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (
            "free_memory",
            MachineError,
            r"of memory, but only 1 kB is free; try a lower --max-length",
        ),
        ("free_bytes", WriteError, r"on the disk, but only 1 kB is free; free some space"),
    ],
)
def test_a_machine_that_is_too_small(
    name: str,
    error: type[StarcoderError],
    message: str,
    request_: TuneRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*words: object) -> None:
        raise AssertionError("nothing may be loaded")

    monkeypatch.setattr(tuning, name, lambda *words: 1)
    monkeypatch.setattr(tuning, "Trainer", refuse)
    with pytest.raises(error, match=message):
        run(request_)


def interrupt_after(count: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a training end so after some steps."""
    real = Trainer.run

    def run_some(self: Trainer) -> Iterator[StepReport]:
        for report in real(self):
            if report.step > count:
                raise error
            yield report

    monkeypatch.setattr(Trainer, "run", run_some)


def test_ctrl_c_keeps_the_best_so_far_and_the_same_command_goes_on(
    request_: TuneRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(1, KeyboardInterrupt(), patch)
        tune(request_, Messages())
    assert "stopped after step 2 of 2: the best adapter so far is kept" in capsys.readouterr().err
    assert find_model("mine").base
    tune(request_, Messages())
    assert "going on after step 2 of 2" in capsys.readouterr().err


def test_ctrl_c_before_the_first_step_ends_it(
    request_: TuneRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Trainer) -> Iterator[StepReport]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(Trainer, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        run(request_)
    with pytest.raises(StarcoderError):
        find_model("mine")


def test_a_loss_that_is_no_number_keeps_the_best_before_it(
    request_: TuneRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_after(1, DivergedError("the loss is not a number at step 2", "hint"), monkeypatch)
    tune(request_, Messages())
    err = capsys.readouterr().err
    assert "the loss is not a number at step 2: the best adapter so far is kept; hint" in err
    assert find_model("mine").base


def test_a_loss_that_never_was_a_number(
    request_: TuneRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_after(0, DivergedError("the loss is not a number at step 1"), monkeypatch)
    monkeypatch.setattr(Trainer, "_keep", lambda self, scores: None)
    with pytest.raises(MachineError, match="the loss is not a number at step 1"):
        run(request_)


def test_one_training_of_a_name_at_a_time(request_: TuneRequest) -> None:
    with work_folder("mine"), pytest.raises(BusyError, match="mine is being tuned already"):
        run(request_)


def test_files_that_are_gone(request_: TuneRequest) -> None:
    from starcoder_cli.models.pull import fetch_model
    from starcoder_cli.models.transfer import ignore_progress

    run(request_)
    spec = find_model("mine")
    assert fetch_model(spec, ignore_progress) == store.tuned_checkpoint(spec)
    (store.tuned_checkpoint(spec) / "config.json").unlink()
    with pytest.raises(InputError, match="the files of mine are gone"):
        fetch_model(spec, ignore_progress)

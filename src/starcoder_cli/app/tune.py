"""What `starcoder tune` does: data, plan, training, and the resulting model."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from starcoder_cli.app.fetch import fetch, locate, prepare_pulled
from starcoder_cli.app.progress import training_progress
from starcoder_cli.app.tune_request import PreparedData, TuneRequest
from starcoder_cli.catalog import ModelSpec, find_model, format_size
from starcoder_cli.engines.base_checkpoint import dequantize_gguf, write_merged
from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer
from starcoder_cli.engines.machine import free_memory
from starcoder_cli.engines.transformers.training.evaluate import HeldOutScores
from starcoder_cli.engines.transformers.training.state import BEST_FOLDER
from starcoder_cli.engines.transformers.training.trainer import DivergedError, Trainer
from starcoder_cli.errors import BusyError, CreateError
from starcoder_cli.models import store
from starcoder_cli.models.transfer import free_bytes, translate_write_errors
from starcoder_cli.settings import models_dir
from starcoder_cli.system.file_lock import hold_lock
from starcoder_cli.system.temporary import temporary_folder
from starcoder_cli.terminal.output import Messages, write_message, write_text
from starcoder_cli.terminal.table import format_columns
from starcoder_cli.tuning.data_card import format_card
from starcoder_cli.tuning.plan import BaseShape, TuningPlan
from starcoder_cli.weights.checkpoint import inspect_checkpoint

STAGED_FOLDER, BASE_FOLDER = "result", "base"
MEASURED_SECONDS = 10.0


def show_plan(request: TuneRequest, messages: Messages) -> None:
    """Print the data and the plan; nothing is fetched and nothing trained."""
    spec, name = request.find_base(), request.choose_name()
    prepared, plan = PreparedData.of(request, messages), None
    path = locate(spec)
    if path:
        shape = BaseShape.of(path)
        request = request.within(shape.window)
        with temporary_folder() as folder:
            data = prepared.training_data(request, spec, open_tokenizer(path, folder))
        plan = TuningPlan.of(data, shape, request.training)
    else:
        messages.note(f"{spec.name} is not installed, so its tokens are not counted")
    card = format_card(name, prepared.data, prepared.holes, plan)
    write_card(request.data_card, card)
    write_text(card)


def tune(request: TuneRequest, messages: Messages) -> None:
    """Train an adapter and register it; Ctrl-C keeps the best so far."""
    spec, name = request.find_base(), request.choose_name()
    prepared = PreparedData.of(request, messages)
    path = fetch(spec, messages, lambda: None, request.offline)
    shape = BaseShape.of(path)
    request = request.within(shape.window)
    with work_folder(name) as folder:
        data = prepared.training_data(request, spec, open_tokenizer(path, folder))
        plan = TuningPlan.of(data, shape, request.training)
        plan.check_machine(spec, free_memory(), free_bytes(folder))
        write_card(request.data_card, format_card(name, prepared.data, prepared.holes, plan))
        base = path if path.is_dir() else make_base(path, folder, messages)
        with messages.show_progress(f"loading {spec.name} …"):
            trainer = Trainer(inspect_checkpoint(base), data, request.training, folder, spec.name)
            plan = plan.measured(trainer.measure(MEASURED_SECONDS))
        if not messages.quiet:
            write_message(format_columns(list(plan.rows())).rstrip("\n"))
        before, is_done = train(trainer, name, messages)
        after = trainer.state.best
        assert after
        card = format_card(name, prepared.data, prepared.holes, plan)
        card += format_scores({"before": before, "after": after})
        tuned = register(
            spec, base, folder, Result(name, card, prepared.data.repositories, request.real_paths)
        )
        clear(folder, is_done)
    write_text(f"{name}: {after.describe()}\n")
    prepare_pulled(tuned, store.tuned_checkpoint(tuned), quiet=messages.quiet)
    messages.note(f"use it with: starcoder fill -m {name}")


def train(trainer: Trainer, name: str, messages: Messages) -> tuple[HeldOutScores, bool]:
    """Take all steps with a bar; return the base's scores, and whether all steps were taken.

    If it ends early, the best adapter so far is kept. Raises what the first step raises.
    """
    total = len(trainer.data.steps)
    if trainer.state.step:
        messages.note(f"going on after step {trainer.state.step} of {total}")
    with messages.show_progress("evaluating the base …"):
        before = trainer.evaluate_base()
    if not messages.quiet:
        write_message(f"before: {before.describe()}")
    is_done = False
    try:
        with training_progress(f"tuning {name}") as report:
            for step in trainer.run():
                report(step.step, step.total, step.loss)
        is_done = True
    except KeyboardInterrupt:
        if not trainer.state.step:
            raise
        trainer.keep_current()
        messages.note(
            f"stopped after step {trainer.state.step} of {total}: the best adapter so far is "
            "kept, and the same command goes on from here"
        )
    except DivergedError as error:
        if not trainer.state.best:
            raise
        messages.note(f"{error.message}: the best adapter so far is kept; {error.hint}")
    best, weights = trainer.state.best, trainer.options.weights
    if best and best.loss(weights) >= before.loss(weights):
        messages.note("it fills held-out gaps no better than the base does")
    return before, is_done


@dataclass(frozen=True)
class Result:
    """What is kept of a training apart from its adapter."""

    name: str
    card: str
    repositories: tuple[str, ...]
    paths: Sequence[str]


def register(spec: ModelSpec, base: Path, folder: Path, result: Result) -> ModelSpec:
    """Merge the best adapter into the base and register the result, with its data card."""
    staged = folder / STAGED_FOLDER
    shutil.rmtree(staged, ignore_errors=True)
    checkpoint = inspect_checkpoint(base)
    write_merged(checkpoint, folder / BEST_FOLDER, staged / store.CHECKPOINT_FOLDER)
    with translate_write_errors(staged):
        shutil.copytree(folder / BEST_FOLDER, staged / store.ADAPTER_FOLDER)
        (staged / store.DATA_CARD_FILE).write_text(result.card, encoding="utf-8")
    record = {
        "base": spec.file if spec.is_local else spec.name,
        "licence": spec.licence,
        "date": date.today().isoformat(),
        "trained_on": ", ".join(result.repositories),
        "paths": result.paths,
        "parameters": spec.parameters,
        "window": spec.window or checkpoint.window,
        "fim": spec.fim,
        "chat": spec.chat,
        "wants_file_metadata": spec.wants_file_metadata,
        "wants_project_context": spec.wants_project_context,
    }
    tuned = ModelSpec(name=result.name, base=str(record["base"]), engine="huggingface")
    store.save_tuned_model(tuned, staged, record)
    return find_model(result.name)


def clear(folder: Path, is_done: bool) -> None:
    """Remove what a training leaves; one that ended early keeps what it needs to resume."""
    for unneeded in (folder,) if is_done else (folder / BASE_FOLDER, folder / STAGED_FOLDER):
        shutil.rmtree(unneeded, ignore_errors=True)


def format_scores(scores: Mapping[str, HeldOutScores]) -> str:
    """The scores on held-out holes, for the data card."""
    rows = [f"- {when}: {each.describe()}" for when, each in scores.items()]
    return "\n".join(["", "## Scores on gaps in held-out files", "", *rows, ""])


def open_tokenizer(path: Path, folder: Path) -> CheckpointTokenizer:
    """The tokenizer of a checkpoint folder or a GGUF file."""
    if path.is_dir():
        return CheckpointTokenizer(path)
    from starcoder_cli.engines.openvino.prepare import (
        TOKENIZER_FILE,
        read_gguf_tokenizer,
        to_compact_json,
    )
    from starcoder_cli.weights.gguf import read_gguf_header

    with translate_write_errors(folder):
        if not (folder / TOKENIZER_FILE).is_file():
            tokenizer = to_compact_json(read_gguf_tokenizer(path, read_gguf_header(path)))
            (folder / TOKENIZER_FILE).write_text(tokenizer, encoding="utf-8")
    return CheckpointTokenizer(folder)


def make_base(path: Path, folder: Path, messages: Messages) -> Path:
    """A GGUF file as a checkpoint that can be trained."""
    size = format_size(2 * BaseShape.of(path).parameters)
    with messages.show_progress(f"bringing {path.name} to 16 bits ({size}), once …"):
        return dequantize_gguf(path, folder / BASE_FOLDER)


@contextmanager
def work_folder(name: str) -> Iterator[Path]:
    """The folder of a training, for this process alone.

    Raises BusyError if the model is already being tuned.
    """
    folder = models_dir() / store.TUNING_FOLDER / name
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold_lock(folder.with_name(f"{name}.lock")))
        except TimeoutError:
            raise BusyError(f"{name} is being tuned already", "give another --name") from None
        except OSError as error:
            raise CreateError(
                f"cannot create {folder}: {error.strerror}", "set STARCODER_MODELS_DIR"
            ) from error
        yield folder


def write_card(path: str, card: str) -> None:
    """Write a data card if one was asked for; raises CreateError if that fails."""
    if not path:
        return
    try:
        Path(path).write_text(card, encoding="utf-8")
    except OSError as error:
        raise CreateError(f"cannot create {path}: {error.strerror}", "check the path") from error

"""Measures models in turn, each in a process of its own, and reports the results."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.app.deliver import note_file_outside
from starcoder_cli.benchmark.measure import BenchmarkWorkload
from starcoder_cli.benchmark.results import BenchmarkResult, shorten_model_name
from starcoder_cli.benchmark.worker import MessageHandler, WorkerError, WorkerResult, run_worker
from starcoder_cli.catalog import DEFAULT_MODEL, ModelSpec, find_model
from starcoder_cli.errors import ConfigError, ExitCode, InputError, StarcoderError, UsageError
from starcoder_cli.loading import ENGINE_TITLES, LoadOptions
from starcoder_cli.settings import EngineChoice, environment_name
from starcoder_cli.terminal.output import (
    Messages,
    is_terminal,
    report_error,
    standard_output,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    from starcoder_cli.files.output import OutputTarget

MAX_RUNS = 1000


@dataclass(frozen=True)
class BenchmarkPlan:
    """What to measure, and how often; without `models`, the default model.

    Raises UsageError for an invalid number of runs.
    """

    models: tuple[str, ...]
    workload: BenchmarkWorkload
    runs: int
    loading: LoadOptions
    endpoint: str = ""
    key_file: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.runs <= MAX_RUNS:
            raise UsageError(f"--runs cannot be {self.runs}", f"give a number from 1 to {MAX_RUNS}")

    def argv(self, model: str, engine: EngineChoice) -> Sequence[str]:
        """The command line that measures one model once."""
        options = {
            "--engine": engine,
            "--quantize": self.loading.quantize,
            "--device": self.loading.device,
            "--dtype": self.loading.dtype,
            "--adapter": self.loading.adapter,
            "--endpoint": self.endpoint,
            "--api-key-file": self.key_file,
            "--prompt-tokens": ",".join(map(str, self.workload.prompt_lengths)),
            "--tokens": str(self.workload.generated_tokens),
        }
        flags = [word for pair in options.items() for word in pair]
        return ["bench", "--trial", *flags, "--", model]


@dataclass(frozen=True)
class BenchmarkCase:
    """A model, what runs it, and the command line that measures it once."""

    model: str
    engine: str
    argv: tuple[str, ...]

    @property
    def title(self) -> str:
        """Its name in error messages."""
        return f"{self.model} on {ENGINE_TITLES.get(self.engine, self.engine)}"

    @property
    def short_title(self) -> str:
        """Its name in the status line while it is measured."""
        return f"{shorten_model_name(self.model)} on {ENGINE_TITLES.get(self.engine, self.engine)}"


def benchmark_cases(plan: BenchmarkPlan, messages: Messages) -> list[BenchmarkCase]:
    """What to measure, in the order of the command line.

    Raises InputError for a model that is not here, UsageError for an engine that cannot run it.
    """
    models = plan.models or (usual_model(at_endpoint=bool(plan.endpoint)),)
    if plan.endpoint:
        return [
            BenchmarkCase(model, "endpoint", tuple(plan.argv(model, "auto"))) for model in models
        ]
    return [case for model in models for case in local_cases(model, plan, messages)]


def usual_model(*, at_endpoint: bool) -> str:
    """The model to measure if none is named: the variable's, or the default.

    Raises ConfigError if the variable names no model, unless an endpoint may have it.
    """
    variable = environment_name("model")
    usual = os.environ.get(variable) or DEFAULT_MODEL
    if not at_endpoint:
        try:
            find_model(usual)
        except StarcoderError as error:
            raise ConfigError(f"{variable}: {error.message}", error.hint) from error
    return usual


def local_cases(model: str, plan: BenchmarkPlan, messages: Messages) -> list[BenchmarkCase]:
    """A model on this machine, once for each of the engines that are to run it."""
    from starcoder_cli.models.store import locate_model

    spec = find_model(model)
    if spec.engine == "echo":
        return [BenchmarkCase(model, "echo", tuple(plan.argv(model, "auto")))]
    path = locate_model(spec)
    if path is None:
        raise InputError(f"{spec.name} is not installed", f"run: starcoder models pull {spec.name}")
    chosen = engines_for(spec, path, plan.loading.engine, messages)
    return [BenchmarkCase(spec.name, each, tuple(plan.argv(model, each))) for each in chosen]


def engines_for(
    spec: ModelSpec, path: Path, asked: EngineChoice, messages: Messages
) -> list[EngineChoice]:
    """The engines that are to run a model."""
    from starcoder_cli.engines.openvino.prepared import find_prepared as prepared

    kind = "a checkpoint" if spec.engine == "huggingface" else "a GGUF file"
    possible: list[EngineChoice] = ["huggingface"] if spec.engine == "huggingface" else ["llamacpp"]
    if spec.engine == "llamacpp" and not spec.is_local:
        if prepared(path):
            possible.append("openvino")
        elif asked == "openvino":
            raise InputError(
                f"{spec.name} is not prepared for OpenVINO",
                f"run: starcoder models pull {spec.name}",
            )
        elif asked == "auto":
            messages.note(
                f"{spec.name} is not prepared for OpenVINO: `starcoder models pull {spec.name}` "
                "does that where it can be"
            )
    if asked == "auto":
        return possible
    if asked not in possible:
        raise UsageError(
            f"{spec.name} is {kind}, which {ENGINE_TITLES.get(asked, asked)} does not run",
            f"give --engine {possible[0]}",
        )
    return [asked]


@dataclass(frozen=True)
class BenchmarkOutput:
    """How results are shown: as a table or as JSON, and as a picture in a file."""

    json: bool = False
    picture: str = ""


@dataclass
class CaseScore:
    """What is known about a case so far: its measurements, or why it failed."""

    measured: list[WorkerResult] = field(default_factory=list)
    failure: WorkerError | None = None

    def result(self, case: BenchmarkCase) -> BenchmarkResult | None:
        """The figures of a case that never failed."""
        if self.failure or not self.measured:
            return None
        trials = [each.measurement for each in self.measured]
        return BenchmarkResult.from_measurements(self.measured[0].model, case.engine, trials)


def run_benchmark(plan: BenchmarkPlan, show: BenchmarkOutput, messages: Messages) -> int:
    """Measure each case as often as is asked for, and report the results.

    Returns the exit code of the first failure, which is reported when it happens. Raises what
    `benchmark_cases` raises, and whatever keeps the picture from being drawn, before anything is
    measured.
    """
    standard_output()
    target = chart_target(show.picture) if show.picture else None
    if target:
        note_file_outside(target.path, messages)
    scores = {case: CaseScore() for case in benchmark_cases(plan, messages)}
    shown_notes: set[str] = set()
    try:
        for turn in range(plan.runs):
            for case, score in scores.items():
                title = f"{turn + 1} of {plan.runs}: {case.short_title}"
                if not score.failure:
                    run_case(case, score, progress_handler(title, shown_notes, messages))
    finally:
        messages.show_status("")
    report_scores(scores, show)
    results = [found for each, score in scores.items() if (found := score.result(each))]
    if target and results:
        from starcoder_cli.benchmark.chart import render_chart

        target.save(render_chart(results, show.picture))
    failures = [score.failure.exit_code for score in scores.values() if score.failure]
    return failures[0] if failures else ExitCode.DONE


def run_case(case: BenchmarkCase, score: CaseScore, hear: MessageHandler) -> None:
    """Measure a case once; an error is reported and kept."""
    try:
        score.measured.append(run_worker(case.argv, hear))
    except WorkerError as error:
        hear("doing", "")
        score.failure = error
        title = "" if case.model in error.message else f"{case.title}: "
        report_error(StarcoderError(title + error.message, error.hint))


def progress_handler(title: str, noted: set[str], messages: Messages) -> MessageHandler:
    """Create the handler for a process's messages: each note is shown once over all turns."""

    def hear(kind: str, text: str) -> None:
        if kind == "doing":
            messages.show_status(text and f"{title} {text} …")
        elif text not in noted:
            noted.add(text)
            messages.show_status("")
            (messages.note if kind == "note" else messages.detail)(text)

    return hear


def report_scores(scores: Mapping[BenchmarkCase, CaseScore], show: BenchmarkOutput) -> None:
    """Report the results: as JSON, which includes failures, or as a table."""
    results = [found for each, score in scores.items() if (found := score.result(each))]
    if show.json:
        for case, score in scores.items():
            write_json(score_record(case, score))
    elif results:
        from starcoder_cli.benchmark import table

        if is_terminal(sys.stdout):
            table.print_results(results)
        else:
            write_text(table.format_table(results))


def score_record(case: BenchmarkCase, score: CaseScore) -> Mapping[str, object]:
    """A case's result as a JSON object, or its error."""
    result = score.result(case)
    if result:
        return result.record()
    assert score.failure
    fields = {"model": case.model, "engine": case.engine, "error": str(score.failure)}
    return {**fields, "code": int(score.failure.exit_code)}


def chart_target(path: str) -> "OutputTarget":
    """The file of a picture, once it is known that it can be drawn and written."""
    from starcoder_cli.benchmark.chart import check_chart_path
    from starcoder_cli.files.output import open_output

    check_chart_path(path)
    return open_output(path)

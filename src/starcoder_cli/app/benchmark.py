"""Models measured in turns, each in a process of its own, and what is told of them."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.benchmark.measure import Course
from starcoder_cli.benchmark.results import Result, short
from starcoder_cli.benchmark.worker import FailedError, Hear, Measured, run
from starcoder_cli.catalog import DEFAULT, ModelSpec, find
from starcoder_cli.errors import ExitCode, InputError, StarcoderError, UsageError
from starcoder_cli.loading import TITLES, Loading
from starcoder_cli.settings import Engine, environment_name
from starcoder_cli.terminal.output import (
    Messages,
    is_terminal,
    report,
    standard_output,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    from starcoder_cli.files.save import Target

MOST_RUNS = 1000


@dataclass(frozen=True)
class Contest:
    """What is to be measured, and how often; without `models` it is the one that others use.

    Raises UsageError for a number of runs that has no meaning.
    """

    models: tuple[str, ...]
    course: Course
    runs: int
    loading: Loading
    endpoint: str = ""
    key_file: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.runs <= MOST_RUNS:
            raise UsageError(
                f"--runs cannot be {self.runs}", f"give a number from 1 to {MOST_RUNS}"
            )

    def words(self, model: str, engine: Engine) -> Sequence[str]:
        """The command line that measures one model once."""
        options = {
            "--engine": engine,
            "--quantize": self.loading.quantize,
            "--device": self.loading.device,
            "--dtype": self.loading.dtype,
            "--adapter": self.loading.adapter,
            "--endpoint": self.endpoint,
            "--api-key-file": self.key_file,
            "--prompt-tokens": ",".join(map(str, self.course.lengths)),
            "--tokens": str(self.course.written),
        }
        given = [word for pair in options.items() for word in pair]
        return ["bench", "--trial", *given, "--", model]


@dataclass(frozen=True)
class Subject:
    """A model, what runs it, and the command line that measures it once."""

    model: str
    engine: str
    words: tuple[str, ...]

    @property
    def title(self) -> str:
        """What it is called where it fails."""
        return f"{self.model} on {TITLES.get(self.engine, self.engine)}"

    @property
    def short_title(self) -> str:
        """What it is called while it is measured."""
        return f"{short(self.model)} on {TITLES.get(self.engine, self.engine)}"


def subjects(contest: Contest, messages: Messages) -> list[Subject]:
    """What takes part, in the order of the command line.

    Raises InputError for a model that is not here, UsageError for an engine that runs none.
    """
    usual = os.environ.get(environment_name("model")) or DEFAULT
    models = contest.models or (usual,)
    if contest.endpoint:
        return [Subject(model, "endpoint", tuple(contest.words(model, "auto"))) for model in models]
    return [subject for model in models for subject in local(model, contest, messages)]


def local(model: str, contest: Contest, messages: Messages) -> list[Subject]:
    """A model of this machine on each of the engines that are to run it."""
    from starcoder_cli.models.store import locate

    spec = find(model)
    if spec.engine == "echo":
        return [Subject(model, "echo", tuple(contest.words(model, "auto")))]
    path = locate(spec)
    if path is None:
        raise InputError(f"{spec.name} is not here", f"run: starcoder models pull {spec.name}")
    chosen = engines(spec, path, contest.loading.engine, messages)
    return [Subject(spec.name, each, tuple(contest.words(model, each))) for each in chosen]


def engines(spec: ModelSpec, path: Path, asked: Engine, messages: Messages) -> list[Engine]:
    """The engines that are to run a model."""
    from starcoder_cli.engines.openvino.prepared import find as prepared

    kind = "a checkpoint" if spec.engine == "huggingface" else "a GGUF file"
    possible: list[Engine] = ["huggingface"] if spec.engine == "huggingface" else ["llamacpp"]
    if spec.engine == "llamacpp" and not spec.local:
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
            f"{spec.name} is {kind}, which {TITLES.get(asked, asked)} does not run",
            f"give --engine {possible[0]}",
        )
    return [asked]


@dataclass(frozen=True)
class Show:
    """In which form results are told: as a table or as JSON, and as a picture in a file."""

    json: bool = False
    picture: str = ""


@dataclass
class Score:
    """What is known of a subject by now: what it measured, or why it does not."""

    measured: list[Measured] = field(default_factory=list)
    failure: FailedError | None = None

    def result(self, subject: Subject) -> Result | None:
        """The figures of a subject that never failed."""
        if self.failure or not self.measured:
            return None
        trials = [each.trial for each in self.measured]
        return Result.of(self.measured[0].model, subject.engine, trials)


def hold(contest: Contest, show: Show, messages: Messages) -> int:
    """Measure each subject as often as is asked for, and tell the results.

    Returns the exit code of the first that failed, which is told when it does. Raises what
    `subjects` raises, and whatever keeps the picture from being drawn, before anything is measured.
    """
    standard_output()
    target = drawable(show.picture) if show.picture else None
    scores = {subject: Score() for subject in subjects(contest, messages)}
    noted: set[str] = set()
    try:
        for turn in range(contest.runs):
            for subject, score in scores.items():
                title = f"{turn + 1} of {contest.runs}: {subject.short_title}"
                if not score.failure:
                    attempt(subject, score, hearing(title, noted, messages))
    finally:
        messages.status("")
    tell(scores, show)
    results = [found for each, score in scores.items() if (found := score.result(each))]
    if target and results:
        from starcoder_cli.benchmark.chart import draw

        target.save(draw(results, show.picture))
    failures = [score.failure.exit_code for score in scores.values() if score.failure]
    return failures[0] if failures else ExitCode.DONE


def attempt(subject: Subject, score: Score, hear: Hear) -> None:
    """Measure a subject once; what goes wrong is told, and kept."""
    try:
        score.measured.append(run(subject.words, hear))
    except FailedError as error:
        hear("doing", "")
        score.failure = error
        title = "" if subject.model in error.message else f"{subject.title}: "
        report(StarcoderError(title + error.message, error.hint))


def hearing(title: str, noted: set[str], messages: Messages) -> Hear:
    """What is done with what a process says: a note is passed on once, of all turns together."""

    def hear(kind: str, text: str) -> None:
        if kind == "doing":
            messages.status(text and f"{title} {text} …")
        elif text not in noted:
            noted.add(text)
            messages.status("")
            (messages.note if kind == "note" else messages.detail)(text)

    return hear


def tell(scores: Mapping[Subject, Score], show: Show) -> None:
    """Tell the results: as JSON, which has those that failed too, or as a table."""
    results = [found for each, score in scores.items() if (found := score.result(each))]
    if show.json:
        for subject, score in scores.items():
            write_json(record(subject, score))
    elif results:
        from starcoder_cli.benchmark import table

        if is_terminal(sys.stdout):
            table.draw(results)
        else:
            write_text(table.table(results))


def record(subject: Subject, score: Score) -> Mapping[str, object]:
    """A subject's result as a JSON object, or what is wrong with it."""
    result = score.result(subject)
    if result:
        return result.record()
    assert score.failure
    told = {"model": subject.model, "engine": subject.engine, "error": str(score.failure)}
    return {**told, "code": int(score.failure.exit_code)}


def drawable(path: str) -> "Target":
    """The file of a picture, found to be one that can be drawn and written."""
    from starcoder_cli.benchmark.chart import check
    from starcoder_cli.files.save import Target

    check(path)
    return Target.output(path)

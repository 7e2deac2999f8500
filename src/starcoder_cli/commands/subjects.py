"""Which models `bench` measures, on which engines, and with which words each is measured."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.catalog import DEFAULT, ModelSpec, find
from starcoder_cli.engines import TITLES
from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.loading import Loading
from starcoder_cli.output import Messages
from starcoder_cli.settings import Engine, environment_name
from starcoder_cli.speed.results import short
from starcoder_cli.speed.trial import Course

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
    from starcoder_cli.backends.prepared import find as prepared

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

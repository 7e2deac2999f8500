"""A run of a benchmark on disk: what was asked, every answer, and every verdict.

A run's folder holds `run.json`, and for each group a file of answers and one of verdicts, which
grow by a line at a time. A run that was stopped, or killed, goes on where it ended; one that asks
something else is refused, because its score would be that of neither.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from starcoder_cli.errors import CreateError, DataError
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.files.batch import DIGITS, Journal, Line, Task, line, record
from starcoder_cli.files.save import Target

SETTINGS = "run.json"
ELSEWHERE = "name another folder with --out, or remove this one"


@dataclass(frozen=True)
class Asked:
    """What a run asks, as far as that makes a difference to its score."""

    benchmark: str
    model: str
    samples: int
    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None
    prompted: bool
    raw: bool
    order: str
    quantize: str
    adapter: str

    def holes(self, problems: Sequence[Problem]) -> list[Line]:
        """A line for each answer that is asked for, those to one problem behind each other."""
        seeds = [None if self.seed is None else self.seed + at for at in range(self.samples)]
        pairs = ((problem, seed) for problem in problems for seed in seeds)
        return [
            line(number, problem.hole(self.max_tokens, seed))
            for number, (problem, seed) in enumerate(pairs, 1)
        ]


def begin(folder: Path, asked: Asked) -> None:
    """Make a run's folder, or find that it holds a run which asks the same.

    Raises DataError where it asks something else, CreateError where it cannot be made.
    """
    path = folder / SETTINGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise CreateError(
            f"cannot write {folder}: {error.strerror}", "name another folder with --out"
        ) from error
    if not before:
        Target.output(str(path)).save(json.dumps(asdict(asked), indent=1).encode() + b"\n")
        return
    told = record(before)
    for name, value in asdict(asked).items():
        if name not in told:
            raise DataError(f"{path} is not what a run has written", ELSEWHERE)
        if told[name] != value:
            raise DataError(
                f"{folder} holds a run with {name} {told[name]!r}, not {value!r}", ELSEWHERE
            )


@dataclass(frozen=True)
class Sheet:
    """A file of which each line belongs to a row that is asked for; `done` are there already."""

    path: Path
    rows: Sequence[Line]
    journal: Journal
    done: int

    @classmethod
    @contextmanager
    def opened(cls, path: Path, rows: Sequence[Line], wanted: int) -> Iterator["Sheet"]:
        """The file at a path while no other run has it; the first of the rows are wanted.

        Raises DataError where it holds something else, and what opening it raises.
        """
        with Journal.opened(str(path)) as journal:
            try:
                done, _ = journal.resume(rows)
            except DataError as error:
                raise DataError(f"{path} is of another run", ELSEWHERE) from error
            yield cls(path, rows[:wanted], journal, min(done, wanted))

    @property
    def missing(self) -> Sequence[Line]:
        """The rows whose lines are not there yet."""
        return self.rows[self.done :]

    def read(self) -> list[Mapping[str, object]]:
        """Every line, also behind those that are wanted."""
        return [record(each) for each in self.path.read_bytes().splitlines()]


def verdict_rows(
    problems: Sequence[Problem], answers: Sequence[Mapping[str, object]], samples: int
) -> list[Line]:
    """A row for each verdict; its digest is that of the whole program and its tests."""
    found = []
    for at, answer in enumerate(answers):
        problem = problems[at // samples]
        whole = f"{problem.program(answer_text(answer))}\0{problem.tests}"
        digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
        found.append(Line(at + 1, digest, problem.name, Task()))
    return found


def answer_text(answer: Mapping[str, object]) -> str:
    """The text of an answer; empty where there is none, which its `error` explains."""
    return str(answer.get("text", ""))

"""A benchmark run on disk: its settings, every answer, and every verdict.

A run's folder contains `run.json`, and for each group a file of answers and one of verdicts, which
grow line by line. An interrupted run continues where it ended, and asks failed problems again; a
run with other settings is refused, because the score would belong to neither.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path

from starcoder_cli.errors import CreateError, DataError
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.files.answer_journal import AnswerJournal, line_number, record_of
from starcoder_cli.files.batch import (
    BatchLine,
    BatchTask,
    compute_digest,
    parse_batch_line,
)
from starcoder_cli.files.links import refuse_link
from starcoder_cli.files.save import SaveTarget

RUN_FILE_NAME = "run.json"
OTHER_FOLDER_HINT = "name another folder with --out, or remove this one"


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run that affect its score."""

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

    def batch_lines(self, problems: Sequence[Problem]) -> list[BatchLine]:
        """One line for each requested answer, with those to one problem adjacent."""
        seeds = [
            None if self.seed is None else self.seed + offset for offset in range(self.samples)
        ]
        pairs = ((problem, seed) for problem in problems for seed in seeds)
        return [
            parse_batch_line(number, problem.to_batch_line(self.max_tokens, seed))
            for number, (problem, seed) in enumerate(pairs, 1)
        ]


def open_run_folder(folder: Path, settings: RunSettings) -> None:
    """Create a run's folder, or check that it contains a run with the same settings.

    Raises DataError if the settings differ, CreateError if it cannot be created, RefusedError if it
    is a link, as a repository may contain a link to anywhere.
    """
    path = folder / RUN_FILE_NAME
    for each in (folder, path):
        refuse_link(each, OTHER_FOLDER_HINT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        previous = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise CreateError(
            f"cannot write {folder}: {error.strerror}", "name another folder with --out"
        ) from error
    if not previous:
        SaveTarget.for_output(str(path)).save(
            json.dumps(asdict(settings), indent=1).encode() + b"\n"
        )
        return
    saved = record_of(previous)
    for name, value in asdict(settings).items():
        if name not in saved:
            raise DataError(f"{path} is not what a run has written", OTHER_FOLDER_HINT)
        if saved[name] != value:
            raise DataError(
                f"{folder} holds a run with {name} {saved[name]!r}, not {value!r}",
                OTHER_FOLDER_HINT,
            )


@dataclass(frozen=True)
class ResumableFile:
    """A file of answers or verdicts; `missing_lines` are the requested lines without one."""

    path: Path
    lines: Sequence[BatchLine]
    missing_lines: Sequence[BatchLine]
    journal: AnswerJournal

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, lines: Sequence[BatchLine], requested_count: int
    ) -> Iterator["ResumableFile"]:
        """Open the file at a path, locked against other runs; only the first lines are requested.

        Raises DataError if it contains something else, RefusedError if it is a link, and whatever
        opening it raises.
        """
        refuse_link(path, OTHER_FOLDER_HINT)
        with AnswerJournal.open_locked(str(path)) as journal:
            try:
                answered = journal.find_answered(lines)
            except DataError as error:
                raise DataError(f"{path} is of another run", OTHER_FOLDER_HINT) from error
            requested = lines[:requested_count]
            missing = [line for line in requested if line.number not in answered]
            yield cls(path, lines, missing, journal)

    def sort(self) -> None:
        """Keep the last record of each line, in line order."""
        self.journal.sort(self.lines)

    def read_by_number(self) -> dict[int, Mapping[str, object]]:
        """All records except errors, by line number."""
        records = [record_of(raw_line) for raw_line in self.path.read_bytes().splitlines()]
        return {line_number(record): record for record in records if "error" not in record}

    def read_records(self) -> list[Mapping[str, object]]:
        """All records up to the first missing one, including those beyond the requested lines."""
        by_number = self.read_by_number()
        numbers = takewhile(by_number.__contains__, (line.number for line in self.lines))
        return [by_number[number] for number in numbers]


def verdict_lines(
    problems: Sequence[Problem], answers: Sequence[Mapping[str, object]], samples: int
) -> list[BatchLine]:
    """A line for each verdict; its digest covers the whole program and its tests."""
    lines = []
    for index, answer in enumerate(answers):
        problem = problems[index // samples]
        judged_text = f"{problem.program(answer_text(answer))}\0{problem.tests}"
        digest = compute_digest(judged_text.encode("utf-8", "surrogatepass"))
        lines.append(BatchLine(index + 1, digest, problem.name, BatchTask()))
    return lines


def answer_text(answer: Mapping[str, object]) -> str:
    """The text of an answer."""
    return str(answer["text"])

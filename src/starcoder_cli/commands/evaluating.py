"""A benchmark from its problems to its scores: ask, run where that is wanted, and show."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from starcoder_cli.commands.many import answers
from starcoder_cli.commands.progress import counting, transferring
from starcoder_cli.commands.reaching import reached
from starcoder_cli.commands.request import Request
from starcoder_cli.commands.scores import Shown, show
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.run import ELSEWHERE, Asked, Sheet, begin, verdict_rows
from starcoder_cli.evaluation.summary import Group, Record, Scores, grouped
from starcoder_cli.evaluation.wanted import Wanted
from starcoder_cli.output import Messages, json_line, standard_output
from starcoder_cli.settings import Engine


def evaluate(
    wanted: Wanted,
    request: Request,
    out: str | None,
    run_code: bool,
    shown: Shown,
    messages: Messages,
) -> None:
    """Answer what was not answered before, judge what was not judged, and show the scores."""
    standard_output()
    if wanted.samples > 1 and not request.sampling.temperature:
        raise UsageError(
            "without a temperature every sample would be the same", "add --temperature 0.2"
        )
    benchmark = wanted.benchmark
    request = replace(request.with_max_tokens(wanted.tokens), fills=benchmark.fills)
    request = reached(request, messages)
    with transferring(benchmark.title) as progress:
        groups = wanted.groups(progress, request.offline)
    asked = Asked(
        benchmark=benchmark.name,
        model=request.spec.seat,
        samples=wanted.samples,
        max_tokens=wanted.tokens,
        temperature=request.sampling.temperature,
        top_p=request.sampling.top_p,
        seed=request.sampling.seed,
        prompted=request.prompted,
        raw=request.raw,
    )
    folder = Path(out) if out else default_folder(asked)
    begin(folder, asked)
    parts = [Part.of(name, found, wanted.limit) for name, found in groups.items()]
    given = answered(parts, asked, folder, request, messages)
    if benchmark.runs and run_code:
        scored = judged(parts, given, folder, messages)
    else:
        pairs = zip(parts, given, strict=True)
        scored = [grouped(part.name, part.problems, told, ()) for part, told in pairs]
    if benchmark.runs and not run_code:
        messages.note(f"the answers are in {folder}: --run-code runs and scores them")
    show(Scores(benchmark, asked, scored, str(folder)), shown, messages)


def default_folder(asked: Asked) -> Path:
    """The folder of a run in the current one."""
    model = Path(asked.model).name.replace(" ", "-")
    return Path("eval") / f"{asked.benchmark}-{model}{'-prompted' * asked.prompted}"


@dataclass(frozen=True)
class Part:
    """A group of problems: all that there are, and those that are asked."""

    name: str
    every: Sequence[Problem]
    problems: Sequence[Problem]

    @classmethod
    def of(cls, name: str, every: Sequence[Problem], limit: int | None) -> "Part":
        """The first of some problems, or all of them."""
        return cls(name, every, every[:limit])


def answered(
    parts: Sequence[Part], asked: Asked, folder: Path, request: Request, messages: Messages
) -> list[list[Record]]:
    """The answers to each part, those of an earlier run and those that are made now."""
    with ExitStack() as stack:
        sheets = [
            stack.enter_context(
                Sheet.opened(
                    folder / f"{part.name}.answers.jsonl",
                    asked.holes(part.every),
                    len(part.problems) * asked.samples,
                )
            )
            for part in parts
        ]
        done = sum(sheet.done for sheet in sheets)
        if done:
            messages.note(f"{done} of {sum(len(sheet.rows) for sheet in sheets)} answers are here")
        request = same_engine(request, sheets, folder)
        rows = [row for sheet in sheets for row in sheet.missing]
        with closing(answers(rows, request, messages)) as found:
            for sheet in sheets:
                for _ in sheet.missing:
                    sheet.journal.add(json_line(next(found)))
        return [sheet.read() for sheet in sheets]


def same_engine(request: Request, sheets: Sequence[Sheet], folder: Path) -> Request:
    """The request for the engine that the first answers were made on: others answer otherwise.

    Raises DataError where another one is asked for.
    """
    told = next((sheet.first() for sheet in sheets if sheet.done), {}).get("engine")
    before = next((engine for engine in get_args(Engine) if engine == told), None)
    if not before or request.spec.engine != "llamacpp":
        return request
    if request.loading.engine not in ("auto", before):
        raise DataError(f"{folder} holds answers that {before} made", ELSEWHERE)
    return replace(request, loading=replace(request.loading, engine=before))


def judged(
    parts: Sequence[Part], given: Sequence[list[Record]], folder: Path, messages: Messages
) -> list[Group]:
    """Each part with a verdict on every answer; those in languages that cannot run here without."""
    from starcoder_cli.sandbox import missing

    reasons = [missing(part.problems[0].language) for part in parts]
    for part, reason in zip(parts, reasons, strict=True):
        if reason:
            messages.note(f"{part.name} is not run: {reason}")
    with ExitStack() as stack:
        sheets = [
            None if reason else stack.enter_context(verdict_sheet(part, told, folder))
            for part, told, reason in zip(parts, given, reasons, strict=True)
        ]
        judge(parts, given, sheets)
        return [
            grouped(part.name, part.problems, told, sheet.read() if sheet else (), reason or "")
            for part, told, sheet, reason in zip(parts, given, sheets, reasons, strict=True)
        ]


def verdict_sheet(
    part: Part, told: Sequence[Record], folder: Path
) -> AbstractContextManager[Sheet]:
    """The file of the verdicts on a part's answers."""
    rows = verdict_rows(part.problems, told)
    return Sheet.opened(folder / f"{part.name}.verdicts.jsonl", rows, len(rows))


def judge(
    parts: Sequence[Part], given: Sequence[list[Record]], sheets: Sequence[Sheet | None]
) -> None:
    """Run what has no verdict yet, while a bar counts."""
    from starcoder_cli.evaluation.judging import verdicts

    total = sum(len(sheet.missing) for sheet in sheets if sheet)
    at = 0
    with counting("verdicts") as report:
        for part, told, sheet in zip(parts, given, sheets, strict=True):
            if not sheet:
                continue
            samples = len(told) // len(part.problems)
            problems = [problem for problem in part.problems for _ in range(samples)]
            left = slice(sheet.done, None)
            with closing(verdicts(sheet.missing, problems[left], told[left])) as found:
                for verdict in found:
                    sheet.journal.add(json_line(verdict))
                    report(at := at + 1, total)

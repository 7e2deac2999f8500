"""A benchmark from its problems to its scores: ask, run where that is wanted, and show."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import get_args

from starcoder_cli.app.batch import answers
from starcoder_cli.app.open_model import reached
from starcoder_cli.app.progress import counting, transferring
from starcoder_cli.app.request import Request
from starcoder_cli.errors import DataError, InputError, UsageError
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.run import ELSEWHERE, Asked, Sheet, begin, verdict_rows
from starcoder_cli.evaluation.selection import Wanted
from starcoder_cli.evaluation.summary import Answered, Group, Mark, Record, Scores, marks
from starcoder_cli.files.save import Target
from starcoder_cli.settings import Color, Engine
from starcoder_cli.terminal.output import (
    Messages,
    json_line,
    standard_output,
    wants_color,
    write_json,
    write_text,
)
from starcoder_cli.terminal.sanitize import one_line
from starcoder_cli.terminal.table import table

HEADING = ("", "score", "per cent", "95 % within", "problems", "model", "source", "")
PAGE = "report.html"


@dataclass(frozen=True)
class Shown:
    """How scores are shown: as a page too, as bars, as JSON; in which colours."""

    report: bool = False
    plot: bool = False
    json: bool = False
    color: Color = "auto"


def show(scores: Scores, shown: Shown, messages: Messages) -> None:
    """The scores on standard output, and as a page where that is wanted."""
    found = list(marks(scores))
    if shown.report:
        from starcoder_cli.evaluation.page import page

        path = Path(scores.folder) / PAGE
        Target.output(str(path)).save(page(scores, found).encode())
        messages.note(f"the report is {path}")
    if shown.json:
        write_json(scores.record())
    elif shown.plot:
        write_text(drawn(found, wants_color(shown.color)))
    else:
        write_text(table([HEADING, *map(cells, found)]))


def cells(mark: Mark) -> tuple[str, ...]:
    """A score as a row of a table."""
    count = "" if mark.problems is None else str(mark.problems)
    shown = (mark.group, mark.metric, mark.per_cent, mark.within, count, mark.model)
    return (*shown, mark.source, "")


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
    benchmark = wanted.benchmark
    refuse(wanted, request, run_code, shown)
    request = replace(request.with_max_tokens(wanted.tokens), fills=benchmark.fills)
    request = reached(request, messages)
    with transferring(benchmark.title) as progress:
        groups = wanted.groups(progress, request.offline)
    skipped = unrunnable(groups, messages) if run_code else {}
    asked = asked_of(wanted, request)
    folder = Path(out) if out else default_folder(asked)
    begin(folder, asked)
    parts = [
        Part(name, found, wanted.limit, asked, folder)
        for name, found in groups.items()
        if name not in skipped
    ]
    given = answered(parts, request, wanted.parallel, messages)
    if run_code:
        scored = judged(parts, given)
    else:
        scored = [part.group(told) for part, told in zip(parts, given, strict=True)]
    if benchmark.runs and not run_code:
        messages.note(f"the answers are in {folder}: --run-code runs and scores them")
    show(Scores(benchmark, asked, scored, str(folder), skipped), shown, messages)


def refuse(wanted: Wanted, request: Request, run_code: bool, shown: Shown) -> None:
    """Raise UsageError for what makes no sense, InputError for a report that cannot be drawn."""
    if wanted.samples > 1 and not request.sampling.temperature:
        raise UsageError(
            "without a temperature every sample would be the same", "add --temperature 0.2"
        )
    if run_code and not wanted.benchmark.runs:
        raise UsageError(f"{wanted.name} has nothing to run", "leave --run-code away")
    if shown.plot and shown.json:
        raise UsageError("--plot and --json exclude each other", "choose one")
    if shown.report:
        from starcoder_cli.evaluation.charts import need_matplotlib

        need_matplotlib()


def unrunnable(groups: Mapping[str, Sequence[Problem]], messages: Messages) -> Mapping[str, str]:
    """The groups that are left out because their language cannot be run here, and why.

    Raises MachineError where there is no sandbox, InputError where nothing is left.
    """
    from starcoder_cli.sandbox import missing, rung

    messages.detail(f"sandbox: {rung()}")
    reasons = {name: missing(problems[0].language) for name, problems in groups.items()}
    found = {name: reason for name, reason in reasons.items() if reason}
    if len(found) == len(groups):
        told = ", ".join(f"{name}: {reason}" for name, reason in found.items())
        raise InputError(f"nothing of it can be run here ({told})", "leave --run-code away")
    for name, reason in found.items():
        messages.note(f"{name} is left out: {reason}")
    return found


def asked_of(wanted: Wanted, request: Request) -> Asked:
    """What a run asks."""
    sampling, loading = request.sampling, request.loading
    return Asked(
        benchmark=wanted.name,
        model=request.spec.name,
        samples=wanted.samples,
        max_tokens=wanted.tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        prompted=request.prompted,
        raw=request.raw,
        order=request.order,
        quantize=loading.quantize,
        adapter=loading.adapter,
    )


def default_folder(asked: Asked) -> Path:
    """The folder of a run in the current one."""
    model = Path(asked.model).name
    return Path("eval") / f"{asked.benchmark}-{model}{'-prompted' * asked.prompted}"


@dataclass(frozen=True)
class Part:
    """A group of problems in a run, of which the first are asked."""

    name: str
    problems: Sequence[Problem]
    limit: int | None
    asked: Asked
    folder: Path

    @property
    def wanted(self) -> int:
        """How many answers are asked for."""
        return len(self.problems[: self.limit]) * self.asked.samples

    def answers(self) -> AbstractContextManager[Sheet]:
        """The file of the answers."""
        path = self.folder / f"{self.name}.answers.jsonl"
        return Sheet.opened(path, self.asked.holes(self.problems), self.wanted)

    def verdicts(self, answers: Sequence[Record]) -> AbstractContextManager[Sheet]:
        """The file of the verdicts on these answers."""
        rows = verdict_rows(self.problems, answers, self.asked.samples)
        return Sheet.opened(self.folder / f"{self.name}.verdicts.jsonl", rows, self.wanted)

    def group(self, answers: Sequence[Record], verdicts: Sequence[Record] = ()) -> Group:
        """The problems that are asked, with their answers and verdicts."""
        each = self.asked.samples
        shares = [slice(at, at + each) for at in range(0, self.wanted, each)]
        pairs = zip(self.problems, shares, strict=False)
        return Group(
            self.name, [Answered(problem, answers[at], verdicts[at]) for problem, at in pairs]
        )


def answered(
    parts: Sequence[Part], request: Request, parallel: int, messages: Messages
) -> list[list[Record]]:
    """All answers to each part, those of an earlier run and those that are made now."""
    with ExitStack() as stack:
        sheets = [stack.enter_context(part.answers()) for part in parts]
        done = sum(sheet.done for sheet in sheets)
        if done:
            messages.note(f"{done} of {sum(part.wanted for part in parts)} answers are here")
        before = next((sheet.read()[0] for sheet in sheets if sheet.done), {})
        request = same_engine(request, before.get("engine"))
        rows = [row for sheet in sheets for row in sheet.missing]
        with closing(answers(rows, request, messages, parallel)) as found:
            for sheet in sheets:
                for _ in sheet.missing:
                    sheet.journal.add(json_line(next(found)))
        return [sheet.read() for sheet in sheets]


def same_engine(request: Request, told: object) -> Request:
    """The request for the engine that made the first answers: another one answers otherwise.

    Raises DataError where another one is asked for.
    """
    before = next((engine for engine in get_args(Engine) if engine == told), None)
    if not before or request.spec.engine != "llamacpp":
        return request
    if request.loading.engine not in ("auto", before):
        raise DataError(f"the answers so far were made on {before}", ELSEWHERE)
    return replace(request, loading=replace(request.loading, engine=before))


def judged(parts: Sequence[Part], given: Sequence[Sequence[Record]]) -> list[Group]:
    """Each part with a verdict on every answer, while a bar counts those that are made now."""
    from starcoder_cli.evaluation.judge import verdicts

    with ExitStack() as stack:
        pairs = list(zip(parts, given, strict=True))
        sheets = [stack.enter_context(part.verdicts(told)) for part, told in pairs]
        total, done = sum(len(sheet.missing) for sheet in sheets), 0
        report = stack.enter_context(counting("verdicts"))
        for (part, told), sheet in zip(pairs, sheets, strict=True):
            problems = [each for each in part.problems for _ in range(part.asked.samples)]
            left = slice(sheet.done, part.wanted)
            with closing(verdicts(sheet.missing, problems[left], told[left])) as found:
                for verdict in found:
                    sheet.journal.add(json_line(verdict))
                    report(done := done + 1, total)
        return [
            part.group(told, sheet.read())
            for (part, told), sheet in zip(pairs, sheets, strict=True)
        ]


WIDTH = 40


def drawn(marks: Sequence[Mark], color: bool) -> str:
    """A bar for each score, as long as it is large, with its interval beside it."""
    from rich.bar import Bar
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for mark in marks:
        shade = "bright_black" if mark.source else "green"
        table.add_row(
            Text(one_line(mark.group)),
            Text(one_line(mark.metric)),
            Text(one_line(mark.model, 40)),
            Bar(1.0, 0.0, mark.value, width=WIDTH, color=shade),
            Text(mark.per_cent, shade),
            Text(mark.within, "dim"),
        )
    out = StringIO()
    console = Console(file=out, force_terminal=color, no_color=not color, highlight=False)
    console.print(table)
    return out.getvalue()

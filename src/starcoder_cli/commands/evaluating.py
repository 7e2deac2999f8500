"""A benchmark from its problems to its scores: ask, run where that is wanted, and show."""

from collections.abc import Mapping, Sequence
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
from starcoder_cli.evaluation.summary import Answered, Group, Record, Scores
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
    asked = asked_of(wanted, request)
    folder = Path(out) if out else default_folder(asked)
    begin(folder, asked)
    parts = [Part(name, found, wanted.limit, asked, folder) for name, found in groups.items()]
    given = answered(parts, request, messages)
    if benchmark.runs and run_code:
        scored = judged(parts, given, messages)
    else:
        scored = [part.group(told) for part, told in zip(parts, given, strict=True)]
    if benchmark.runs and not run_code:
        messages.note(f"the answers are in {folder}: --run-code runs and scores them")
    show(Scores(benchmark, asked, scored, str(folder)), shown, messages)


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

    def group(
        self, answers: Sequence[Record], verdicts: Sequence[Record] = (), unrun: str = ""
    ) -> Group:
        """The problems that are asked with their answers and verdicts, or why there are none."""
        each = self.asked.samples
        shares = [slice(at, at + each) for at in range(0, self.wanted, each)]
        pairs = zip(self.problems, shares, strict=False)
        found = [Answered(problem, answers[at], verdicts[at]) for problem, at in pairs]
        return Group(self.name, found, unrun)


def answered(parts: Sequence[Part], request: Request, messages: Messages) -> list[list[Record]]:
    """All answers to each part, those of an earlier run and those that are made now."""
    with ExitStack() as stack:
        sheets = [stack.enter_context(part.answers()) for part in parts]
        done = sum(sheet.done for sheet in sheets)
        if done:
            messages.note(f"{done} of {sum(part.wanted for part in parts)} answers are here")
        before = next((sheet.read()[0] for sheet in sheets if sheet.done), {})
        request = same_engine(request, before.get("engine"))
        rows = [row for sheet in sheets for row in sheet.missing]
        with closing(answers(rows, request, messages)) as found:
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


def judged(
    parts: Sequence[Part], given: Sequence[Sequence[Record]], messages: Messages
) -> list[Group]:
    """Each part with a verdict on every answer; those in languages that cannot run here without."""
    from starcoder_cli.sandbox import missing

    reasons = [missing(part.problems[0].language) for part in parts]
    for part, reason in zip(parts, reasons, strict=True):
        if reason:
            messages.note(f"{part.name} is not run: {reason}")
    with ExitStack() as stack:
        ran = {
            part.name: stack.enter_context(part.verdicts(told))
            for part, told, reason in zip(parts, given, reasons, strict=True)
            if not reason
        }
        judge(parts, given, ran)
        return [
            part.group(told, () if reason else ran[part.name].read(), reason or "")
            for part, told, reason in zip(parts, given, reasons, strict=True)
        ]


def judge(
    parts: Sequence[Part], given: Sequence[Sequence[Record]], sheets: Mapping[str, Sheet]
) -> None:
    """Run what has no verdict yet, while a bar counts."""
    from starcoder_cli.evaluation.judging import verdicts

    total = sum(len(sheet.missing) for sheet in sheets.values())
    at = 0
    with counting("verdicts") as report:
        for part, told in zip(parts, given, strict=True):
            if part.name not in sheets:
                continue
            sheet, samples = sheets[part.name], part.asked.samples
            problems = [problem for problem in part.problems for _ in range(samples)]
            left = slice(sheet.done, part.wanted)
            with closing(verdicts(sheet.missing, problems[left], told[left])) as found:
                for verdict in found:
                    sheet.journal.add(json_line(verdict))
                    report(at := at + 1, total)

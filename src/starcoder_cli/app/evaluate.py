"""A benchmark from its problems to its scores: ask, run the code if wanted, and report."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from starcoder_cli.app.batch import batch_answers
from starcoder_cli.app.open_model import resolve_endpoint
from starcoder_cli.app.progress import count_progress, transfer_progress
from starcoder_cli.app.request import Request
from starcoder_cli.app.score_report import ReportOptions, show_scores
from starcoder_cli.errors import DataError, InputError, UsageError
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.run import (
    OTHER_FOLDER_HINT,
    ResumableFile,
    RunSettings,
    open_run_folder,
    verdict_lines,
)
from starcoder_cli.evaluation.selection import BenchmarkSelection
from starcoder_cli.evaluation.summary import JsonObject, ProblemGroup, ProblemResult, Scores
from starcoder_cli.settings import EngineChoice
from starcoder_cli.system.counting import counted_of
from starcoder_cli.terminal.output import Messages, encode_json_line, standard_output


def evaluate(
    selection: BenchmarkSelection,
    request: Request,
    out: str | None,
    run_code: bool,
    options: ReportOptions,
    messages: Messages,
) -> None:
    """Answer what has not been answered, judge what has not been judged, and show the scores."""
    standard_output()
    benchmark = selection.benchmark
    refuse_evaluation(selection, request, run_code, options)
    infill = replace(request.infill, fim=benchmark.is_infilling)
    request = replace(request.with_max_tokens(selection.max_answer_tokens), infill=infill)
    request = resolve_endpoint(request, messages)
    with transfer_progress(benchmark.title) as progress:
        groups = selection.load_groups(progress, request.offline)
    skipped = unrunnable_groups(groups, messages) if run_code else {}
    settings = run_settings(selection, request)
    folder = Path(out) if out else default_folder(settings)
    open_run_folder(folder, settings)
    parts = [
        RunPart(name, found, selection.limit, settings, folder)
        for name, found in groups.items()
        if name not in skipped
    ]
    records = answer_parts(parts, request, selection.parallel, messages)
    if run_code:
        scored = judge_parts(parts, records)
    else:
        scored = [part.group(told) for part, told in zip(parts, records, strict=True)]
    if benchmark.runs_tests and not run_code:
        messages.note(f"the answers are in {folder}: --run-code runs and scores them")
    show_scores(Scores(benchmark, settings, scored, str(folder), skipped), options, messages)


def refuse_evaluation(
    selection: BenchmarkSelection, request: Request, run_code: bool, options: ReportOptions
) -> None:
    """Raise UsageError for options that conflict, InputError for a report that cannot be drawn."""
    if selection.samples > 1 and not request.sampling.temperature:
        raise UsageError(
            "without a temperature every sample would be the same", "add --temperature 0.2"
        )
    if run_code and not selection.benchmark.runs_tests:
        raise UsageError(f"{selection.benchmark_name} has nothing to run", "omit --run-code")
    if options.plot and options.json:
        raise UsageError("--plot and --json cannot be used together", "choose one")
    if options.report:
        from starcoder_cli.evaluation.charts import require_matplotlib

        require_matplotlib()


def unrunnable_groups(
    groups: Mapping[str, Sequence[Problem]], messages: Messages
) -> Mapping[str, str]:
    """The groups to skip because no answer in their language could pass here, and why.

    Raises MachineError if there is no sandbox, InputError if nothing is left.
    """
    from starcoder_cli.sandbox import detect_sandbox, unusable_reason

    messages.detail(f"sandbox: {detect_sandbox()}")
    reasons = {name: unusable_reason(problems[0].language) for name, problems in groups.items()}
    left_out = {name: reason for name, reason in reasons.items() if reason}
    if len(left_out) == len(groups):
        listed = ", ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise InputError(f"none of it can be run here ({listed})", "omit --run-code")
    for name, reason in left_out.items():
        messages.note(f"{name} is left out: {reason}")
    return left_out


def run_settings(selection: BenchmarkSelection, request: Request) -> RunSettings:
    """The settings of a run."""
    sampling, loading = request.sampling, request.loading
    return RunSettings(
        benchmark=selection.benchmark_name,
        model=request.spec.name,
        samples=selection.samples,
        max_tokens=selection.max_answer_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        prompted=request.infill.prompted,
        raw=request.infill.raw,
        order=request.infill.order,
        quantize=loading.quantize,
        adapter=loading.adapter,
    )


def default_folder(settings: RunSettings) -> Path:
    """The default folder of a run, under the current one."""
    model = Path(settings.model).name
    return Path("eval") / f"{settings.benchmark}-{model}{'-prompted' * settings.prompted}"


@dataclass(frozen=True)
class RunPart:
    """A group of problems in a run, of which only the first `limit` are asked."""

    name: str
    problems: Sequence[Problem]
    limit: int | None
    settings: RunSettings
    folder: Path

    @property
    def answer_count(self) -> int:
        """How many answers are asked for."""
        return len(self.problems[: self.limit]) * self.settings.samples

    def answers(self) -> AbstractContextManager[ResumableFile]:
        """The file of the answers."""
        path = self.folder / f"{self.name}.answers.jsonl"
        return ResumableFile.open(path, self.settings.batch_lines(self.problems), self.answer_count)

    def verdicts(self, answers: Sequence[JsonObject]) -> AbstractContextManager[ResumableFile]:
        """The file of the verdicts on these answers."""
        rows = verdict_lines(self.problems, answers, self.settings.samples)
        return ResumableFile.open(
            self.folder / f"{self.name}.verdicts.jsonl", rows, self.answer_count
        )

    def group(
        self, answers: Sequence[JsonObject], verdicts: Sequence[JsonObject] = ()
    ) -> ProblemGroup:
        """The problems that are asked, with their answers and verdicts."""
        each = self.settings.samples
        shares = [slice(at, at + each) for at in range(0, self.answer_count, each)]
        pairs = zip(self.problems, shares, strict=False)
        return ProblemGroup(
            self.name, [ProblemResult(problem, answers[at], verdicts[at]) for problem, at in pairs]
        )


def answer_parts(
    parts: Sequence[RunPart], request: Request, parallel: int, messages: Messages
) -> list[list[JsonObject]]:
    """All answers to each part, both those of an earlier run and new ones.

    Raises DataError if some could not be made: a score without them would be meaningless.
    """
    with ExitStack() as stack:
        sheets = [stack.enter_context(part.answers()) for part in parts]
        rows = [row for sheet in sheets for row in sheet.missing_lines]
        count = sum(part.answer_count for part in parts)
        if len(rows) < count:
            messages.note(f"here already: {counted_of(count - len(rows), count, 'answer')}")
        known = (record for sheet in sheets for record in sheet.read_by_number().values())
        request = with_same_engine(request, next(known, {}).get("engine"))
        errors = []
        with closing(batch_answers(rows, request, messages, parallel)) as new_records:
            for sheet in sheets:
                for _ in sheet.missing_lines:
                    record = next(new_records)
                    sheet.journal.add(encode_json_line(record))
                    if "error" in record:
                        errors.append(record["error"])
        for sheet in sheets:
            sheet.sort()
        if errors:
            raise DataError(
                f"{counted_of(len(errors), count, 'answer')} could not be made: {errors[0]}",
                "run the same command again: the other answers are kept",
            )
        return [sheet.read_records() for sheet in sheets]


def with_same_engine(request: Request, recorded: object) -> Request:
    """The request with the engine that made the first answers, because engines answer differently.

    Raises DataError if another one is asked for.
    """
    first_engine = next((engine for engine in get_args(EngineChoice) if engine == recorded), None)
    if not first_engine or request.spec.engine != "llamacpp":
        return request
    if request.loading.engine not in ("auto", first_engine):
        raise DataError(f"the answers so far were made on {first_engine}", OTHER_FOLDER_HINT)
    return replace(request, loading=replace(request.loading, engine=first_engine))


def judge_parts(
    parts: Sequence[RunPart], records: Sequence[Sequence[JsonObject]]
) -> list[ProblemGroup]:
    """Each part with a verdict on every answer, while a bar counts the new ones."""
    from starcoder_cli.evaluation.judge import judge_answers

    with ExitStack() as stack:
        pairs = list(zip(parts, records, strict=True))
        sheets = [stack.enter_context(part.verdicts(told)) for part, told in pairs]
        total, done = sum(len(sheet.missing_lines) for sheet in sheets), 0
        report = stack.enter_context(count_progress("verdicts"))
        for (part, told), sheet in zip(pairs, sheets, strict=True):
            lines, samples = sheet.missing_lines, part.settings.samples
            problems = [part.problems[(line.number - 1) // samples] for line in lines]
            answers = [told[line.number - 1] for line in lines]
            with closing(judge_answers(lines, problems, answers)) as found:
                for verdict in found:
                    sheet.journal.add(encode_json_line(verdict))
                    report(done := done + 1, total)
        return [
            part.group(told, sheet.read_records())
            for (part, told), sheet in zip(pairs, sheets, strict=True)
        ]

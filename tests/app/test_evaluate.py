"""A benchmark's run: what is refused, which answers count, and which engine goes on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import runs
from starcoder_cli.app.evaluate import (
    RunPart,
    default_folder,
    evaluate,
    refuse_evaluation,
    run_settings,
    unrunnable_groups,
    with_same_engine,
)
from starcoder_cli.app.request import Request
from starcoder_cli.app.score_report import ReportOptions
from starcoder_cli.catalog import SMALL_MODEL
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.selection import BenchmarkSelection
from starcoder_cli.evaluation.summary import ProblemGroup, ProblemResult
from starcoder_cli.infill import InfillOptions
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Sampling
from starcoder_cli.settings import EngineChoice
from starcoder_cli.terminal.output import Messages

SETTINGS = replace(runs.SETTINGS, model="owner/name", order="psm")
PROBLEMS = [Problem(str(number), "python", "python", f"# {number}\n") for number in range(3)]
REQUEST = Request(SMALL_MODEL, Sampling(temperature=0.2, seed=7))


@pytest.mark.parametrize(
    ("name", "temperature", "run_code", "options", "told"),
    [
        ("humaneval", 0.2, True, ReportOptions(json=True), ""),
        (
            "humaneval",
            0.0,
            True,
            ReportOptions(),
            "without a temperature every sample would be the same; add --temperature 0.2",
        ),
        ("repo", 0.2, True, ReportOptions(), "repo has nothing to run; omit --run-code"),
        (
            "repo",
            0.2,
            False,
            ReportOptions(plot=True, json=True),
            "--plot and --json cannot be used together; choose one",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    name: str, temperature: float, run_code: bool, options: ReportOptions, told: str
) -> None:
    selection = BenchmarkSelection(name, samples=2)
    request = Request("echo", Sampling(temperature=temperature))
    if not told:
        refuse_evaluation(selection, request, run_code, options)
        return
    with pytest.raises(UsageError) as caught:
        refuse_evaluation(selection, request, run_code, options)
    assert str(caught.value) == told


def test_a_run_keeps_what_makes_a_difference_to_its_score() -> None:
    request = Request(
        "owner/name",
        Sampling(9, 0.2, 0.95, 7),
        InfillOptions(prompted=True, raw=True, order="spm"),
        loading=LoadOptions("8bit", adapter="lora"),
    )
    selection = BenchmarkSelection("humaneval", samples=2)
    assert run_settings(selection, request) == replace(
        SETTINGS, prompted=True, raw=True, order="spm", quantize="8bit", adapter="lora"
    )
    few = replace(selection, max_tokens=5)
    assert run_settings(few, request).max_tokens == 5


@pytest.mark.parametrize(
    ("model", "prompted", "folder"),
    [
        ("owner/name", False, "eval/humaneval-name"),
        ("./models/mine.gguf", True, "eval/humaneval-mine.gguf-prompted"),
    ],
)
def test_a_run_has_a_folder_in_the_current_one(model: str, prompted: bool, folder: str) -> None:
    settings = replace(SETTINGS, model=model, prompted=prompted)
    assert default_folder(settings) == Path(folder)


@pytest.mark.parametrize(("limit", "count"), [(None, 6), (2, 4), (9, 6), (0, 0)])
def test_each_problem_has_its_own_answers(limit: int | None, count: int) -> None:
    part = RunPart("python", PROBLEMS, limit, SETTINGS, Path("run"))
    answers = [{"text": str(number)} for number in range(6)]
    verdicts = [{"passed": number % 2 == 0} for number in range(6)]
    assert part.answer_count == count
    assert part.group(answers, verdicts) == ProblemGroup(
        "python",
        [
            ProblemResult(problem, answers[at : at + 2], verdicts[at : at + 2])
            for problem, at in zip(PROBLEMS, (0, 2, 4), strict=True)
        ][: count // 2],
    )
    assert [list(each.verdicts) for each in part.group(answers).results] == [[]] * (count // 2)


def test_answers_are_kept_in_a_file_for_each_group(tmp_path: Path) -> None:
    part = RunPart("python", PROBLEMS, 2, SETTINGS, tmp_path)
    with part.answers() as sheet:
        assert sheet.path == tmp_path / "python.answers.jsonl"
        assert list(sheet.missing_lines) == SETTINGS.batch_lines(PROBLEMS)[:4]
        assert [line.id for line in sheet.missing_lines] == ["0", "0", "1", "1"]
    answers = [{"text": "x"}] * 4
    with part.verdicts(answers) as sheet:
        assert sheet.path == tmp_path / "python.verdicts.jsonl"
        assert len(sheet.missing_lines) == 4


@pytest.mark.parametrize(
    ("asked", "recorded", "engine"),
    [
        ("auto", "openvino", "openvino"),
        ("openvino", "openvino", "openvino"),
        ("llamacpp", None, "llamacpp"),
        ("auto", "endpoint", "auto"),
        ("auto", 1, "auto"),
    ],
)
def test_a_run_goes_on_with_the_engine_that_began_it(
    asked: EngineChoice, recorded: object, engine: str
) -> None:
    request = replace(REQUEST, loading=LoadOptions(engine=asked))
    assert with_same_engine(request, recorded).loading.engine == engine


def test_a_run_of_another_engine_is_refused() -> None:
    request = replace(REQUEST, loading=LoadOptions(engine="llamacpp"))
    with pytest.raises(DataError) as caught:
        with_same_engine(request, "openvino")
    assert str(caught.value) == (
        "the answers so far were made on openvino; "
        "name another folder with --out, or remove this one"
    )
    echo = Request("echo", Sampling())
    assert with_same_engine(echo, "openvino") is echo


def test_languages_that_can_be_run_are_all_kept(capfd: pytest.CaptureFixture[str]) -> None:
    assert unrunnable_groups({"python": PROBLEMS}, Messages(verbose=True)) == {}
    assert capfd.readouterr().err.startswith("sandbox: ")


def test_a_run_from_its_problems_to_its_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What was answered before is not asked again, and is said to be there."""
    monkeypatch.chdir(tmp_path)
    row = {"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f", "test": "t"}
    Path("data.jsonl").write_text(json.dumps({**row, "canonical_solution": "    pass\n"}) + "\n")
    selection = BenchmarkSelection("humaneval", data_paths=("data.jsonl",))
    asked = Request("echo", Sampling())
    evaluate(selection, asked, None, False, ReportOptions(json=True), Messages())
    told = "note: the answers are in eval/humaneval-echo: --run-code runs and scores them\n"
    out, err = capfd.readouterr()
    assert err == told
    path = Path("eval/humaneval-echo/python.answers.jsonl")
    before = path.read_bytes()
    evaluate(selection, asked, None, False, ReportOptions(json=True), Messages())
    assert capfd.readouterr() == (out, f"note: here already: 1 of 1 answer\n{told}")
    assert path.read_bytes() == before

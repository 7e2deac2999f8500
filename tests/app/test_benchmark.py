"""Which models and engines take part in a measurement, and what is told of those that fail."""

import json
from pathlib import Path

import pytest

from starcoder_cli.app.benchmark import (
    BenchmarkCase,
    BenchmarkOutput,
    BenchmarkPlan,
    CaseScore,
    benchmark_cases,
    chart_target,
    progress_handler,
    report_scores,
    run_benchmark,
    run_case,
    score_record,
)
from starcoder_cli.benchmark.measure import BenchmarkMetric, BenchmarkWorkload
from starcoder_cli.benchmark.results import BenchmarkResult
from starcoder_cli.benchmark.worker import WorkerError, WorkerResult
from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.errors import CreateError, ExitCode, InputError, UsageError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.settings import EngineChoice
from starcoder_cli.terminal.output import Messages
from tinies import SPEC, pulled

WORK = BenchmarkWorkload((20, 40), 4)
LOAD = BenchmarkMetric("load")
ECHO = BenchmarkCase("echo", "echo", ("bench", "--trial", "--", "echo"))
MINE = BenchmarkCase("./mine.gguf", "llamacpp", ())
LOUD = Messages()


def plan(*models: str, engine: EngineChoice = "auto", endpoint: str = "") -> BenchmarkPlan:
    """These models, measured once."""
    return BenchmarkPlan(models, WORK, 1, LoadOptions(engine=engine), endpoint)


def taking_part(*models: str, engine: EngineChoice = "auto", endpoint: str = "") -> list[str]:
    """The models that take part, each with its engine."""
    cases = benchmark_cases(plan(*models, engine=engine, endpoint=endpoint), LOUD)
    return [f"{case.model} {case.engine}" for case in cases]


@pytest.mark.parametrize("runs", [0, -1, 1001])
def test_a_number_of_runs_has_its_limits(runs: int) -> None:
    with pytest.raises(UsageError) as caught:
        BenchmarkPlan((), WORK, runs, LoadOptions())
    assert str(caught.value) == f"--runs cannot be {runs}; give a number from 1 to 1000"
    assert BenchmarkPlan((), WORK, 1000, LoadOptions()).runs == 1000


def test_a_model_is_measured_by_a_command_line_with_everything_that_was_asked_for() -> None:
    loading = LoadOptions("8bit", "cuda:1", "bf16", "lora", "auto")
    whole = BenchmarkPlan(("-x",), WORK, 3, loading, "http://127.0.0.1:1", "key")
    words = "bench --trial --engine huggingface --quantize 8bit --device cuda:1 --dtype bf16"
    words += " --adapter lora --endpoint http://127.0.0.1:1 --api-key-file key"
    words += " --prompt-tokens 20,40 --tokens 4 -- -x"
    assert list(whole.argv("-x", "huggingface")) == words.split()


@pytest.mark.parametrize(
    ("case", "title", "short"),
    [
        (MINE, "./mine.gguf on llama.cpp", "./mine.gguf on llama.cpp"),
        (ECHO, "echo on echo", "echo on echo"),
        (
            BenchmarkCase("x" * 40, "openvino", ()),
            f"{'x' * 40} on OpenVINO",
            f"...{'x' * 27} on OpenVINO",
        ),
    ],
)
def test_a_case_has_a_title(case: BenchmarkCase, title: str, short: str) -> None:
    assert (case.title, case.short_title) == (title, short)


def test_models_take_part_in_the_order_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.gguf").touch()
    assert taking_part("echo", "./mine.gguf", "echo") == [
        "echo echo",
        "./mine.gguf llamacpp",
        "echo echo",
    ]


def test_without_a_name_it_is_the_model_that_others_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert taking_part(endpoint="here") == [f"{DEFAULT_MODEL} endpoint"]
    monkeypatch.setenv("STARCODER_MODEL", "echo")
    assert taking_part() == ["echo echo"]
    assert taking_part(endpoint="here") == ["echo endpoint"]


def test_a_model_of_an_endpoint_is_none_of_this_machine() -> None:
    assert taking_part("no-such", endpoint="here") == ["no-such endpoint"]


def test_a_model_that_is_not_here_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path))
    with pytest.raises(InputError) as caught:
        taking_part("echo", DEFAULT_MODEL)
    assert str(caught.value) == (
        f"{DEFAULT_MODEL} is not installed; run: starcoder models pull {DEFAULT_MODEL}"
    )


def test_a_pulled_model_that_is_not_prepared_is_measured_on_one_engine_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path))
    pulled()
    assert taking_part(SPEC.name) == [f"{SPEC.name} llamacpp"]
    note = f"note: {SPEC.name} is not prepared for OpenVINO: `starcoder models pull {SPEC.name}` "
    assert capfd.readouterr() == ("", f"{note}does that where it can be\n")
    assert taking_part(SPEC.name, engine="llamacpp") == [f"{SPEC.name} llamacpp"]
    assert capfd.readouterr() == ("", "")
    with pytest.raises(InputError, match="is not prepared for OpenVINO; run: starcoder models"):
        taking_part(SPEC.name, engine="openvino")


@pytest.mark.parametrize(
    ("name", "engine", "told"),
    [
        (
            "mine.gguf",
            "huggingface",
            "mine.gguf is a GGUF file, which huggingface does not run; give --engine llamacpp",
        ),
        (
            "mine.gguf",
            "openvino",
            "mine.gguf is a GGUF file, which OpenVINO does not run; give --engine llamacpp",
        ),
        (
            "./folder",
            "llamacpp",
            "./folder is a checkpoint, which llama.cpp does not run; give --engine huggingface",
        ),
    ],
)
def test_an_engine_that_does_not_run_a_model_is_refused(
    name: str,
    engine: EngineChoice,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.gguf").touch()
    Path("folder").mkdir()
    Path("folder/config.json").write_text("{}")
    with pytest.raises(UsageError) as caught:
        taking_part(name, engine=engine)
    assert str(caught.value) == told


def test_one_failure_makes_what_was_measured_before_count_for_nothing() -> None:
    score = CaseScore()
    assert score.result(ECHO) is None
    score.measured += [WorkerResult("echo", {LOAD: 1.0}), WorkerResult("echo", {LOAD: 3.0})]
    assert score.result(ECHO) == BenchmarkResult.from_measurements(
        "echo", "echo", [{LOAD: 1.0}, {LOAD: 3.0}]
    )
    score.failure = WorkerError("it is damaged", "get it again", 65)
    assert score.result(ECHO) is None
    assert score_record(MINE, score) == {
        "model": "./mine.gguf",
        "engine": "llamacpp",
        "error": "it is damaged; get it again",
        "code": 65,
    }


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (BenchmarkCase("./none.gguf", "llamacpp", ("bench", "--trial", "./none.gguf")), ""),
        (BenchmarkCase("mine", "llamacpp", ("bench", "--trial", "./none.gguf")), "mine on "),
    ],
)
def test_an_error_names_its_model_once(
    case: BenchmarkCase, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    score, heard = CaseScore(), list[tuple[str, str]]()
    run_case(case, score, lambda kind, text: heard.append((kind, text)))
    assert heard[-1] == ("doing", "")
    assert score.failure and score.failure.exit_code == ExitCode.NO_INPUT
    where = f"{told}llama.cpp: " if told else ""
    assert capfd.readouterr() == (
        "",
        f"error: {where}there is no model file './none.gguf'; check the path\n",
    )


def test_a_note_is_passed_on_once_of_all_turns_together(
    capfd: pytest.CaptureFixture[str],
) -> None:
    noted: set[str] = set()
    for turn in ("1 of 2", "2 of 2"):
        hear = progress_handler(turn, noted, Messages(verbose=True))
        hear("doing", "loads")
        hear("note", "it is slow")
        hear("detail", "a window of 256")
    assert capfd.readouterr() == ("", "note: it is slow\na window of 256\n")


def test_results_are_told_as_json_with_those_that_failed_or_as_a_table(
    capfd: pytest.CaptureFixture[str],
) -> None:
    good = CaseScore([WorkerResult("echo", {LOAD: 0.5})])
    bad = CaseScore(failure=WorkerError("it is damaged", code=65))
    report_scores({ECHO: good, MINE: bad}, BenchmarkOutput(json=True))
    echo, mine = map(json.loads, capfd.readouterr().out.splitlines())
    assert echo["load"] == {"median": 0.5, "low": 0.5, "high": 0.5}
    assert (mine["error"], mine["code"]) == ("it is damaged", 65)
    report_scores({ECHO: good, MINE: bad}, BenchmarkOutput())
    assert "mine" not in capfd.readouterr().out
    report_scores({MINE: bad}, BenchmarkOutput())
    assert capfd.readouterr() == ("", "")


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_measured(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(UsageError):
        chart_target("speed.jpeg")
    output = BenchmarkOutput(picture=str(tmp_path / "none" / "speed.svg"))
    with pytest.raises(CreateError):
        run_benchmark(plan("./none.gguf"), output, LOUD)
    assert capfd.readouterr() == ("", "")


def test_the_exit_code_is_that_of_the_first_that_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF")
    code = run_benchmark(plan(str(bad), "echo"), BenchmarkOutput(json=True), LOUD)
    out, err = capfd.readouterr()
    told = [json.loads(line) for line in out.splitlines()]
    assert (code, [each["model"] for each in told]) == (ExitCode.DATA, [str(bad), "echo"])
    assert (told[0]["code"], told[1]["runs"]) == (65, 1)
    assert err == f"error: {told[0]['error']}\n"

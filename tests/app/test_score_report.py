"""How the scores of a run are shown: in a table, as JSON, as bars, as a page."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import runs
from starcoder_cli.app.score_report import ReportOptions, render_bars, score_cells, show_scores
from starcoder_cli.errors import DataError, RefusedError
from starcoder_cli.evaluation.benchmarks import BENCHMARKS
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.summary import ProblemGroup, ProblemResult, ScoreRow, Scores
from starcoder_cli.terminal.output import Messages

SETTINGS = replace(runs.SETTINGS, model="owner/name", order="psm")
MARKS = [
    ScoreRow("python", "pass@1", 0.5, "mine", 0.25, 0.75, 4),
    ScoreRow("python", "pass@1", 0.336, "starcoder", source="a card"),
]


def test_a_score_is_a_row_of_a_table() -> None:
    assert [score_cells(mark) for mark in MARKS] == [
        ("python", "pass@1", "50.0", "25.0 to 75.0", "4", "mine", "", ""),
        ("python", "pass@1", "33.6", "", "", "starcoder", "a card", ""),
    ]


def scored(folder: str = "run") -> Scores:
    """One problem that its only answer solves."""
    problem = Problem("0", "python", "python", "# 0\n")
    result = ProblemResult(problem, [{"text": "x", "engine": "echo"}], [{"passed": True}])
    group = ProblemGroup("python", [result])
    return Scores(BENCHMARKS["humaneval"], SETTINGS, [group], folder, {})


def test_scores_are_shown_as_a_table_or_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    show_scores(scored(), ReportOptions(), Messages())
    out, err = capfd.readouterr()
    first, second, *_ = out.splitlines()
    assert first.split("\t")[:3] == ["python", "pass@1", "100.0"]
    assert first.split("\t")[4:] == ["1", "owner/name", "", ""]
    assert second.split("\t")[2:6] == ["33.6", "", "", "starcoder"]
    show_scores(scored(), ReportOptions(json=True), Messages())
    assert json.loads(capfd.readouterr().out) == json.loads(json.dumps(scored().record()))
    assert err == ""


@pytest.mark.parametrize("color", [False, True])
def test_a_bar_is_as_long_as_its_score(color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR")
    text = render_bars(MARKS, color)
    first, second = text.splitlines()
    assert (first.count("█"), second.count("█")) == (20, 13)
    assert ("\x1b[" in text) == color
    hostile = render_bars([replace(MARKS[0], model="a\x1b[31m\nb")], False)
    assert "\x1b" not in hostile and hostile.count("\n") == 1


def test_a_page_is_written_beside_the_answers_and_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    show_scores(scored(str(tmp_path)), ReportOptions(report=True, json=True), Messages())
    page = tmp_path / "report.html"
    assert "owner/name" in page.read_text()
    out, err = capfd.readouterr()
    assert (json.loads(out)["folder"], err) == (str(tmp_path), f"note: the report is {page}\n")


def test_a_page_of_the_users_is_not_replaced(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text("<p>mine</p>\n")
    with pytest.raises(DataError, match=r"report\.html is not what a run has written"):
        show_scores(scored(str(tmp_path)), ReportOptions(report=True), Messages())
    assert page.read_text() == "<p>mine</p>\n"
    page.unlink()
    for _ in range(2):
        show_scores(scored(str(tmp_path)), ReportOptions(report=True), Messages())


def test_a_report_that_is_a_link_is_written_nowhere(tmp_path: Path) -> None:
    (tmp_path / "report.html").symlink_to(tmp_path / "outside")
    with pytest.raises(RefusedError, match="report.html is a link, to"):
        show_scores(scored(str(tmp_path)), ReportOptions(report=True), Messages())
    assert not (tmp_path / "outside").exists()

"""Pictures of scores: SVG whose text stays text, the same bytes each time."""

import sys
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from runs import ADD, GROUP, RIGHT, verdict
from starcoder_cli.errors import InputError
from starcoder_cli.evaluation.charts import (
    GREY,
    OWN_COLOR,
    PUBLISHED_COLOR,
    RESULT_COLORS,
    count_results,
    render_result_chart,
    render_score_chart,
    require_matplotlib,
)
from starcoder_cli.evaluation.summary import ProblemGroup, ProblemResult, ScoreRow

HOSTILE = "</text><script>alert(1)</script> $x_1$ &"
ROWS = (
    ScoreRow("python", "pass@1", 0.25, "tiny", 0.0, 0.5, 2),
    ScoreRow("python", "pass@1", 0.336, HOSTILE, source="a card"),
)


@pytest.fixture
def matplotlib() -> None:
    """What draws."""
    pytest.importorskip("matplotlib")


def texts(svg: str) -> list[str]:
    """The texts in a picture that is one well-formed element."""
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.usefixtures("matplotlib")
def test_a_bar_is_named_by_whose_score_it_is_and_tells_its_number() -> None:
    svg = render_score_chart(ROWS)
    found = texts(svg)
    assert [text for text in found if text.startswith("python")] == [
        "python: tiny",
        f"python: {HOSTILE}",
    ]
    assert {"25.0", "33.6", "pass@1, per cent"} <= set(found)
    assert {"measured (95 % interval)", "published by its authors"} <= set(found)
    bars_and_legend = svg.count(f"fill: {OWN_COLOR}"), svg.count(f"fill: {PUBLISHED_COLOR}")
    assert bars_and_legend == (2, 2)
    assert "published by its authors" not in texts(render_score_chart(ROWS[:1]))


@pytest.mark.usefixtures("matplotlib")
def test_a_picture_is_the_same_each_time_and_fetches_nothing() -> None:
    svg = render_score_chart(ROWS)
    assert render_score_chart(ROWS) == svg
    assert "<script" not in svg and "<dc:date" not in svg and "<image" not in svg
    assert svg.startswith("<svg")


@pytest.mark.usefixtures("matplotlib")
def test_the_ways_in_which_answers_ended_have_colours() -> None:
    other = ProblemGroup("go", (ProblemResult(ADD, (RIGHT,), (verdict("broken"),)),))
    svg = render_result_chart([GROUP, other])
    found = texts(svg)
    assert {"python", "go", "passed", "wrong", "timeout", "broken"} <= set(found)
    assert "crashed" not in found
    for color in (RESULT_COLORS["passed"], RESULT_COLORS["wrong"], GREY):
        assert f"fill: {color}" in svg
    assert RESULT_COLORS["crashed"] not in svg


@pytest.mark.usefixtures("matplotlib")
def test_a_group_without_verdicts_is_an_empty_row() -> None:
    assert "empty" in texts(render_result_chart([GROUP, ProblemGroup("empty", ())]))


def test_answers_are_counted_by_how_they_ended() -> None:
    assert count_results(GROUP) == Counter({"wrong": 2, "passed": 1, "timeout": 1})
    assert count_results(replace(GROUP, results=())) == Counter()


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError) as caught:
        require_matplotlib()
    assert str(caught.value) == (
        "a report needs matplotlib, which is not installed; install the extra `eval`: "
        "put '.[eval]' in place of . in the command that you installed with"
    )

"""The page of a run: all that was asked and answered, and nothing in it that acts or is fetched."""

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from runs import ADD, RESULTS, RIGHT, SCORES, SETTINGS, answer, verdict
from starcoder_cli.evaluation.page import (
    MAX_PREFIX_LINES,
    describe_run,
    escape_text,
    format_token_cost,
    render_answer,
    render_charts,
    render_group_answers,
    render_page,
    render_score_row,
    render_settings,
)
from starcoder_cli.evaluation.summary import ProblemGroup, ProblemResult, ScoreRow, score_rows

HOSTILE = "</pre><script src='x'>\x1b[31m\u202e\"&"
ESCAPED = "&lt;/pre&gt;&lt;script src=&#x27;x&#x27;&gt;␛[31m&lt;U+202E&gt;&quot;&amp;"


class Tags(HTMLParser):
    """The names of the elements of a page, each of which is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def test_whatever_others_wrote_is_text() -> None:
    problem = replace(ADD, name=HOSTILE, prefix=HOSTILE, reference=HOSTILE)
    results = (
        ProblemResult(problem, (answer(HOSTILE + "x"),), (verdict(HOSTILE, HOSTILE),)),
        ProblemResult(problem, (answer(HOSTILE),)),
    )
    scores = replace(
        SCORES,
        settings=replace(SETTINGS, model=HOSTILE),
        groups=(),
        skipped={HOSTILE: HOSTILE},
        folder=HOSTILE,
    )
    rows = [ScoreRow(HOSTILE, HOSTILE, 0.5, HOSTILE, source=HOSTILE)]
    page = render_page(scores, rows) + render_group_answers(ProblemGroup(HOSTILE, results))
    assert Tags(page).names.isdisjoint({"script", "link", "img", "iframe", "a"})
    assert "<script" not in page and "\x1b" not in page and "\u202e" not in page
    assert page.count(ESCAPED) >= 15


def test_a_page_has_the_scores_the_pictures_and_every_answer() -> None:
    pytest.importorskip("matplotlib")
    page = render_page(SCORES, list(score_rows(SCORES)))
    assert {"h1", "svg", "table", "details"} <= Tags(page).names
    assert page.count("<svg") == 2
    assert page.count("<details>") == sum(len(result.answers) for result in RESULTS)
    assert "default-src 'none'" in page and "<title>HumanEval: tiny</title>" in page
    assert render_page(SCORES, list(score_rows(SCORES))) == page


def headings(charts: Iterator[str]) -> list[str]:
    """What stands above each picture."""
    return [chart.partition("</h2>")[0].removeprefix("<h2>") for chart in charts]


def test_there_is_a_picture_for_each_score_of_our_own() -> None:
    pytest.importorskip("matplotlib")
    published = ScoreRow("python", "pass@1", 0.3, "other", source="a card")
    own = ScoreRow("python", "exact match", 0.5, "tiny", 0.0, 1.0, 2)
    unjudged = ProblemGroup("python", (ProblemResult(ADD, (RIGHT,)),))
    without = replace(SCORES, groups=(unjudged,))
    assert headings(render_charts(without, [published])) == []
    assert headings(render_charts(without, [published, own])) == ["exact match"]
    assert headings(render_charts(SCORES, [own])) == ["exact match", "How the answers ended"]


def test_an_answer_stands_under_its_question_with_what_became_of_it() -> None:
    first, second = render_answer(RESULTS[0], 0), render_answer(RESULTS[0], 1)
    assert first == (
        '<details><summary>HumanEval/0 <b class="passed">passed</b>'
        "<span>5 tokens, 0.5 s</span></summary>"
        "<pre>def add(a, b):\n</pre><pre><b>    return a + b\n</b></pre></details>"
    )
    assert '<b class="failed">wrong</b>' in second
    assert second.endswith(
        "<pre><b>    return a - b</b></pre>"
        "<p>The author wrote:</p><pre>    return a + b\n</pre><p>assert 4 == 10</p></details>"
    )


def test_of_a_long_question_the_end_is_shown() -> None:
    problem = replace(ADD, prefix="\n".join(f"line {number}." for number in range(40)))
    shown = render_answer(ProblemResult(problem, (RIGHT,)), 0)
    assert [f"line {number}." in shown for number in (39 - MAX_PREFIX_LINES, 28, 39)] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "2 problems, 2 answers each, temperature 0.2, at most 512 tokens"),
        ({"samples": 1, "temperature": 0.0}, "2 problems, greedy, at most 512 tokens"),
    ],
)
def test_a_run_in_a_sentence(changes: dict[str, int], text: str) -> None:
    settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]  # a table has any
    assert describe_run(replace(SCORES, settings=settings)) == text


def test_our_own_scores_are_marked() -> None:
    own = ScoreRow("python", "pass@1", 0.25, "tiny", 0.0, 0.5, 2)
    assert render_score_row(own) == (
        '<tr class="own"><td>python</td><td>pass@1</td><td class="n">25.0</td>'
        '<td class="n">0.0 to 50.0</td><td class="n">2</td><td>tiny</td><td class="wide"></td></tr>'
    )
    assert render_score_row(replace(own, source="a card")).startswith("<tr><td>")


def test_settings_tell_the_engine_and_what_was_left_out() -> None:
    text = render_settings(SCORES)
    for name, value in (*vars(SETTINGS).items(), ("engine", "echo"), ("lua", "left out: not here")):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in text


@pytest.mark.parametrize(
    "record", [{}, {"tokens": 5, "seconds": {"total": 1}}, {"tokens": {"completion": 5}}]
)
def test_a_cost_that_is_not_known_is_left_out(record: dict[str, object]) -> None:
    assert format_token_cost(record) == ""
    assert format_token_cost(RIGHT) == "5 tokens, 0.5 s"


def test_a_hidden_character_is_made_visible_before_it_is_escaped() -> None:
    assert escape_text(HOSTILE) == ESCAPED

"""The scores of a run: means over problems, their intervals, and what others published."""

from dataclasses import asdict, replace
from math import comb

from runs import ADD, GROUP, RESULTS, RIGHT, SCORES, SETTINGS, WRONG, answer, verdict
from starcoder_cli.evaluation.benchmarks import BENCHMARKS
from starcoder_cli.evaluation.published import find_published_scores
from starcoder_cli.evaluation.summary import (
    Metric,
    ProblemGroup,
    ProblemResult,
    ScoreRow,
    Scores,
    model_label,
    score_rows,
)

PASS_AT_1 = Metric("pass@1", 0.25, 0.0, 0.5)


def test_a_score_is_for_each_number_of_answers_that_there_are() -> None:
    assert [result.passed_count for result in RESULTS] == [1, 0]
    assert GROUP.metrics(compares=False) == [PASS_AT_1]
    eight = ProblemResult(ADD, (RIGHT,) * 8, (verdict("passed"),) * 2 + (verdict("wrong"),) * 6)
    assert ProblemGroup("python", (eight,)).metrics(compares=False) == [
        Metric("pass@1", 0.25, 0.25, 0.25),
        Metric("pass@5", *(1 - comb(6, 5) / comb(8, 5),) * 3),
    ]


def test_without_verdicts_answers_are_only_compared() -> None:
    results = (
        ProblemResult(ADD, (answer("return a + b"), WRONG)),
        ProblemResult(ADD, (RIGHT, RIGHT)),
    )
    exact, similar = ProblemGroup("python", results).metrics(compares=True)
    assert exact == Metric("exact match", 0.75, 0.5, 1.0)
    assert (similar.name, 0.75 < similar.value < 1.0) == ("edit similarity", True)
    assert ProblemGroup("python", results).metrics(compares=False) == []
    assert ProblemGroup("python", ()).metrics(compares=False) == []


def test_only_what_is_said_to_have_passed_has_passed() -> None:
    verdicts: tuple[dict[str, object], ...] = (
        {"passed": True},
        {"passed": 1},
        {"passed": "yes"},
        {},
    )
    assert ProblemResult(ADD, (RIGHT,) * 4, verdicts).passed_count == 1


def test_a_run_in_which_nothing_was_asked_has_no_engine() -> None:
    assert replace(SCORES, groups=()).engine == ""
    assert SCORES.engine == "echo"


def test_a_record_has_everything_that_json_can_say() -> None:
    (published,) = (
        score for score in SCORES.published_scores("python") if score.model == "starcoder"
    )
    record = dict(SCORES.record())
    groups = record.pop("groups")
    assert isinstance(groups, list) and len(groups) == 1
    group = groups[0]
    assert record == {
        **asdict(SETTINGS),
        "engine": "echo",
        "skipped": {"lua": "not here"},
        "folder": "eval/run",
    }
    assert (group["group"], group["problems"]) == ("python", 2)
    assert group["scores"] == {"pass@1": {"value": 0.25, "low": 0.0, "high": 0.5}}
    assert group["published"][0] == asdict(published)


def test_numbers_of_a_record_have_four_digits() -> None:
    assert Metric("a", 1 / 3, 0.00004, 0.99999).record() == {
        "value": 0.3333,
        "low": 0.0,
        "high": 1.0,
    }


def test_what_was_published_with_another_prompt_is_beside_a_run_that_has_it() -> None:
    prompted = replace(SCORES, settings=replace(SETTINGS, prompted=True))
    everything = find_published_scores("humaneval", "python")
    assert prompted.published_scores("python") == everything
    assert SCORES.published_scores("python") == [row for row in everything if not row.prompted]
    assert SCORES.published_scores("klingon") == []


def test_rows_are_our_own_scores_and_behind_them_what_was_published() -> None:
    other = ProblemGroup("line", RESULTS[:1])
    scores = Scores(BENCHMARKS["humaneval"], SETTINGS, (GROUP, other), "", {})
    first, *published, last = score_rows(scores)
    assert first == ScoreRow("python", "pass@1", 0.25, "tiny", 0.0, 0.5, 2)
    assert last == ScoreRow("line", "pass@1", 0.5, "tiny", 0.5, 0.5, 1)
    assert [(row.group, row.metric, row.low) for row in published] == [
        ("python", "pass@1", None)
    ] * len(SCORES.published_scores("python"))
    assert all(row.source for row in published)


def test_a_score_in_words() -> None:
    row = ScoreRow("python", "pass@1", 0.336, "tiny", 0.3, 0.36666)
    assert (row.percent, row.interval_text) == ("33.6", "30.0 to 36.7")
    assert replace(row, low=None, high=None).interval_text == ""
    assert (model_label("tiny", False), model_label("tiny", True)) == ("tiny", "tiny, prompted")

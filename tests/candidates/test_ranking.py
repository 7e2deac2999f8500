"""Several answers: how they are drawn, which are the same, and which is best."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.candidates.checks.agreement import Check
from starcoder_cli.candidates.ranking import (
    CANDIDATE_TEMPERATURE,
    SEED_COUNT,
    WORD_OR_SIGN,
    Candidate,
    deduplicate_candidates,
    dice_similarity,
    rank_candidates,
    retry_if_blank,
    sampling_schedule,
)
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Chunk, Completion, Stream, collect

few_examples = settings(max_examples=60, deadline=None, derandomize=True)


def candidate(
    text: str, logprob: float = -1.0, errors: int | None = None, flaws: int = 0
) -> Candidate:
    """An answer of ten tokens with this mean log-probability."""
    completion = Completion(text, "stop", 10, logprob=logprob * 10)
    return Candidate(completion, Sampling(), errors, ("a flaw",) * flaws)


def texts(candidates: list[Candidate]) -> list[str]:
    """The answers alone."""
    return [each.text for each in candidates]


def test_the_first_is_greedy_and_the_others_count_on_from_the_seed() -> None:
    drawn = sampling_schedule(Sampling(64, seed=7), 4)
    assert drawn == [
        Sampling(64, 0.0, 0.95, None, True),
        Sampling(64, CANDIDATE_TEMPERATURE, 0.95, 7, True),
        Sampling(64, CANDIDATE_TEMPERATURE, 0.95, 8, True),
        Sampling(64, CANDIDATE_TEMPERATURE, 0.95, 9, True),
    ]


def test_with_a_temperature_all_are_drawn_with_it() -> None:
    drawn = sampling_schedule(Sampling(64, 0.9, 0.8, 3), 2)
    assert drawn == [Sampling(64, 0.9, 0.8, 3, True), Sampling(64, 0.9, 0.8, 4, True)]


def test_one_is_drawn_as_it_was_asked_for() -> None:
    assert sampling_schedule(Sampling(64, seed=3), 1) == [Sampling(64, seed=3, logprobs=True)]


def test_seeds_begin_again_where_there_are_no_more() -> None:
    last = SEED_COUNT - 1
    assert [each.seed for each in sampling_schedule(Sampling(seed=last, temperature=1), 3)] == [
        last,
        0,
        1,
    ]


def test_answers_that_differ_in_white_space_at_the_end_are_one() -> None:
    found = [candidate("a"), candidate("b\n"), candidate("a \n"), candidate(" a"), candidate("b")]
    assert texts(deduplicate_candidates(found)) == ["a", "b\n", " a"]


@pytest.mark.parametrize(
    ("candidates", "order"),
    [
        ([candidate("a", -2), candidate("b", -1)], ["b", "a"]),
        ([candidate("a", -1), candidate("b", -1)], ["a", "b"]),
        ([candidate("a", -1, 1), candidate("b", -5, 0)], ["b", "a"]),
        ([candidate("a", -1, 0), candidate("b", -5, -1)], ["b", "a"]),
        ([candidate("a", -2, None), candidate("b", -1, 0)], ["b", "a"]),
        ([candidate("", 0, -1), candidate("b", -5, 3)], ["b", ""]),
        ([candidate("\n\n"), candidate("b", -5), candidate("", 0)], ["b", "\n\n"]),
        ([candidate("a", float("-inf")), candidate("b", -9)], ["b", "a"]),
        (
            [candidate("a", -1, 0, 2), candidate("b", -2, 0, 1), candidate("c", -3, 0)],
            ["c", "b", "a"],
        ),
        ([candidate("a", -1, 1), candidate("b", -2, 0, 1)], ["b", "a"]),
        ([], []),
    ],
)
def test_what_parses_comes_before_what_is_likely(
    candidates: list[Candidate], order: list[str]
) -> None:
    """Nothing at all comes last, however sure the model is of it."""
    assert texts(rank_candidates(candidates)) == order


@few_examples
@given(
    st.lists(
        st.builds(
            candidate,
            st.text("ab ", max_size=3),
            st.floats(-9, 0),
            st.sampled_from([None, -1, 0, 2]),
        )
    )
)
def test_a_ranking_loses_no_answer_and_ranks_the_same_again(candidates: list[Candidate]) -> None:
    order = rank_candidates(candidates)
    assert {each.text.rstrip() for each in candidates} == {each.text.rstrip() for each in order}
    assert len({each.text.rstrip() for each in order}) == len(order)
    assert rank_candidates(order) == order


def test_what_resembles_the_others_wins_where_another_is_hardly_likelier() -> None:
    """White space and order do not count, and what was drawn twice counts twice."""
    alike = [candidate("a = b + 1", -1.02), candidate("a = 1+b", -1.03)]
    assert texts(rank_candidates([candidate("return", -1), *alike])) == [
        "a = b + 1",
        "a = 1+b",
        "return",
    ]
    assert texts(rank_candidates([candidate("return", -0.9), *alike]))[0] == "return"
    twice = [candidate("b", -1.02), candidate("b", -1.02)]
    assert texts(rank_candidates([candidate("a", -1), *twice])) == ["b", "a"]


@given(st.text("ab1 +\n"), st.text("ab1 +\n"))
@few_examples
def test_what_two_texts_have_in_common(one: str, other: str) -> None:
    first, second = (Counter(WORD_OR_SIGN.findall(text)) for text in (one, other))
    assert dice_similarity(first, second) == dice_similarity(second, first)
    assert 0 <= dice_similarity(first, second) <= 1
    assert (dice_similarity(first, second) == 1) == (first == second)


def test_an_answer_that_was_cut_off_comes_behind_a_whole_one() -> None:
    cut = Candidate(Completion("a", "length", 10, logprob=-1.0), Sampling())
    assert texts(rank_candidates([cut, candidate("b", -5)])) == ["b", "a"]


def test_what_json_tells() -> None:
    completion, sampling = Completion("x = 1", "length", 4, logprob=-1.0), Sampling(4, 0.6, seed=8)
    told = Candidate(completion, sampling, 2, ("a",), Check(True, 2, 1, 0.25), False)
    assert told.record() == {
        "text": "x = 1",
        "logprob": -0.25,
        "drawn": 1,
        "reason": "length",
        "temperature": 0.6,
        "seed": 8,
        "parses": False,
        "flaws": ["a"],
        "check": {"loaded": True, "passed": 2, "failed": 1, "agreement": 0.25},
        "verified": False,
    }
    assert [candidate("", errors=errors).parses for errors in (None, -1, 0, 1)] == [
        None,
        True,
        True,
        False,
    ]


def test_an_answer_without_tokens_has_no_probability() -> None:
    assert Completion("", "stop").mean_logprob == 0.0


def test_what_is_drawn_twice_is_counted() -> None:
    first, second, other = (candidate(text) for text in ("a", "a \n", "b"))
    assert [
        (each.text, each.draw_count) for each in deduplicate_candidates([first, second, other])
    ] == [
        ("a", 2),
        ("b", 1),
    ]


def said(*answers: list[Chunk]) -> tuple[Callable[[Sampling], Stream], list[Sampling]]:
    """A model that says one thing after the other, and how each was drawn."""
    drawn: list[Sampling] = []

    def ask(sampling: Sampling) -> Stream:
        drawn.append(sampling)
        yield from answers[len(drawn) - 1]

    return ask, drawn


NOTHING = [Chunk("\n", 1, None, 5, cached_tokens=2), Chunk(" ", 1, "stop", 5, cached_tokens=2)]


def test_where_the_likeliest_answer_is_blank_chance_tries() -> None:
    ask, drawn = said(NOTHING, [Chunk("\n", 1, None, 5, cached_tokens=5), Chunk("x", 1, "stop", 5)])
    chunks = list(retry_if_blank(ask, Sampling(logprobs=True)))
    assert collect(chunks).text == "\nx"
    assert [chunk.text for chunk in chunks] == ["", "", "", "\nx"]
    assert (
        collect(chunks).tokens,
        collect(chunks).cached_tokens,
        collect(chunks).unscored_tokens,
    ) == (4, 2, 2)
    assert [(each.temperature, each.seed, each.logprobs) for each in drawn] == [
        (0.0, None, True),
        (CANDIDATE_TEMPERATURE, 0, True),
    ]


def test_where_chance_finds_nothing_either_it_stays_blank() -> None:
    ask, drawn = said(NOTHING, [Chunk("", 1, "stop", 5)], [Chunk("  ", 1, "stop", 5)])
    answer = collect(retry_if_blank(ask, Sampling()))
    assert (answer.text, answer.reason, answer.tokens, len(drawn)) == ("\n ", "stop", 4, 3)


def test_at_last_it_is_asked_in_another_way() -> None:
    ask, drawn = said(NOTHING, NOTHING, NOTHING)
    last, drawn_last = said([Chunk("x", 1, "stop", 5)])
    answer = collect(retry_if_blank(ask, Sampling(), last))
    assert (answer.text, answer.tokens, len(drawn), drawn_last) == ("x", 7, 3, [Sampling()])
    ask, drawn = said(NOTHING, NOTHING, NOTHING)
    last, drawn_last = said([Chunk(" ", 1, "stop", 5)])
    assert collect(retry_if_blank(ask, Sampling(), last)).text == "\n "


@pytest.mark.parametrize(
    ("sampling", "answer"),
    [
        (Sampling(), [Chunk("a", 1), Chunk(" ", 1, "stop")]),
        (Sampling(), [Chunk("\n", 1, "length")]),
        (Sampling(temperature=1.0, seed=3), [Chunk("\n", 1, "stop")]),
    ],
)
def test_an_answer_stays_that_says_something_is_cut_off_or_was_drawn(
    sampling: Sampling, answer: list[Chunk]
) -> None:
    ask, drawn = said(answer)
    assert list(retry_if_blank(ask, sampling)) == answer
    assert drawn == [sampling]


def test_what_passes_when_it_is_run_comes_before_what_is_likelier() -> None:
    def ran(text: str, logprob: float, check: Check | None) -> Candidate:
        return replace(candidate(text, logprob), check=check)

    first = ran("a", -9, Check(True, 2, 0, 0.1))
    second = ran("b", -1, Check(True, 1, 0, 0.1))
    likely, agreed = ran("c", -0.5, Check(True, 0, 0, 0.1)), ran("d", -0.55, Check(True, 0, 0, 0.9))
    failed, broken = ran("e", 0, Check(True, 5, 1, 1.0)), ran("f", 0, Check(False, 0, 0, 0.0))
    ranked = rank_candidates([broken, failed, likely, agreed, second, first])
    assert texts(ranked) == ["a", "b", "d", "c", "e", "f"]


def test_a_probability_that_is_not_told_is_none_and_a_certain_one_is_a_number() -> None:
    told = [
        Candidate(Completion("x", "stop", 4, logprob=logprob), Sampling()).record()["logprob"]
        for logprob in (0.0, -1e-7)
    ]
    assert told == [None, 0.0]

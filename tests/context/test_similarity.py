"""The part of a text that is most like what stands near a hole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.context.similarity import (
    SNIPPET_LINES,
    find_most_similar,
    weigh_nearby_names,
)
from starcoder_cli.context.snippets import ContextSnippet
from starcoder_cli.model import Hole


def test_the_nearer_a_name_the_more_it_weighs() -> None:
    far = "far_away\n" * 10
    assert weigh_nearby_names(Hole(f"lost\n{far * 4}here = ", "there\n")) == {
        "far_away": pytest.approx(10 / 11),
        "here": 1.0,
        "there": 1.0,
    }
    assert weigh_nearby_names(Hole("a ab abc Größe")) == {"abc": 1.0, "Größe": 1.0}


def test_the_window_with_most_names_in_common() -> None:
    filler = "nothing to see\n" * 40
    text = f"{filler}alpha\nbeta\n{filler}alpha\nbeta\ngamma\n"
    weights = {"alpha": 1.0, "beta": 1.0, "gamma": 0.5}
    part = find_most_similar("b.py", text, weights)
    assert part and part.text.endswith("alpha\nbeta\ngamma") and part.last_line == 85
    assert find_most_similar("b.py", filler, weights) is None
    assert find_most_similar("b.py", "alpha beta\n", weights) is None
    assert find_most_similar("b.py", "alpha beta gamma", weights) == ContextSnippet(
        "b.py", "alpha beta gamma", 1, 1
    )


def test_heavy_names_count_for_more_than_many() -> None:
    text = "one\ntwo\nthree\nfour\n" + "filler\n" * 40 + "alpha beta gamma\n"
    light = dict.fromkeys(("one", "two", "three", "four"), 0.1)
    heavy = dict.fromkeys(("alpha", "beta", "gamma"), 0.9)
    part = find_most_similar("b.py", text, {**light, **heavy})
    assert part and "alpha beta gamma" in part.text


def test_a_text_without_a_line_is_like_nothing() -> None:
    assert find_most_similar("b.py", "", {"alpha": 1.0}) is None
    assert find_most_similar("b.py", "alpha beta gamma", {}) is None
    assert weigh_nearby_names(Hole("", "")) == {}


@settings(deadline=None)
@given(st.lists(st.sampled_from(["", "alpha", "beta gamma", "x = delta"]), min_size=1, max_size=60))
def test_a_part_is_the_lines_that_it_says_it_is(lines: list[str]) -> None:
    weights = {"alpha": 1.0, "beta": 0.5, "gamma": 0.25}
    part = find_most_similar("b.py", "\n".join(lines), weights)
    assert (part is not None) == any(
        {"alpha", "beta", "gamma"} <= set(" ".join(lines[at : at + SNIPPET_LINES]).split())
        for at in range(0, len(lines), 8)
    )
    if part:
        kept = lines[part.first_line - 1 : part.last_line]
        assert (part.text.split("\n"), len(kept) <= SNIPPET_LINES) == (kept, True)

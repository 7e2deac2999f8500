"""An answer that begins inside a token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holes import chunked
from starcoder_cli.prompts.token_healing import (
    MAX_HEALED_CHARACTERS,
    matches_forced_prefix,
    split_for_healing,
)
from starcoder_cli.stream import collect, skip_prefix


@pytest.mark.parametrize(
    ("text", "kept", "begun"),
    [
        ("def f():\n    retu", "def f():\n   ", " retu"),
        ("x = ", "x =", " "),
        ("x =", "x", " ="),
        ("import nu", "import", " nu"),
        ("print(", "print", "("),
        ("a.b", "a.", "b"),
        ("größ = größ", "größ =", " größ"),
        ("x = 1\n", "x = 1\n", ""),
        ("def f():\n    ", "def f():\n    ", ""),
        ("", "", ""),
        ("word", "word", ""),
        ("a" * 100, "a" * 100, ""),
        ("x " + "a" * MAX_HEALED_CHARACTERS, "x", " " + "a" * MAX_HEALED_CHARACTERS),
        ("x " + "a" * 100, "x " + "a" * 100, ""),
    ],
)
def test_the_last_word_space_or_sign_is_written_again(text: str, kept: str, begun: str) -> None:
    assert split_for_healing(text) == (kept, begun)


@pytest.mark.parametrize(
    ("text", "kept", "begun"),
    [
        ("def f():\n    retu", "def f():\n   ", " retu"),
        ("return ", "return ", ""),
        ("x =", "x =", ""),
        ("print(", "print(", ""),
        ("x = 1\n", "x = 1\n", ""),
        ("def f():\n    ", "def f():\n    ", ""),
    ],
)
def test_a_space_or_a_sign_before_a_gap_stays(text: str, kept: str, begun: str) -> None:
    assert split_for_healing(text, before_gap=True) == (kept, begun)


@given(st.text(), st.booleans())
def test_nothing_is_lost(text: str, gap: bool) -> None:
    kept, begun = split_for_healing(text, before_gap=gap)
    assert kept + begun == text
    assert len(begun) <= MAX_HEALED_CHARACTERS + 1
    assert "\n" not in begun
    assert kept or not text


def test_what_fits() -> None:
    assert (
        matches_forced_prefix("re", "return")
        and matches_forced_prefix("returns", "return")
        and matches_forced_prefix("return", "return")
    )
    assert not matches_forced_prefix("", "return")
    assert not matches_forced_prefix("rx", "return")


@given(st.text(), st.text(), st.integers(1, 20))
def test_the_text_behind_its_beginning(begun: str, rest: str, size: int) -> None:
    assert collect(skip_prefix(chunked(begun + rest, size), begun)).text == rest

"""Positions in units of three encodings, beside a count of each character."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.lsp.positions import (
    ENCODINGS,
    PositionEncoding,
    character_at,
    choose_encoding,
    count_units,
)

CHARACTERS = st.sampled_from("aé€😀\u0301\x0c\ud83d\ude00")


def size_of(character: str, encoding: PositionEncoding) -> int:
    """How many units one character has."""
    number = ord(character)
    if encoding == "utf-16":
        return 2 if number > 0xFFFF else 1
    if encoding == "utf-8":
        return 1 + (number > 0x7F) + (number > 0x7FF) + (number > 0xFFFF)
    return 1


@settings(deadline=None)
@given(st.text(CHARACTERS), st.sampled_from(ENCODINGS))
def test_units_are_those_of_each_character(text: str, encoding: PositionEncoding) -> None:
    assert count_units(text, encoding) == sum(size_of(each, encoding) for each in text)


@settings(deadline=None)
@given(st.text(CHARACTERS), st.integers(-3, 60), st.sampled_from(ENCODINGS))
def test_units_lead_to_the_character_that_they_end_in(
    text: str, units: int, encoding: PositionEncoding
) -> None:
    index = 0
    while index < len(text) and count_units(text[: index + 1], encoding) <= units:
        index += 1
    assert character_at(text, units, encoding) == index


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (None, "utf-16"),
        ([], "utf-16"),
        (["utf-7"], "utf-16"),
        (["utf-7", "utf-32", "utf-8"], "utf-32"),
        (["utf-8", "utf-16"], "utf-8"),
    ],
)
def test_the_client_chooses_the_encoding(offered: list[str] | None, chosen: str) -> None:
    assert choose_encoding(offered) == chosen


def test_a_position_inside_a_pair_of_surrogates_is_before_it() -> None:
    assert [character_at("a😀b", units, "utf-16") for units in range(6)] == [0, 1, 1, 2, 3, 3]

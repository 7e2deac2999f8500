"""Control tokens are cut in two wherever they stand in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.engines.control_tokens import cut_inside

TOKENS = ("<a>", "<a><a>", "<<a>", "[A]")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [""]),
        ("a<b>", ["a<b>"]),
        ("<a>", ["<", "a>"]),
        ("x<a>y[A]", ["x<", "a>y[", "A]"]),
        ("<a><a>", ["<", "a><", "a>"]),
        ("<<a>", ["<", "<", "a>"]),
    ],
)
def test_where_a_text_is_cut(text: str, parts: list[str]) -> None:
    assert cut_inside(text, TOKENS) == parts


@given(st.text("<>aA[]"))
def test_no_part_has_a_token_in_it(text: str) -> None:
    parts = cut_inside(text, TOKENS)
    assert "".join(parts) == text
    assert not any(token in part for token in TOKENS for part in parts)

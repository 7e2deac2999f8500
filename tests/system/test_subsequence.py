"""What two sequences have in common, against the textbook."""

from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.system.subsequence import lcs_length

TEXTS = st.text("ab\n ", max_size=12)


def longest(one: str, other: str) -> int:
    """The length of the longest common subsequence, by the textbook's table."""
    row = [0] * (len(other) + 1)
    for character in one:
        before = row
        row = [0]
        for at, each in enumerate(other):
            row.append(before[at] + 1 if character == each else max(row[-1], before[at + 1]))
    return row[-1]


@given(TEXTS, TEXTS)
def test_what_two_texts_have_in_common(one: str, other: str) -> None:
    assert lcs_length(one, other) == longest(one, other)


def test_words_are_items_as_well() -> None:
    assert lcs_length(["to", "be", "or", "not"], ["or", "not", "to", "be"]) == 2

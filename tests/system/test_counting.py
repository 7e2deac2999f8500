"""One is singular, everything else is plural."""

import pytest

from starcoder_cli.system.counting import counted, counted_of, numbered


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 lines"), (1, "1 line"), (2, "2 lines"), (1200, "1,200 lines")]
)
def test_a_number_and_its_noun(count: int, words: str) -> None:
    assert counted(count, "line") == words


def test_some_of_several() -> None:
    assert [counted_of(1, 1, "line"), counted_of(0, 3, "line")] == ["1 of 1 line", "0 of 3 lines"]


def test_which_numbers_there_are() -> None:
    assert [numbered(count, "cell") for count in (1, 3)] == [
        "its only cell is 1",
        "its cells are 1 to 3",
    ]

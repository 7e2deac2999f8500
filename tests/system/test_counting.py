"""One is singular, everything else is plural."""

import pytest

from starcoder_cli.system.counting import counted


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 lines"), (1, "1 line"), (2, "2 lines"), (1200, "1,200 lines")]
)
def test_a_number_and_its_noun(count: int, words: str) -> None:
    assert counted(count, "line") == words

"""What a match says: its characters and lines are those of the text, its origins those of files."""

from pathlib import Path

import pytest

from repositories import lay
from starcoder_cli.attribution import find_matches
from starcoder_cli.attribution.ingest import add_source
from starcoder_cli.attribution.matches import Match, Origin, line_at

CODE = "\n".join(f"name{number} =\\\n    {number}" for number in range(20))


@pytest.fixture
def found(tmp_path: Path) -> tuple[str, Match]:
    """A text, and what it shares with projects of two licences, and one of none."""
    for number in range(30):
        licence = "MIT" if number < 25 else ("ISC", "")[number % 2]
        lay(tmp_path / f"p{number}", {"a.py": f"first\n{CODE}\nlast\n"})
        add_source(tmp_path / f"p{number}", licence, tmp_path / "index")
    text = f"# ä\n{CODE}  # end\n"
    (match,) = find_matches(text, "python", tmp_path / "index")
    return text, match


def test_places_are_of_the_text_the_last_line_included(found: tuple[str, Match]) -> None:
    text, match = found
    assert text[match.start : match.end] == CODE
    lines = text.split("\n")[match.first - 1 : match.last]
    assert (lines[0], lines[-1]) == ("name0 =\\", "    19  # end")
    assert match.tokens == 60


def test_an_origin_names_its_file_and_its_lines(found: tuple[str, Match], tmp_path: Path) -> None:
    _, match = found
    assert match.origins[0] == Origin("p0", "", "a.py", 2, 41, "MIT", 60, str(tmp_path / "p0"))


def test_licences_are_those_of_all_origins_also_of_those_that_are_not_named(
    found: tuple[str, Match],
) -> None:
    _, match = found
    assert (len(match.origins) + match.more, match.licences) == (30, ("", "ISC", "MIT"))


def test_a_line_ends_in_each_of_the_three_ways() -> None:
    text = "a\nb\r\nc\rd"
    assert [line_at(text, text.index(letter)) for letter in "abcd"] == [1, 2, 3, 4]

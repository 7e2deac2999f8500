"""Sentences and fences after an answer, and texts that consist of sentences."""

import pytest

from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.hole_lines import HoleLines
from starcoder_cli.postprocess.possible_ends import End
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.postprocess.talk_ends import TalkEnds, reads_as_text

SENTENCE = "This adds one to the number."


def find_ends(language: str, lines: list[str]) -> list[End]:
    """The ends in an answer of some lines."""
    hole = Hole("", "\n")
    check = SoundnessCheck(hole, "", languages.find_language(language))
    talk, ends, before = TalkEnds(HoleLines(hole, in_block=True), check), list[End](), ""
    for line in lines:
        talk.feed(line, len(before), before, ends)
        before += f"{line}\n"
    return ends


@pytest.mark.parametrize(
    ("language", "lines", "rules"),
    [
        ("python", ["x = 1", SENTENCE], ["explanation"]),
        ("python", ['x = """', SENTENCE], []),
        ("python", ["x = 1", "```"], ["fence"]),
        ("text", ["id,name", "", SENTENCE], ["explanation"]),
        ("text", ["id,name", SENTENCE], []),
        ("text", [SENTENCE], []),
        ("text", ["", SENTENCE], []),
        ("text", ["The first paragraph of it.", "", SENTENCE], []),
    ],
)
def test_where_talk_begins(language: str, lines: list[str], rules: list[str]) -> None:
    """In a text of a kind that is not known, a paragraph after a paragraph is none."""
    assert [end.rule for end in find_ends(language, lines)] == rules


@pytest.mark.parametrize(
    ("line", "is_text"),
    [
        ("First sentence, kept.", True),
        ("*Bold* words and “quoted” ones", True),
        ("1,Ann", False),
        ("x = foo(1) + 2", False),
        ("[section of it]", False),
    ],
)
def test_which_lines_are_text(line: str, is_text: bool) -> None:
    assert reads_as_text(line) == is_text

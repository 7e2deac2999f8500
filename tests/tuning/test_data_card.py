"""The card says what was read and what was not."""

from codebases import WORDS, code, source
from starcoder_cli.tuning.data_card import format_card
from starcoder_cli.tuning.data_set import DataSet
from starcoder_cli.tuning.holes import cut_holes

SOURCES = tuple(source(f"{word}.py", code(word)) for word in WORDS)


def test_a_card() -> None:
    left_out, replaced = {"generated": 3}, {"key": 2}
    data = DataSet(SOURCES[1:], SOURCES[:1], 11, left_out, replaced, ("HumanEval",), ("MBPP",))
    card = format_card("mine", data, cut_holes(data.training, 0))
    for line in (
        "# Data of mine",
        "Repositories: mine",
        "| MIT | 8 |",
        "| Python | 8 |",
        "| generated | 3 |",
        "| key | 2 |",
        "| e-mail address | 0 |",
        "Compared with evaluation sets: HumanEval",
        "Not compared, as the data are not on this machine: MBPP",
        "- mine/apple.py",
    ):
        assert line in card.splitlines()
    assert "11 tracked by git, 8 read" in card and "7 to train on, 1 held out" in card


def test_a_card_with_nothing_left_out_says_so() -> None:
    data = DataSet(SOURCES[1:], SOURCES[:1], 8, {}, {})
    card = format_card("mine", data, cut_holes(data.training, 0))
    assert "## Left out\n\n| | |\n|---|---:|\n| nothing | 0 |" in card
    assert "Compared with evaluation sets: none" in card

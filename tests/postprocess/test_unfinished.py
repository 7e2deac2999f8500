"""An answer that was cut off is whole as far as it goes, or says that it is not."""

import pytest

from holes import chunked, cut_up
from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.postprocess.trim import trim_answer
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.postprocess.unfinished import UNFINISHED, cut_unfinished
from starcoder_cli.stream import FinishReason, collect

C = languages.find_language("c")
MAIN = Hole("int main(void) {\n    ", "\n    return 0;\n}\n")


def cut(answer: str, reason: FinishReason = "length") -> tuple[str, bool]:
    """What is left of an answer in C, and whether it is whole."""
    check = SoundnessCheck(MAIN, "f();", C)
    kept = collect(cut_unfinished(chunked(answer, 3, reason), check))
    assert kept.reason == reason
    return kept.text, UNFINISHED in kept.trimmed


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        ("f(1);\n    f(", "f(1);"),
        ("f(1);\n    f(2,\n      3", "f(1);"),
        ("f(1);\n    if (a) {\n        g();\n    ", "f(1);"),
        ("f(1);\n    g();\n", "f(1);\n    g();"),
    ],
)
def test_it_goes_back_to_its_last_whole_statement(answer: str, whole: str) -> None:
    assert cut(answer) == (whole, True)


@pytest.mark.parametrize("answer", ["f(1", "f(1,\n      2", ""])
def test_where_nothing_is_whole_it_stays(answer: str) -> None:
    assert cut(answer) == (answer, False)


def test_a_model_that_stops_by_itself_is_not_cut() -> None:
    assert cut("f(1);\n    f(", "stop") == ("f(1);\n    f(", False)


def test_whole_statements_are_passed_on_as_they_come() -> None:
    pieces = ["f(1);", "\n    g(", "2,\n", "      3);\n", "    h("]
    check = SoundnessCheck(MAIN, "f();", C)
    chunks = cut_unfinished(cut_up(pieces, "length"), check)
    assert [chunk.text for chunk in chunks] == ["", "f(1);", "", "\n    g(2,\n      3);", ""]


def test_what_is_shown_while_it_is_made_cannot_be() -> None:
    for live, kept in ((True, "f(1);\n    f("), (False, "f(1);")):
        options = TrimOptions(C, replaced="f();", live=live)
        assert (
            collect(trim_answer(chunked("f(1);\n    f(", 3, "length"), MAIN, options)).text == kept
        )

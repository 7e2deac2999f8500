"""The lines around a hole, and those of an answer beside them."""

import pytest

from starcoder_cli.model import Hole
from starcoder_cli.postprocess.hole_lines import HoleLines, hole_indent


@pytest.mark.parametrize(
    ("prefix", "indent"),
    [("", 0), ("a\n  ", 2), ("  a", 2), ("  a\n", 2), ("  if a:\n", 3), ("\tdo\n\n", 9)],
)
def test_how_far_right_a_hole_stands(prefix: str, indent: int) -> None:
    assert hole_indent(prefix) == indent


def test_the_first_line_of_the_suffix_may_share_its_line_with_the_hole() -> None:
    assert HoleLines(Hole("a\n  ", "b\n\n  c\n"), in_block=True).suffix_lines == ["  b", "  c"]
    assert HoleLines(Hole("a\n  ", "\n  b\n"), in_block=True).suffix_lines == ["  b"]


@pytest.mark.parametrize(
    ("line", "leaves"),
    [("def g():", True), ("}", True), ("end", True), ("    a", False), ("else:", False)],
)
def test_what_is_left_of_the_block(line: str, leaves: bool) -> None:
    hole = Hole("def f():\n", "\n    return\n")
    assert HoleLines(hole, in_block=True).is_left_of_block(line, 4) == leaves
    assert not HoleLines(hole, in_block=False).is_left_of_block(line, 4)
    assert not HoleLines(hole, in_block=True).is_left_of_block(line, None)


def test_a_jump_beside_the_suffix() -> None:
    lines = HoleLines(Hole("f\n", "\n  a\n"), in_block=True)
    starts = ["  re", "  return 1", "  break;", "    return", "  retry"]
    assert [lines.may_jump(start) for start in starts] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("suffix", "kept", "bare"),
    [
        ("\n  b\n", "a", "a"),
        ("b\n", "a\n\n", "a\n"),
        ("", "a\n", "a\n"),
        (" \nb\n", "a", "a"),
    ],
)
def test_the_blank_lines_at_the_end_are_the_suffixs(suffix: str, kept: str, bare: str) -> None:
    lines = HoleLines(Hole("x\n", suffix), in_block=True)
    assert lines.without_gap("a\n\n") == kept
    assert lines.without_blank_lines(kept) == bare


def test_a_block_begins_again_with_the_line_that_opened_it() -> None:
    lines = HoleLines(Hole("fn f() {\n    a;\n", "    b\n}\n"), in_block=True)
    answer = "    c;\n    b\n}\n\nfn f() {\n    c;\n"
    assert lines.begins_again(answer, 4, 0, len(answer))
    assert not lines.begins_again(answer, 4, 0, answer.index("}"))
    other = answer.replace("fn f", "fn g")
    assert not lines.begins_again(other, 4, 0, len(other))

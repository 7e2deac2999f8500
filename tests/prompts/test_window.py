"""What of a long text is kept for a model: whole lines, nearest to the hole first."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.model import Hole
from starcoder_cli.prompts.window import MAX_CHARACTERS_PER_TOKEN, fit_hole

few_examples = settings(max_examples=50, deadline=None, derandomize=True)

BEFORE = "one\ntwo\nthree\nfour"
AFTER = "\nfive\nsix\nseven\n"
code = st.text("ab\n\x0c\u2028", max_size=60)


@pytest.mark.parametrize(
    ("budget", "kept"),
    [
        (100, Hole(BEFORE, AFTER)),
        (34, Hole(BEFORE, AFTER)),
        (33, Hole(BEFORE, "\nfive\nsix\n")),
        (26, Hole(BEFORE, "\nfive\n")),
        (20, Hole("two\nthree\nfour", "\nfive\n")),
        (13, Hole("three\nfour", "\n")),
        (8, Hole("four", "\n")),
        (4, Hole("our", "\n")),
        (1, Hole("r", "")),
        (0, Hole("", "")),
    ],
)
def test_whole_lines_far_from_the_hole_go_first(budget: int, kept: Hole) -> None:
    assert fit_hole(Hole(BEFORE, AFTER), budget, len) == kept


def test_the_suffix_has_a_quarter_and_what_the_prefix_leaves() -> None:
    long = "".join(f"{number:03}\n" for number in range(100))
    assert fit_hole(Hole(long, long), 80, len) == Hole(long[-60:], long[:20])
    assert fit_hole(Hole(long[:8], long), 80, len) == Hole(long[:8], long[:72])
    assert fit_hole(Hole(long, long[:8]), 80, len) == Hole(long[-72:], long[:8])


@few_examples
@given(code, code, st.integers(1, 60))
def test_what_is_kept_is_next_to_the_hole_and_within_the_budget(
    prefix: str, suffix: str, budget: int
) -> None:
    kept = fit_hole(Hole(prefix, suffix), budget, len)
    assert prefix.endswith(kept.prefix)
    assert suffix.startswith(kept.suffix)
    assert len(kept.prefix) + len(kept.suffix) <= budget
    lost = prefix[: len(prefix) - len(kept.prefix)]
    assert lost.endswith("\n") or not lost or "\n" not in kept.prefix.rstrip()
    if len(prefix) + len(suffix) <= budget:
        assert kept == Hole(prefix, suffix)


def test_far_more_text_than_could_fit_is_not_counted() -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return len(text.split())

    line = "word " * 9 + "\n"
    kept = fit_hole(Hole(line * 10_000), 90, count)
    assert kept.prefix == line * 10
    assert max(map(len, counted)) <= 90 * MAX_CHARACTERS_PER_TOKEN


def test_a_long_prefix_begins_at_the_same_line_while_somebody_types() -> None:
    prefix = "".join(f"{number:03}\n" for number in range(200))
    starts = {fit_hole(Hole(prefix + "x" * typed), 300, len).prefix[:3] for typed in range(24)}
    assert len(starts) <= 2
    kept = [fit_hole(Hole(prefix + "new\n" * typed), 300, len).prefix for typed in range(40)]
    assert len({each[:3] for each in kept}) <= 8
    assert all(200 <= len(each) <= 300 for each in kept)


def test_a_long_prefix_begins_at_the_same_line_wherever_the_editor_begins() -> None:
    lines = [f"{number:03}\n" for number in range(200)]
    prefixes = ("".join(lines[first:]) for first in range(64))
    assert len({fit_hole(Hole(prefix), 300, len).prefix for prefix in prefixes}) == 1


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n    ", "\n\n\t", "\r\n"])
@pytest.mark.parametrize("length", [80, 100 * MAX_CHARACTERS_PER_TOKEN])
def test_of_a_very_long_line_its_end_is_read_whatever_white_space_is_behind_it(
    length: int, end: str
) -> None:
    kept = fit_hole(Hole("first\n" + "x" * length + end), 40, len)
    assert kept == Hole("x" * (40 - len(end)) + end)

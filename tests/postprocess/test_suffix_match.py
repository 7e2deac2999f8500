"""Where an answer goes on into the suffix."""

import pytest

from starcoder_cli.postprocess.suffix_match import SuffixMatch, SuffixMatcher, are_similar

SUFFIX = ["    assert f(1)", "    assert f(2)", "    return f(3)", "}", "next()"] + ["more"] * 9


def fed(lines: list[str], suffix: list[str] = SUFFIX) -> SuffixMatcher:
    """A matcher that has read some lines, each ten characters behind the one before."""
    matcher = SuffixMatcher(suffix)
    for number, line in enumerate(lines):
        matcher.feed(line, 10 * number)
    return matcher


def test_several_lines_are_no_coincidence() -> None:
    assert fed(["x", *SUFFIX[:2]]).certain() is None
    assert fed(["x", *SUFFIX[:3]]).certain() == SuffixMatch(10, 3)
    assert fed([*SUFFIX[:2], *SUFFIX[:3]]).certain() == SuffixMatch(20, 3)


def test_one_line_is_one() -> None:
    assert fed(SUFFIX[:1]).likely() == SuffixMatch(0, 1)
    assert fed([SUFFIX[0], "other"]).matches == []
    assert fed(["#"], ["#", "def f():"]).likely() is None


def test_all_that_a_file_has_left_is_no_coincidence() -> None:
    assert fed(["return x"], ["return x"]).certain() == SuffixMatch(0, 1)
    assert fed(["}"], ["}"]).certain() is None


def test_all_that_a_file_has_left_may_begin_in_other_words() -> None:
    suffix = ["    if count == 0:", "        return nothing"]
    matched = fed(["    while count == 0:", suffix[1]], suffix)
    assert matched.certain() == SuffixMatch(0, 2, exact=False)
    assert fed(["    while count == 0:"], suffix).likely() is None
    assert fed(["  while count == 0:", suffix[1]], suffix).certain() is None
    assert fed(["    while count == 0:", suffix[1]], [*suffix, *SUFFIX]).matches == []


@pytest.mark.parametrize(
    ("line", "other", "similar"),
    [
        ("    if a == 0:", "    while a == 0:", True),
        ("    if a == 0:", "  if a == 0:", False),
        ("    import os", "    return 2", False),
        ("", "", False),
        ("a" * 200, "a" * 200, False),
    ],
)
def test_lines_are_alike_where_they_stand_equally_deep(
    line: str, other: str, similar: bool
) -> None:
    assert are_similar(line, other) is similar


def test_the_last_line_may_be_unfinished() -> None:
    matcher = fed([SUFFIX[0]])
    assert not matcher.feed_unfinished("    assert f", 10) and matcher.likely()
    assert matcher.feed_unfinished(SUFFIX[0], 20) and matcher.likely() == SuffixMatch(20, 1)
    assert not fed([SUFFIX[0]]).feed_unfinished("    raise", 10)


def test_what_may_become_the_first_line() -> None:
    matcher = SuffixMatcher(SUFFIX)
    assert matcher.may_begin("    ass") and not matcher.may_begin("  ass")
    assert not SuffixMatcher([]).may_begin("")


def test_very_many_beginnings_are_few_matches() -> None:
    assert len(fed(["#"] * 1000, ["#", "#", "#", "#", "#", "#", "#", "#", "x"]).matches) <= 8

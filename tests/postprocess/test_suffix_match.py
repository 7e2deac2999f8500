"""Where an answer goes on into the suffix."""

import pytest

from starcoder_cli.postprocess.suffix_match import (
    SuffixMatch,
    SuffixMatcher,
    are_similar,
    count_certain_lines,
)

SUFFIX = ["    assert f(1)", "    assert f(2)", "    return f(3)", "}", "next()"] + ["more"] * 9


def fed(lines: list[str], suffix: list[str] = SUFFIX, rest: str = "") -> SuffixMatcher:
    """A matcher that has read some lines, each ten characters behind the one before."""
    matcher = SuffixMatcher(suffix, rest)
    for number, line in enumerate(lines):
        matcher.feed(line, 10 * number)
    return matcher


def test_several_lines_are_no_coincidence() -> None:
    assert fed(["x", *SUFFIX[:2]]).certain() is None
    assert fed(["x", *SUFFIX[:3]]).certain() == SuffixMatch(10, 3)
    assert fed([*SUFFIX[:2], *SUFFIX[:3]]).certain() == SuffixMatch(20, 3)


def test_one_line_is_one() -> None:
    assert fed(["x", SUFFIX[0]]).likely() == SuffixMatch(10, 1)
    assert fed(["x", SUFFIX[0], "other"]).matches == []
    assert fed(["x", "#"], ["#", "def f():"]).likely() is None


def test_before_all_text_every_line_that_is_looked_at_has_to_be_the_suffixs() -> None:
    assert fed(SUFFIX[:7]).certain() is None and fed(SUFFIX[:7]).likely() is None
    assert fed(SUFFIX[:8]).certain() == fed(SUFFIX[:8]).likely()
    assert fed(SUFFIX[:8]).certain() == SuffixMatch(0, 8, is_first=True)
    assert fed(SUFFIX[:3]).may_stand(0) and not fed([*SUFFIX[:3], "x"]).may_stand(0)
    assert fed(["x", SUFFIX[0], "x"]).may_stand(10)


def test_a_line_may_end_with_the_rest_of_the_holes_line() -> None:
    suffix = ["    = n;", "    g(a, b, c);", "    h(d, e, f);", "    i();", *SUFFIX]
    matched = fed(["    a = n;", *suffix[1:3]], suffix, "= n;")
    assert matched.certain() == SuffixMatch(2, 3)
    assert fed(["    a = n;", "    c = m;"], suffix, "= n;").matches == []


def test_a_rest_without_a_word_is_the_suffixs_where_the_next_line_is() -> None:
    suffix = ["    );", "    break;", "case 2:", "    g();"]
    matcher = SuffixMatcher(suffix, ");")
    assert [matcher.feed("    f(a);", 0), matcher.feed("    break;", 10)] == [None, 3]
    assert matcher.feed("    );", 20) == 24


def test_lines_that_stand_elsewhere_too_are_no_evidence() -> None:
    suffix = ["@test", "@slow", "@all", "def f():", "    pass"]
    assert count_certain_lines(suffix, []) == 3
    assert count_certain_lines(suffix, ["x", *suffix[:3], "def g():"]) == 4
    assert count_certain_lines([*suffix, *suffix[:4]], suffix[:1]) == 5
    assert count_certain_lines([], ["x"]) == 3


def test_all_that_a_file_has_left_is_no_coincidence() -> None:
    assert fed(["return x"], ["return x"]).certain() == SuffixMatch(0, 1, is_first=True)
    assert fed(["}"], ["}"]).certain() is None


def test_all_that_a_file_has_left_may_begin_in_other_words() -> None:
    suffix = ["    if count == 0:", "        return nothing"]
    matched = fed(["x", "    while count == 0:", suffix[1]], suffix)
    assert matched.certain() == SuffixMatch(10, 2, exact=False)
    assert fed(["    while count == 0:", suffix[1]], suffix).certain() is None
    assert fed(["x", "    while count == 0:"], suffix).likely() is None
    assert fed(["x", "  while count == 0:", suffix[1]], suffix).certain() is None
    assert fed(["x", "    while count == 0:", suffix[1]], [*suffix, *SUFFIX]).matches == []


@pytest.mark.parametrize(
    ("line", "other", "similar"),
    [
        ("    if a == 0:", "    while a == 0:", True),
        ("    if a == 0:", "  if a == 0:", False),
        ("    import os", "    return 2", False),
        ("int driver_pause(struct driver *d)", "int driver_resume(struct driver *d)", False),
        ("def next(self) -> int:", "def next(self) -> str:", True),
        ("", "", False),
        ("a" * 200, "a" * 200, False),
    ],
)
def test_lines_are_alike_where_they_stand_equally_deep(
    line: str, other: str, similar: bool
) -> None:
    assert are_similar(line, other) is similar


def test_the_last_line_may_be_unfinished() -> None:
    matcher = fed(["x", SUFFIX[0]])
    assert matcher.feed_unfinished("    assert f", 20) is None and matcher.likely()
    assert matcher.feed_unfinished(SUFFIX[0], 30) == 30
    assert matcher.likely() == SuffixMatch(30, 1)
    matcher = fed(["x", SUFFIX[0]])
    assert matcher.feed_unfinished("    raise", 20) is None and matcher.matches == []


def test_what_may_become_the_first_line() -> None:
    matcher = SuffixMatcher(SUFFIX)
    assert matcher.may_begin("    ass") and not matcher.may_begin("  ass")
    assert not SuffixMatcher([]).may_begin("")


def test_very_many_beginnings_are_few_matches() -> None:
    assert len(fed(["#"] * 1000, ["#", "#", "#", "#", "#", "#", "#", "#", "x"]).matches) <= 8

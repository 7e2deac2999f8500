"""How much is read, and in which order it stands."""

import pytest

from starcoder_cli import languages
from starcoder_cli.context.snippets import (
    FILE_NAME_OVERHEAD_TOKENS,
    ContextSnippet,
    SnippetTokenCounter,
    group_by_file,
    select_within_budget,
    snippet_of_file,
    truncate_snippets,
)
from starcoder_cli.prompts.fim import Document

PRICE = SnippetTokenCounter(len)
EXTRA = 1 + FILE_NAME_OVERHEAD_TOKENS


def snippet(path: str, text: str, first: int = 1) -> ContextSnippet:
    """Lines of a file."""
    return ContextSnippet(path, text, first, first + text.count("\n"))


def test_the_best_that_fit_and_what_is_too_long_makes_way() -> None:
    ranked = [snippet("a", "x" * 20), snippet("b", "x" * 90), snippet("c", "x" * 10)]
    kept = select_within_budget(ranked, 20 + 10 + 2 * EXTRA, PRICE)
    assert [(each.snippet.path, each.tokens) for each in kept] == [
        ("a", 20 + EXTRA),
        ("c", 10 + EXTRA),
    ]
    assert select_within_budget(ranked, 0, PRICE) == select_within_budget((), 1000, PRICE) == ()


def test_few_texts_are_counted_and_none_that_is_far_too_long() -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return 1000

    assert select_within_budget([snippet("a", "x")] * 500, 100, SnippetTokenCounter(count)) == ()
    assert len(counted) < 100
    counted.clear()
    assert (
        select_within_budget([snippet("a", "x" * 1000)] * 500, 100, SnippetTokenCounter(count))
        == ()
    )
    assert counted == []


def test_as_comments_text_costs_more() -> None:
    commented = SnippetTokenCounter(len, languages.find_language("python"))
    assert commented.count_snippet(snippet("a", "b\nc")) == len("# b\n# c") + EXTRA
    json_like = SnippetTokenCounter(len, languages.find_language("json"))
    assert json_like.count_snippet(snippet("a", "b\nc")) == PRICE.count_snippet(
        snippet("a", "b\nc")
    )


def test_what_was_asked_for_loses_lines_at_its_end() -> None:
    asked = [snippet("a", "one\ntwo\nthree\n", 5), snippet("b", "four\n")]
    kept = truncate_snippets(asked, 8 + EXTRA, PRICE)
    assert kept[0].snippet == ContextSnippet("a", "one\ntwo\n", 5, 6)
    assert (kept[1].snippet.text, kept[1].tokens) == ("", 0)
    assert [each.snippet for each in truncate_snippets(asked, 1000, PRICE)] == asked


# Snippets as files


def test_what_matters_most_stands_last_and_a_file_stands_once() -> None:
    ranked = [snippet("a", "a9", 9), snippet("b", "b1"), snippet("a", "a1\n")]
    assert group_by_file(ranked) == (Document("b", "b1\n"), Document("a", "a1\n\na9\n"))
    assert group_by_file(()) == ()


def test_a_name_fits_a_line() -> None:
    assert group_by_file([snippet("a\nb\x1b\udcff", "x")]) == (Document("a b␛<U+DCFF>", "x\n"),)


@pytest.mark.parametrize(
    ("text", "lines"), [("", "1"), ("a", "1"), ("a\n", "1"), ("a\nb", "1-2"), ("\n\n", "1-2")]
)
def test_a_whole_file_and_its_lines(text: str, lines: str) -> None:
    assert snippet_of_file("a", text).line_range == lines


def test_snippets_meet_in_one_file_alone() -> None:
    assert snippet("a", "1\n2").overlaps(snippet("a", "2", 2))
    assert not snippet("a", "1\n2").overlaps(snippet("a", "3", 3))
    assert not snippet("a", "1").overlaps(snippet("b", "1"))

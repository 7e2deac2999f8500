"""How much is read, in which order it stands, and how fast a model turned out to be."""

import json
from pathlib import Path

import pytest

from starcoder_cli import languages
from starcoder_cli.context.reading_speed import (
    GUESS,
    LEAST_TOKENS,
    MOST_MODELS,
    file_path,
    remember,
    tokens_per_second,
)
from starcoder_cli.context.snippets import (
    NAME_TOKENS,
    Price,
    Snippet,
    cut,
    documents,
    whole,
    within,
)
from starcoder_cli.prompts.fim import Document

PRICE = Price(len)
EXTRA = 1 + NAME_TOKENS


def snippet(path: str, text: str, first: int = 1) -> Snippet:
    """Lines of a file."""
    return Snippet(path, text, first, first + text.count("\n"))


def test_the_best_that_fit_and_what_is_too_long_makes_way() -> None:
    ranked = [snippet("a", "x" * 20), snippet("b", "x" * 90), snippet("c", "x" * 10)]
    kept = within(ranked, 20 + 10 + 2 * EXTRA, PRICE)
    assert [(each.snippet.path, each.tokens) for each in kept] == [
        ("a", 20 + EXTRA),
        ("c", 10 + EXTRA),
    ]
    assert within(ranked, 0, PRICE) == within((), 1000, PRICE) == ()


def test_few_texts_are_counted_and_none_that_is_far_too_long() -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return 1000

    assert within([snippet("a", "x")] * 500, 100, Price(count)) == ()
    assert len(counted) < 100
    counted.clear()
    assert within([snippet("a", "x" * 1000)] * 500, 100, Price(count)) == ()
    assert counted == []


def test_as_comments_text_costs_more() -> None:
    commented = Price(len, languages.find("python"))
    assert commented.of(snippet("a", "b\nc")) == len("# b\n# c") + EXTRA
    json_like = Price(len, languages.find("json"))
    assert json_like.of(snippet("a", "b\nc")) == PRICE.of(snippet("a", "b\nc"))


def test_what_was_asked_for_loses_lines_at_its_end() -> None:
    asked = [snippet("a", "one\ntwo\nthree\n", 5), snippet("b", "four\n")]
    kept = cut(asked, 8 + EXTRA, PRICE)
    assert kept[0].snippet == Snippet("a", "one\ntwo\n", 5, 6)
    assert (kept[1].snippet.text, kept[1].tokens) == ("", 0)
    assert [each.snippet for each in cut(asked, 1000, PRICE)] == asked


# Snippets as files


def test_what_matters_most_stands_last_and_a_file_stands_once() -> None:
    ranked = [snippet("a", "a9", 9), snippet("b", "b1"), snippet("a", "a1\n")]
    assert documents(ranked) == (Document("b", "b1\n"), Document("a", "a1\n\na9\n"))
    assert documents(()) == ()


def test_a_name_fits_a_line() -> None:
    assert documents([snippet("a\nb\x1b\udcff", "x")]) == (Document("a b␛<U+DCFF>", "x\n"),)


@pytest.mark.parametrize(
    ("text", "lines"), [("", "1"), ("a", "1"), ("a\n", "1"), ("a\nb", "1-2"), ("\n\n", "1-2")]
)
def test_a_whole_file_and_its_lines(text: str, lines: str) -> None:
    assert whole("a", text).lines == lines


def test_snippets_meet_in_one_file_alone() -> None:
    assert snippet("a", "1\n2").meets(snippet("a", "2", 2))
    assert not snippet("a", "1\n2").meets(snippet("a", "3", 3))
    assert not snippet("a", "1").meets(snippet("b", "1"))


# How fast a model reads


def test_a_speed_is_remembered_and_the_latest_counts_half() -> None:
    assert tokens_per_second("m") == GUESS
    remember("m", 1000, 2.0)
    assert tokens_per_second("m") == 500.0
    remember("m", 1000, 1.0)
    assert (tokens_per_second("m"), tokens_per_second("other")) == (750.0, GUESS)
    remember("m", LEAST_TOKENS - 1, 1.0)
    remember("m", 1000, 0.0)
    assert tokens_per_second("m") == 750.0
    assert [path.name for path in file_path().parent.iterdir()] == ["speeds.json"]


def test_few_models_are_remembered() -> None:
    for number in range(MOST_MODELS + 5):
        remember(f"m{number}", 1000, 1.0)
    assert len(json.loads(file_path().read_bytes())) == MOST_MODELS
    assert (tokens_per_second("m4"), tokens_per_second("m5")) == (GUESS, 1000.0)


@pytest.mark.parametrize(
    "damaged",
    [b"", b"[", b"[1]", b"\xff", b'{"m": []}', b'{"m": "fast"}', b'{"m": 0}', b'{"m": 1e999}'],
)
def test_a_damaged_file_says_nothing_and_is_replaced(damaged: bytes) -> None:
    file_path().parent.mkdir(parents=True)
    file_path().write_bytes(damaged)
    assert tokens_per_second("m") == GUESS
    remember("m", 1000, 2.0)
    assert tokens_per_second("m") == 500.0


def test_where_nothing_can_be_written_nothing_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STARCODER_DATA_DIR", str(tmp_path / "file" / "data"))
    remember("m", 1000, 2.0)
    assert tokens_per_second("m") == GUESS

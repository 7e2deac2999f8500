"""Tokenizers whose regular expressions backtrack without end are noticed at once."""

from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Replace
from tokenizers.pre_tokenizers import Sequence, Split

from starcoder_cli.engines.decoding.slowness import is_too_slow
from starcoder_cli.engines.decoding.tokenizer import read_tokenizer
from starcoder_cli.errors import DataError

ANY = r"(?:\w|\W)*?"
NEVER = r"(?<=\x00)"
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def with_patterns(*patterns: str) -> Tokenizer:
    """A tokenizer that splits a text by patterns."""
    made = Tokenizer(WordLevel({"?": 0}, "?"))
    made.pre_tokenizer = Sequence([Split(Regex(each), "isolated") for each in patterns])
    return made


@pytest.mark.parametrize(
    "patterns",
    [
        [ANY * 3 + NEVER],
        [ANY * 3 + NEVER] * 20,
        [ANY + NEVER],
        [r"[ ]*?" * 3 + r"(?:x|\s)*?" + NEVER],
    ],
    ids=["cubic", "many", "quadratic", "spaces"],
)
def test_one_that_backtracks_without_end_is_too_slow(patterns: list[str]) -> None:
    assert is_too_slow(with_patterns(*patterns))


def test_one_that_replaces_so_is_too() -> None:
    made = Tokenizer(WordLevel({"?": 0}, "?"))
    made.normalizer = Replace(Regex(ANY + NEVER), "")
    assert is_too_slow(made)


def test_one_of_the_usual_kind_is_not() -> None:
    assert not is_too_slow(with_patterns(GPT2))
    assert not is_too_slow(Tokenizer(WordLevel({"?": 0}, "?")))


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (ANY + NEVER, "takes far too long for short texts; choose another model"),
        ("(a|a)*" + NEVER, "fails: .*retry-limit-in-match over; get the checkpoint again"),
    ],
)
def test_the_model_is_refused(pattern: str, problem: str, tmp_path: Path) -> None:
    with_patterns(pattern).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(DataError, match=problem):
        read_tokenizer(tmp_path)

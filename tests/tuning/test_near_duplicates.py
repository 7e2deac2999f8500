"""Near-duplicates are found, and nothing else."""

import sys

import pytest

from codebases import WORDS, code, source
from starcoder_cli.errors import MachineError
from starcoder_cli.tuning.near_duplicates import drop_near_duplicates, jaccard, shingles


def test_the_first_of_a_kind_stays() -> None:
    changed = code("apple", 8).replace("print", "log", 1)
    sources = [
        *(source(f"{word}.py", code(word, 8)) for word in WORDS),
        source("copy.py", code("apple", 8)),
        source("near.py", changed),
    ]
    kept = drop_near_duplicates(sources, seed=0)
    assert [each.path for each in kept] == [f"{word}.py" for word in WORDS]


def test_similarity() -> None:
    assert shingles("a b c d e f") == {"a b c d e", "b c d e f"}
    assert shingles("a b") == {"a b"}
    assert jaccard({"a", "b"}, {"b", "c"}) == pytest.approx(1 / 3)


def test_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasketch", None)
    with pytest.raises(
        MachineError,
        match=r"datasketch, which is not installed; install the extra `tune`: put '.\[tune\]'",
    ):
        drop_near_duplicates([], seed=0)

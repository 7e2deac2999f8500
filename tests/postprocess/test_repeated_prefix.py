"""What stands before a hole is not said again."""

import pytest

from holes import chunked
from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.repeated_prefix import MAX_LINE, drop_repeated_prefix
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.stream import collect

REPEATED = [
    ("python", "def f(x):\n    return ", "return x + 1", "x + 1"),
    ("javascript", "exports.etag = ", "exports.etag = f(x)", "f(x)"),
    ("cpp", "/*\n *  Distributed under ", "*  Distributed under the", "the"),
    ("go", "package a\nfunc b() {\n\tcat.Eat(nil, ", "cat.Eat(nil, dog)", "dog)"),
    ("javascript", "switch (typeof x) {\n", "switch (typeof x) {\n}\n", "}\n"),
    ("python", "def f(x):\n", "def f(x):\n    return x\n", "    return x\n"),
    ("perl", "sub f {\n    return ", "    return $s->g(@_)", "$s->g(@_)"),
    ("c", "int f(int x) {\n", "int f(int x) {\n  return x;\n", "  return x;\n"),
]
NEW = [
    ("python", "x = not ", "not y"),
    ("lua", "if a then\n  if b then return nil end", "\nend"),
    ("ruby", "def f\n  g do |x| x end", "\nend"),
    ("cpp", "std::vector<", "std::vector<int>> x;"),
    ("python", "def f(x):\n", "    return x\n"),
    ("python", "f(x)\n", "f(x)\n"),
    ("javascript", "{\n", "{\n}\n"),
    ("python", "return ", "returned"),
    ("perl", "sub f {\n    return ", "return $s->g(@_)"),
    ("c", "int a[] = {NULL, NULL, ", "NULL, NULL, NULL}"),
    ("json", '{"items": {\n', '"items": {\n}\n'),
    ("tcl", "start_server {} {\n", "start_server {} {\n}\n"),
    ("c", "do {\n", "do {\n} while (0);\n"),
    ("html", "<div>\n", "<div>\n</div>\n"),
    ("ruby", "loop do\n", "loop_once do\n"),
]


def dropped(language: str, prefix: str, answer: str, size: int) -> tuple[str, tuple[str, ...]]:
    """What is left of an answer in chunks of one size, and the rules that took something."""
    hole = Hole(prefix, ")\n}\n" if "nil" in prefix else "\n")
    check = SoundnessCheck(hole, "", languages.find_language(language))
    kept = collect(drop_repeated_prefix(chunked(answer, size), hole, check))
    return kept.text, kept.trimmed


@pytest.mark.parametrize(("language", "prefix", "answer", "kept"), REPEATED)
def test_it_is_dropped(language: str, prefix: str, answer: str, kept: str) -> None:
    for size in range(1, len(answer) + 1):
        assert dropped(language, prefix, answer, size) == (kept, ("prefix",))


@pytest.mark.parametrize(("language", "prefix", "answer"), NEW)
def test_what_only_looks_so_stays(language: str, prefix: str, answer: str) -> None:
    for size in range(1, len(answer) + 1):
        assert dropped(language, prefix, answer, size) == (answer, ())


def test_a_line_without_an_end_is_not_waited_for() -> None:
    hole = Hole("x = ", "\n")
    check = SoundnessCheck(hole, "", languages.find_language("python"))
    chunks = drop_repeated_prefix(chunked("x = " + "1 + " * MAX_LINE, 4), hole, check)
    assert sum(len(chunk.text) > 0 for chunk in chunks) > MAX_LINE / 2

"""What is kept of an answer: the most that leaves its file sound."""

import pytest

from holes import chunked
from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.sound_part import join_rest_of_line, keep_sound_part
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.postprocess.trim import trim_answer
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.stream import Chunk, collect

CUT = {
    "a bracket that is the suffix's": (
        ("rust", "fn into_iter(", ") -> Iter {\n    self.iter()\n}\n"),
        "self) -> Iter {",
        "self",
    ),
    "brackets that pair, and one more": (
        ("php", "<?php\nsame(", ", $l->read(4));\n"),
        "'foo', get($this->name));",
        "'foo', get($this->name)",
    ),
    "a line that closes what the file closes": (
        ("ruby", "def setup\n", "  @chunked = false\nend\n"),
        "  header\nend\n",
        "  header\n",
    ),
    "nothing but that": (
        ("java", "class A {\n    void f() {\n", "    }\n}\n"),
        "    }\n",
        "",
    ),
    "code behind the end of the string that the hole is in": (
        ("python", 'def f():\n    """Opens.\n\n', '    a connection.\n    """\n    pass\n'),
        '    Does nothing.\n    """\n    pass\n',
        "    Does nothing.\n",
    ),
}
STAYS = {
    "what is sound": (("rust", "fn f(", ") {}\n"), "a: Vec<(u8, u8)>"),
    "what nothing makes sound": (("go", "package a\n\nvar b = f(g(1,\n", "}\n"), "\t2,\n"),
    "what the file had before": (("c", "int f( {\n", "}\n"), "  return 1;\n"),
}


def kept(place: tuple[str, str, str], answer: str, size: int) -> tuple[str, tuple[str, ...]]:
    """What is left of an answer in chunks of a size, and the rules that took the rest."""
    language, prefix, suffix = place
    check = SoundnessCheck(Hole(prefix, suffix), "", languages.find_language(language))
    completion = collect(keep_sound_part(chunked(answer, size), check))
    return completion.text, completion.trimmed


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(("place", "answer", "expected"), CUT.values(), ids=CUT)
def test_the_most_that_is_sound(
    place: tuple[str, str, str], answer: str, expected: str, size: int
) -> None:
    assert kept(place, answer, size) == (expected, ("surplus",))


@pytest.mark.parametrize(("place", "answer"), STAYS.values(), ids=STAYS)
def test_an_answer_that_stays(place: tuple[str, str, str], answer: str) -> None:
    assert kept(place, answer, 5) == (answer, ())


PYTHON_REST = ("python", "def mean(values, n):\n    ", " / n\n    return total\n")
C_REST = ("c", "void f(void)\n{\n    ", ";\n}\n")
OWN_LINE = ("python", "def f(x):\n    ", "return x\n")
CHAIN = ("javascript", "f(x)\n  ", ".then(y)\n")


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(
    ("place", "answer", "expected"),
    [
        (PYTHON_REST, "total = sum(values)\n", "total = sum(values)"),
        (PYTHON_REST, "```python\ntotal = sum(values)\n```\n", "total = sum(values)"),
        (C_REST, "float *w;\nfloat *v = NULL\n", "float *w;\nfloat *v = NULL"),
        (C_REST, "g();\n// more\n", "g();\n// more\n"),
        (OWN_LINE, "```python\nx += 1\n```\n", "x += 1\n"),
        (CHAIN, ".map(z)\n", ".map(z)\n"),
    ],
)
def test_the_rest_of_a_line_follows_what_it_belongs_to(
    place: tuple[str, str, str], answer: str, expected: str, live: bool
) -> None:
    language, prefix, suffix = place
    options = TrimOptions(languages.find_language(language), live=live)
    for size in (1, 7, 1000):
        found = collect(trim_answer(chunked(answer, size), Hole(prefix, suffix), options))
        assert found.text == expected


def test_a_line_end_is_passed_on_where_the_answer_does_not_say_that_it_ends() -> None:
    check = SoundnessCheck(Hole("    ", "x\n"), "", languages.find_language("python"))
    chunks = join_rest_of_line([Chunk("a\n"), Chunk("b\n\n")], "x", check)
    assert [chunk.text for chunk in chunks] == ["a", "\nb", "\n\n"]

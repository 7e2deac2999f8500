"""An answer is as deep as its hole; it is moved as a whole, and only where a parser wants it."""

import itertools

import pytest

from holes import chunked
from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.indentation import (
    indent_columns,
    indent_unit,
    missing_beginning,
    reindent,
)
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.stream import Chunk, FinishReason, collect

MOVED = {
    "a block begins deeper than the line that opens it": (
        ("def f():\n", "\ndef g():\n    pass\n"),
        "if x:\n    return 1\nreturn 2\n",
        "    if x:\n        return 1\n    return 2\n",
    ),
    "the inside of a text stays": (
        ("def f():\n", "\n    return x\n"),
        'x = """a\nb\n"""',
        '    x = """a\nb\n"""',
    ),
    "lines that leave the block stay": (
        ("for a in b:\n    if a:\n", "\n"),
        "    return 1\n\nprint(f())\n",
        "        return 1\n\nprint(f())\n",
    ),
    "nor behind a comment that ends in a colon": (
        ("def f():\n    # Note:\n    ", "\n"),
        "    return 1",
        "return 1",
    ),
    "nor in a docstring that does": (
        ('def f():\n    """Returns:\n    ', '\n    """\n'),
        "    the one.",
        "the one.",
    ),
    "what stands before the hole is not written again": (
        ("def f():\n    ", "\n"),
        "    return 1",
        "return 1",
    ),
    "nor behind a head of several lines": (
        ("def f(\n        a,\n        b):\n    ", "\n\n\nf(1, 2)\n"),
        "    return a",
        "return a",
    ),
    "nor all of it where only a part stands there": (
        ("if a:\n    if b:\n    ", "\n    c()\n"),
        "        d()\n        e()",
        "    d()\n        e()",
    ),
}

STAYS = {
    "what is missing of the white space before the hole": (
        "python",
        ("    if a:\n        b()\n    elif c:\n    ", "\n    else:\n        e()\n"),
        "    d()",
    ),
    "a block as it should be": ("python", ("def f():\n", ""), "    return 1\n"),
    "a header between two bodies": (
        "python",
        ("class A:\n    def f(self):\n        self.a()\n\n", "\n        self.b()\n"),
        "    def g(self):",
    ),
    "behind a comment that ends in a colon": (
        "python",
        ("def f():\n    # Note:\n", "\n    return 1\n"),
        "    a = 1",
    ),
    "tabs in a file that has no style": ("python", ("def f():\n", "\n\nf()\n"), "\treturn 1"),
    "a closing brace": ("c", ("void f() {\n  if (a) {\n", "}\n"), "  }\n"),
    "what is not deep, where it makes no difference": ("c", ("void f() {\n", "\n}\n"), "a();"),
    "the end of a here-document": (
        "shell",
        ("f() {\n", "\n}\n"),
        "  cat <<EOF\nto: me\nEOF",
    ),
    "behind code on its line": ("python", ("x =", "\n"), "  1"),
}


def reindented(
    language: str,
    hole: tuple[str, str],
    answer: str,
    size: int,
    replaced: str = "",
    reason: FinishReason = "stop",
) -> tuple[str, tuple[str, ...]]:
    """An answer in chunks of one size, as deep as it is to be, and the rules that made it so."""
    place = Hole(*hole)
    check = SoundnessCheck(place, replaced, languages.find_language(language))
    kept = collect(reindent(chunked(answer, size, reason), place, check))
    return kept.text, kept.trimmed


@pytest.mark.parametrize(("hole", "answer", "wanted"), MOVED.values(), ids=MOVED)
def test_an_answer_is_moved_as_a_whole(hole: tuple[str, str], answer: str, wanted: str) -> None:
    for size in range(1, len(answer) + 1):
        assert reindented("python", hole, answer, size) == (wanted, ("indentation",))


@pytest.mark.parametrize(("language", "hole", "answer"), STAYS.values(), ids=STAYS)
def test_a_right_answer_stays(language: str, hole: tuple[str, str], answer: str) -> None:
    for size in range(1, len(answer) + 1):
        assert reindented(language, hole, answer, size) == (answer, ())


def test_a_hole_that_has_code_knows_how_deep_it_is() -> None:
    hole = ("for a in b:\n    c()\n", "\n    d()\n")
    assert reindented("python", hole, "e()", 2, "x = 1") == ("e()", ())
    assert reindented("python", hole, "e()", 2) == ("    e()", ("indentation",))


def test_an_answer_that_was_cut_off_cannot_be_judged() -> None:
    hole = ("a:\n  b: 1\n", "\n  d: 1\n")
    assert reindented("yaml", hole, "c: [", 2, reason="length")[0] == "c: ["
    assert reindented("yaml", hole, "c: 1", 2)[0] == "  c: 1"


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("a\n  b\n    c\n", "  "),
        ("a\n            b\n", "    "),
        ("a\n   b\n", "   "),
        ("a\n b\n", "    "),
        ("a\n\tb\n", "\t"),
        ("a\n", "    "),
    ],
)
def test_one_step_of_indentation(text: str, unit: str) -> None:
    assert indent_unit(text) == unit


def test_columns() -> None:
    assert [indent_columns(line) for line in ("a", "  a", "\ta", " \ta")] == [0, 2, 8, 8]


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [
        ('def f():\n    """Words."""', "\n\ndef g():\n    pass\n", "\n    "),
        ('def f():\n    """Words."""\n', "\ndef g():\n    pass\n", "    "),
        ('def f():\n    """Words."""\n  ', "", "  "),
        ("def f():\n    # Add them.", "", "\n    "),
        ("def f():", "\n", "\n    "),
        ("class A:\n  def f():\n", "", "    "),
        ("def f():\n    return 1", "\n", ""),
        ("def f():\n    x = 1\n", "\n    return x\n", ""),
        ('"""A module."""', "\n", ""),
        ("# A module.\n", "\n", ""),
        ('def f():\n    """Words."""', " + 1\n", ""),
        ("", "", ""),
    ],
)
def test_what_has_to_follow_a_line(prefix: str, suffix: str, expected: str) -> None:
    assert missing_beginning(Hole(prefix, suffix), languages.find_language("python")) == expected


ITEMS = "- name: a\n  image: b\n- name: c\n  image: d\n"
KEYED, DEEPER = ("spec:\n  list:\n  ", "\n  rest: []\n"), ("a:\n  list:\n      ", "\n  rest: []\n")
SWITCHES = {
    "a case in Go": (
        "go",
        ("func F() {\n\tswitch a {\n\t", "\n\t}\n}\n"),
        "\tcase 1:\n\t\tb()\n\tcase 2:\n\t\tc()\n",
    ),
    "one case": ("c", ("f() {\n\tswitch (a) {\n\t", "\n\t}\n}\n"), "\tcase 1:\n\t\tb();\n"),
    "a case in JavaScript": (
        "javascript",
        ("f(function () {\n  switch (a) {\n  ", "\n  }\n});\n"),
        "  case 1:\n    b();\n",
    ),
    "an item as deep as its key": ("yaml", KEYED, "  - a: b\n    c: d\n"),
    "items as deep as their key": (
        "yaml",
        KEYED,
        "  - name: a\n    image: b\n  - name: c\n    image: d\n",
    ),
    "a label": ("cpp", ("class A {\n  class B {\n  ", "\n  };\n};\n"), "  public:\n    B();\n"),
}
AT_MARGIN = {
    "items": ("yaml", DEEPER, ITEMS, ITEMS.replace("\n", "\n      ").strip() + "\n"),
    "statements": (
        "python",
        ("class A:\n    def f(v):\n        ", "\n\n\ng()\n"),
        "if not v:\n    return 0\nreturn 1\n",
        "if not v:\n            return 0\n        return 1\n",
    ),
    "statements with braces": (
        "go",
        ("func f() int {\n\t", "\n}\n"),
        "if a {\n\treturn 1\n}\nreturn 2\n",
        "if a {\n\t\treturn 1\n\t}\n\treturn 2\n",
    ),
    "less deep than the hole": (
        "python",
        ("class A:\n    def f(v):\n        ", "\n\n\ng()\n"),
        "    if not v:\n        return 0\n    return 1\n",
        "if not v:\n            return 0\n        return 1\n",
    ),
    "a text stays": (
        "python",
        ("def f(v):\n    ", "\n\n\ng()\n"),
        'if v:\n    return """\na\n"""\nreturn 1\n',
        'if v:\n        return """\na\n"""\n    return 1\n',
    ),
}
AS_DEEP_AS_THE_HOLE = {
    "lines as deep as the hole": (
        "go",
        ("func f() int {\n\t", "\n}\n"),
        "if a {\n\t\treturn 1\n\t}\n\treturn 2\n",
    ),
    "the next function": (
        "python",
        ("def f(v):\n    ", "\n\n\ng()\n"),
        "return 1\n\n\ndef h():\n    return 2\n",
    ),
    "the end of the block": (
        "css",
        ("a {\n  ", "\n  left: 0;\n}\n"),
        "top: 0;\n}\nb {\n  top: 0;\n",
    ),
    "the end of a block without braces": (
        "shell",
        ("if a; then\n    ", "\nif a; then\n  b\nfi\n"),
        "b=1\n    c\nfi\n",
    ),
}


@pytest.mark.parametrize(("language", "hole", "answer"), SWITCHES.values(), ids=SWITCHES)
def test_a_line_may_stand_as_deep_as_the_one_before_it(
    language: str, hole: tuple[str, str], answer: str
) -> None:
    own_line = hole[0].rpartition("\n")[2]
    for size in range(1, len(answer) + 1):
        found = reindented(language, hole, answer, size)
        assert found == (answer.removeprefix(own_line), ("indentation",))


def fenced(language: str, hole: tuple[str, str], answer: str, size: int) -> str:
    """A fenced answer in chunks of one size, as deep as it is to be."""
    place = Hole(*hole)
    check = SoundnessCheck(place, "", languages.find_language(language))
    chunks = itertools.chain([Chunk("", trimmed=("fence",))], chunked(answer, size))
    return collect(reindent(chunks, place, check)).text


@pytest.mark.parametrize(
    ("language", "hole", "answer", "wanted"), AT_MARGIN.values(), ids=AT_MARGIN
)
def test_a_fenced_answer_may_begin_at_the_margin(
    language: str, hole: tuple[str, str], answer: str, wanted: str
) -> None:
    for size in range(1, len(answer) + 1):
        assert fenced(language, hole, answer, size) == wanted


@pytest.mark.parametrize(
    ("language", "hole", "answer"), AS_DEEP_AS_THE_HOLE.values(), ids=AS_DEEP_AS_THE_HOLE
)
def test_a_fenced_answer_as_deep_as_its_hole_stays(
    language: str, hole: tuple[str, str], answer: str
) -> None:
    for size in (1, 7, 1000):
        assert fenced(language, hole, answer, size) == answer

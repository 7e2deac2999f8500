"""Lines of an answer begin as the file's lines do."""

import pytest

from holes import chunked
from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.indentation import IndentStyle, reindent
from starcoder_cli.stream import collect

FITTED = {
    "spaces become the file's tabs": (
        ("func f() {\n\ta()\n", "}\n"),
        "    if b {\n        c()\n    }\n",
        "\tif b {\n\t\tc()\n\t}\n",
    ),
    "steps of two spaces become tabs too": (
        ("func f() {\n\ta()\n", "}\n"),
        "  if b {\n    c()\n  }\n",
        "\tif b {\n\t\tc()\n\t}\n",
    ),
    "tabs become the file's spaces": (
        ("def f():\n  a()\n", "  b()\n"),
        "\tif x:\n\t\tc()\n",
        "  if x:\n    c()\n",
    ),
    "a block begins deeper than the line that opens it": (
        ("def f():\n", "\ndef g():\n    pass\n"),
        "if x:\n    return 1\nreturn 2\n",
        "    if x:\n        return 1\n    return 2\n",
    ),
    "a function within another stands as deep as the lines around it": (
        ('def f(x):\n    """Doc."""\n', "\n    return g(x)\n"),
        "def g(y):\n    return y\n",
        "    def g(y):\n        return y\n",
    ),
    "what stands before the hole is not written again": (
        ("def f():\n    ", "\n"),
        "    return 1",
        "return 1",
    ),
}

FITS = {
    "a block as it should be": (("def f():\n", ""), "    return 1\n"),
    "the end of a block": (("if (a) {\n", ""), "}\n"),
    "behind code on its line": (("x =", "\n"), "  1"),
    "a file without a style": (("a\n", "b\n"), "\tc\n    d\n"),
    "a file with two": (("if a:\n\tb\n    c\n", ""), "\td\n    e\n"),
    "blank lines": (("func f() {\n\ta()\n", "}\n"), "\tb()\n    \n\tc()\n"),
    "a level deeper than the last line, which opens nothing": (("a:\n    b\n", ""), "        c\n"),
}


def fitted(hole: tuple[str, str], answer: str, size: int) -> tuple[str, tuple[str, ...]]:
    """An answer in chunks of one size, fitted to a hole in Go or in Python."""
    name = "go" if "{" in hole[0] else "python"
    kept = collect(reindent(chunked(answer, size), Hole(*hole), languages.find_language(name)))
    return kept.text, kept.trimmed


@pytest.mark.parametrize(("hole", "answer", "wanted"), FITTED.values(), ids=FITTED)
def test_an_answer_is_fitted(hole: tuple[str, str], answer: str, wanted: str) -> None:
    for size in range(1, len(answer) + 1):
        assert fitted(hole, answer, size) == (wanted, ("indentation",))


@pytest.mark.parametrize(("hole", "answer"), FITS.values(), ids=FITS)
def test_an_answer_that_fits_stays(hole: tuple[str, str], answer: str) -> None:
    for size in range(1, len(answer) + 1):
        assert fitted(hole, answer, size) == (answer, ())


def test_what_style_a_text_has() -> None:
    assert IndentStyle.detect("a\n  b\n    c\n") == IndentStyle("  ")
    assert IndentStyle.detect("a\n            b\n") == IndentStyle("    ")
    assert IndentStyle.detect("a\n   b\n") == IndentStyle("   ")
    assert IndentStyle.detect("a\n b\n") == IndentStyle("    ")
    assert IndentStyle.detect("a\n\tb\n") == IndentStyle("\t")
    assert IndentStyle.detect("a\n\tb\n  c\n") is None
    assert IndentStyle.detect("a\n") is None

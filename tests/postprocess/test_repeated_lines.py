"""Answers that begin with all that is before their hole."""

import pytest

from holes import chunked
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.repeated_lines import drop_repeated_lines
from starcoder_cli.stream import Chunk, collect

PYTHON = "import os\n\n\ndef first():\n    return 1\n\n\ndef second(x):\n"
GO = "package m\n\nfunc A() int {\n\treturn 1\n}\n\nfunc B(x int) int {\n"
NESTED = "class A:\n    def f(self):\n        for x in self.xs:\n            g(x)\n"

REPEATED = {
    "all lines": (PYTHON, f"{PYTHON}    return x\n", "    return x\n"),
    "all lines of Go": (GO, f"{GO}\treturn x\n}}\n", "\treturn x\n}\n"),
    "behind a blank line": (PYTHON, f"\n{PYTHON}    return x\n", "    return x\n"),
    "with white space at an end": (
        PYTHON,
        PYTHON.replace("1\n", "1  \n") + "    return x\n",
        "    return x\n",
    ),
    "with its own line": (f"{PYTHON}    return ", f"{PYTHON}    return x\n", "x\n"),
    "with the white space of its line": (f"{PYTHON}    ", f"{PYTHON}    return x\n", "return x\n"),
    "with less white space": (f"{PYTHON}    ", f"{PYTHON}  return x\n", "  return x\n"),
    "from the class on": (NESTED, f"{NESTED}            h(x)\n", "            h(x)\n"),
    "from the method on": (
        NESTED,
        NESTED.removeprefix("class A:\n") + "            h(x)\n",
        "            h(x)\n",
    ),
    "from the loop on": (
        NESTED,
        "".join(NESTED.splitlines(keepends=True)[2:]) + "            h(x)\n",
        "            h(x)\n",
    ),
    "and nothing more": (PYTHON, PYTHON, ""),
}
KEPT = {
    "a line that stood before": (PYTHON, "def first():\n    return 2\n"),
    "a function like the first": (PYTHON, "def first():\n    return 1\n\n\ndef third():\n"),
    "a beginning that goes on otherwise": (PYTHON, "import os\n\n\ndef first():\n    return 2\n"),
    "one line": ("import os\n", "import os\n"),
    "lines without words": ("0 0\n0 0\n", "0 0\n0 0\n"),
    "elements in elements": ("<div>\n  <div>\n", "  <div>\n    <div>\n"),
    "a statement once more": ("if a:\n    b()\nc()\n", "if a:\n    b()\nd()\n"),
    "less than all": (PYTHON, PYTHON.rpartition("def")[0]),
    "nothing": (PYTHON, ""),
}


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("prefix, answer, text", REPEATED.values(), ids=REPEATED)
def test_what_is_before_the_hole_is_left_away(
    prefix: str, answer: str, text: str, size: int
) -> None:
    kept = collect(drop_repeated_lines(chunked(answer, size), Hole(prefix)))
    assert (kept.text, kept.trimmed) == (text, ("prefix",))


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("prefix, answer", KEPT.values(), ids=KEPT)
def test_other_lines_stay(prefix: str, answer: str, size: int) -> None:
    kept = collect(drop_repeated_lines(chunked(answer, size), Hole(prefix)))
    assert (kept.text, kept.trimmed) == (answer, ())


def test_lines_are_passed_on_as_soon_as_they_are_others() -> None:
    chunks = drop_repeated_lines(
        [Chunk("imp"), Chunk("ort re"), Chunk("\n", 0, "stop")], Hole(PYTHON)
    )
    assert [chunk.text for chunk in chunks] == ["", "import re", "\n"]


def test_an_answer_without_an_end_is_passed_on() -> None:
    assert collect(drop_repeated_lines([Chunk("import")], Hole(PYTHON))).text == "import"

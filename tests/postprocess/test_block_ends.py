"""Lines of an answer that are left of its block: some end it, some only stand there."""

import pytest

from holes import cases, check
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.block_ends import BlockEnds
from starcoder_cli.postprocess.hole_lines import HoleLines

STEPS = "".join(f"    a = step_{number}(a);\n" for number in "abcdefgh")
PYTHON_STEPS = STEPS.replace(";", "")
KEPT = {
    "c": f"\nint f(int a)\n{{\n«    log(a);\n#ifdef DEBUG\n{STEPS}#endif\n    return a;\n»}}\n",
    "python": f"\ndef f(a):\n«    log(a)\n#    print(a)\n{PYTHON_STEPS}    return a»\n\nf(1)\n",
    "go": f"\nfunc f(a int) int {{\n«    log(a)\nouter:\n{PYTHON_STEPS}    return a\n»}}\n",
    "c-sharp": "\nclass A {\n    void F() {\n«        y();\n#region R\n"
    + STEPS.replace("    ", "        ")
    + "#endregion\n        z();\n»    }\n}\n",
    "makefile": "\nall:\n«\t@echo a\nifdef DEBUG\n"
    + "\t@echo b\n\t@ls\n" * 3
    + "endif\n\t@ls -l»\n\nclean:\n\trm a\n",
    "ruby": "\nclass A\n«  def f\n    1\n  end\n\nprivate\n"
    + "\n  attr :a\n  attr :b\n" * 4
    + "»end\n",
}  # fmt: skip
RUN_ON = {
    "comments before the next function": "\ndef f(a):\n«    log(a)¦\n\n\n# The next.\n"
    f"# It is new.\ndef g(a):\n{PYTHON_STEPS}{PYTHON_STEPS}»\n\nf(1)\n",
    "a comment that is cut off": "\ndef f(a):\n«    log(a)¦\n\n# And then»\n\n\nf(1)\n",
}  # fmt: skip


@pytest.mark.parametrize("language", KEPT)
def test_what_stands_at_the_margin_stays_in_the_block(language: str) -> None:
    """It was a bug that an answer ended there if more than six lines followed."""
    check(KEPT[language], language)


@cases(RUN_ON)
def test_comments_belong_to_what_follows_them(case: str) -> None:
    check(case, "python", "block")


@pytest.mark.parametrize(
    ("header", "lines", "end"),
    [
        ("def f():\n", ["# next", "def g():"], 0),
        ("def f():\n", ["# own", "    b()", "def g():"], 2),
        ("void f() {\n", ["# own", "}"], 1),
        ("void f() {\n", ["out:", "    b();"], None),
        ("void f() {\n", ["}", "int g() {"], 0),
        ("void f() {  // own\n", ["int x;", "    b();"], None),
        ("def f(\n        a,\n        b):\n", ["    x = a", "def g():"], 1),
        ("def f(\n        a,\n        b):\n    y()\n", ["    x = a", "def g():"], 1),
        ("def f(\n    a,\n) -> int:\n", ["    x = a", "def g():"], 1),
        ("x = f(\n    a,\n", ["    b,", ")", "y = 1"], 1),
    ],
)
def test_where_a_block_ends(header: str, lines: list[str], end: int | None) -> None:
    """Lines are counted in place of characters."""
    ends = BlockEnds(HoleLines(Hole(header, "\nx\n"), in_block=True))
    found = [ends.feed(line, number, 4) for number, line in enumerate(lines)]
    assert next((each for each in found if each is not None), None) == end


def test_a_jump_that_hides_what_follows_goes_if_the_answer_is_cut_off() -> None:
    body = "    n = a[0]\n    for b in a:\n        if b > n:\n            n = b"
    tests = "assert f([1]) == 1\nassert f([4, 2]) == 4\nprint(f([])"
    case = f"\ndef f(a):\n«{body}¦\n    return a\n\n\n# Test it\n{tests}»"
    check(f"{case}\n    for b in a:\n        if b == n:\n            return b\n", "python")

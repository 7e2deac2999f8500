"""A model is ended where it runs on, and left alone where it stops by itself."""

import pytest

from holes import cases, check, chunked, cut_up
from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.trim import trim_answer
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.stream import collect

STOPS = [
    ("ruby", "def width(rows)\n  «sizes = rows\n  return 0 if sizes.empty?»\n  sizes.max\nend\n"),
    ("javascript", "switch (a) {\n  case 1:\n    «b();\n    break;\n  case 2:»\n    c();\n}\n"),
    ("haskell", "f :: IO ()\nf = do\n  «a\n  return ()\n  b»\n  c\n"),
    ("javascript", "f(function () {\n  g(/\\{([^}]+)\\}/);\n«});»\n\nh();\n"),
    ("yaml", 'a:\n  - run: |\n      «case "$1" in\n        b) c ;;\n      esac»\n  - d: e\n'),
    ("ruby", "# Runs.\n«#\n# name:: what»\n#\ndef run(name)\nend\n"),
    ("r", 'f <- function(x) {\n  «g(\n    a,\n    "b"\n  )»\n  g(\n    c,\n    "d"\n  )\n}\n'),
    ("c", "void f(void) {\n    «a();\n}\n\nvoid g(void) {»\n    b();\n}\n"),
    ("rust", "/// A.\n///\n«/// ```\n/// f();\n/// ```»\nfn f() {}\n"),
]
RUNS_ON = [
    ("python", "def f(x):\n    «return x¦\n\n\ndef»\n\n\ny = 1\n"),
    ("lua", "function f()\n  «g()\n¦end\n\nfunction h()\nend\n»\n  return 1\nend\n"),
    ("shell", "f() {\n  if a; then\n    «b¦\n  fi\n}\ng() {\n»\n  fi\n}\n"),
    ("html", "<div>\n  «<p>a</p>¦\n</div>\n</body>\n<p>»\n</div>\n</body>\n"),
    (
        "c",
        "void f(void) {\n    «a();¦\n    return x;\n}\n\nvoid g(v»"
        "\n    return x;\n}\n\nvoid g(void);\n",
    ),
]


@pytest.mark.parametrize(("language", "case"), STOPS)
def test_a_right_answer_is_left_alone(language: str, case: str) -> None:
    check(case, language)


@pytest.mark.parametrize(("language", "case"), RUNS_ON)
def test_a_model_that_runs_on_is_ended(language: str, case: str) -> None:
    before, answer, after = case.replace("»", "«").split("«")
    wanted, _, more = answer.partition("¦")
    hole = Hole(before, after)
    options = TrimOptions(languages.find_language(language), "block", "x", live=True)
    for size in (1, 2, 7, 400):
        kept = collect(trim_answer(chunked(wanted + more, size, "length"), hole, options))
        assert kept.text == wanted.rstrip("\n"), f"in chunks of {size}"


@cases({"a reason": "\ndef f():\n«    a = 1\n»    return a\n"})
def test_the_first_piece_is_shown_at_once(case: str) -> None:
    hole = Hole("def f():\n", "    return a\n")
    options = TrimOptions(languages.find_language("python"), live=True)
    chunks = trim_answer(cut_up(["    total", " =", " 1\n"]), hole, options)
    assert next(chunks).text == "    total"
    check(case, "python")

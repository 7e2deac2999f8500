"""An excerpt of code is told from code that says the same in fewer lines."""

import pytest

from starcoder_cli.languages import find_language
from starcoder_cli.postprocess.lost_lines import Comparison

VUE = (
    "<template>\n  <p>{{ a }}</p>\n</template>\n\n<script setup>\nconst a = 1;\n</script>\n\n"
    "<style>\np { margin: 0; }\n</style>\n"
)
ROUTES = (
    'const app = express();\napp.get("/", home);\napp.get("/users", users);\n'
    'app.post("/users", create);\napp.listen(3000);\n'
)
JSX = (
    "function App({ items }) {\n  return (\n    <ul>\n      {items.map((i) => (\n"
    "        <li key={i.id}>{i.name}</li>\n      ))}\n    </ul>\n  );\n}\n"
)
LOOP = "out = []\nfor x in xs:\n    if x.ok:\n        out.append(x)\n"


def losses(language: str, before: str, after: str) -> list[tuple[str, int, str]]:
    """The first line of each loss, how many there are, and what stands for them."""
    found = Comparison(before, after, find_language(language)).find_losses()
    return [(loss.lines[0].text, len(loss.lines), loss.comment) for loss in found]


@pytest.mark.parametrize(
    ("language", "before", "after", "expected"),
    [
        ("vue", VUE, "<script setup>\nconst a = 2;\n</script>\n", ["<template>", "<style>"]),
        (
            "markdown",
            "# A\n\nIntro.\n\n## B\n\nRun b.\n\n## C\n\nRun c.\n",
            "## B\n\nRun b --fast.\n",
            ["# A", "## C"],
        ),
        (
            "makefile",
            "CC = gcc\n\nall: a.o\n\t$(CC) -o a a.o\n\nclean:\n\trm -f a *.o\n\nnew:\n\tcp b c\n",
            "clean:\n\trm -rf a *.o build\n",
            ["CC = gcc", "new:"],
        ),
        (
            "go",
            'package m\n\nimport (\n\t"os"\n)\n\nfunc F() {\n\tf(os.Args)\n}\n',
            "func F() {\n\tf(os.Args[1:])\n}\n",
            ["package m"],
        ),
        (
            "sql",
            "SELECT a FROM t;\n\nSELECT b FROM u\nWHERE c = 1;\n\nDELETE FROM v;\n",
            "SELECT b FROM u\nWHERE c = 2;\n",
            ["SELECT a FROM t;", "DELETE FROM v;"],
        ),
        (
            "css",
            "h1 {\n  color: red;\n}\n\np {\n  margin: 0;\n}\n\na {\n  top: 0;\n}\n",
            "p {\n  margin: 1em;\n}\n",
            ["h1 {", "a {"],
        ),
        (
            "html",
            "<h1>a</h1>\n<p>x</p>\n<script>\nvar b = 1;\nrun(b);\n</script>\n",
            "<h1>c</h1>\n<p>x</p>\n",
            ["<script>"],
        ),
    ],
)
def test_an_excerpt(language: str, before: str, after: str, expected: list[str]) -> None:
    found = losses(language, before, after)
    assert [line for line, _, _ in found] == expected
    assert not any(comment for _, _, comment in found)
    assert losses(language, before, before) == []


@pytest.mark.parametrize(
    ("language", "before", "after", "expected"),
    [
        (
            "javascript",
            ROUTES,
            "const app = express();\napp.use(cors());\n// The rest of your routes go here\n",
            ('app.get("/", home);', 4, "// The rest of your routes go here"),
        ),
        (
            "javascript",
            JSX,
            "function App({ items, title }) {\n  return (\n    <ul title={title}>\n"
            "      {/* same items */}\n    </ul>\n  );\n}\n",
            ("{items.map((i) => (", 2, "{/* same items */}"),
        ),
        (
            "text",
            "a = 1\nb = 2\nc = 3\ne = 6\nd = 4\n",
            "a = 1\n# weitere Werte\nd = 4\n",
            ("b = 2", 3, "# weitere Werte"),
        ),
    ],
)
def test_a_comment_in_place_of_code(
    language: str, before: str, after: str, expected: tuple[str, int, str]
) -> None:
    assert losses(language, before, after) == [expected]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{LOOP}return out\n", "return [x for x in xs if x.ok]\n"),
        (f"xs = g()\n{LOOP}print(out)\n", "xs = g()\nprint([x for x in xs if x.ok])\n"),
        ("import os\nimport re\n\nf(os, re)\n", "import os, re\n\nf(os, re)\n"),
        (
            "import os\nimport sys\n\nf(os.path.join(a, b))\n",
            "from pathlib import Path\n\nf(Path(a) / b)\n",
        ),
        ("if a:\n    b()\n    c()\n", "# if a:\n#     b()\n#     c()\n"),
        (f"def f():\n    {LOOP}", "def f():\n    # One by one.\n    yield from xs\n"),
        ("a = 1\nb = 2\n", "x = 3\n"),
    ],
)
def test_the_same_in_fewer_lines(before: str, after: str) -> None:
    assert losses("python", before, after) == []


def test_long_parts_are_not_compared_line_by_line() -> None:
    before = "".join(f"a {number}\n" for number in range(2000))
    after = "".join(f"b {number}\n" for number in range(2000))
    assert losses("text", f"x\n{before}", f"x\n{after}") == []

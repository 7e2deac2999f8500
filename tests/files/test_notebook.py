"""Cells of notebooks: filled, completed and edited, and the rest left byte for byte."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from sites import Site, serving
from starcoder_cli.cli import main
from starcoder_cli.files.notebook import NotebookCell, find_place_file, read_place
from streams import run, standard_input

CELLS: Sequence[tuple[str, Sequence[str]]] = (
    ("markdown", ["# Circles\n", "\n", "All of them."]),
    ("code", ["%matplotlib inline\n", "import math"]),
    ("code", ["def area(radius):\n", '    """The area é."""\n', "    return "]),
    ("markdown", ["The end: "]),
)
CONTEXT = "# # Circles\n#\n# All of them.\n\n# %matplotlib inline\nimport math\n\n"


def notebook(indent: int | None = 1, language: str = "python", ending: str = ".py") -> str:
    """A notebook as Jupyter writes one."""
    cells = [
        {"cell_type": kind, "metadata": {"z": 1, "a": [1.0, 1e3]}, "source": source}
        for kind, source in CELLS
    ]
    info = {"file_extension": ending, "name": language}
    values = {"cells": cells, "metadata": {"language_info": info}, "nbformat": 4}
    return json.dumps(values, indent=indent, ensure_ascii=False) + "\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with one notebook."""
    monkeypatch.chdir(tmp_path)
    Path("nb.ipynb").write_text(notebook())


def cell_of(place: str) -> NotebookCell:
    """The cell that a place is in."""
    source, _ = read_place(place)
    assert isinstance(source, NotebookCell)
    return source


def ask(
    capture: pytest.CaptureFixture[str], command: str, place: str, site: Site, *words: str
) -> tuple[int, str, str]:
    """A command on a model at an endpoint, quietly: exit code, standard output and error."""
    code = main([command, place, *words, "--endpoint", site.url, "-q"])
    captured = capture.readouterr()
    return code, captured.out, captured.err


def lines_of(number: int, text: str = "") -> list[str]:
    """The lines of a cell's source."""
    source = json.loads(text or Path("nb.ipynb").read_text())["cells"][number - 1]["source"]
    assert isinstance(source, list)
    return source


def test_a_cell_is_read_behind_those_before_it() -> None:
    cell = cell_of("nb.ipynb:3:3")
    assert cell.raw == CONTEXT + "".join(CELLS[2][1])
    assert cell.language.name == "python"
    assert (cell.code_name(None), cell.display_name) == ("nb.py", "cell 3 of nb.ipynb")


def test_words_are_read_behind_code_between_fences() -> None:
    cell = cell_of("nb.ipynb:4")
    assert cell.language.name == "markdown"
    assert "```python\n%matplotlib inline\nimport math\n```\n\n" in cell.context


@pytest.mark.parametrize(
    ("language", "ending", "expected"),
    [
        ("R", ".r", "r"),
        ("C++17", ".cpp", "cpp"),
        ("julia", "", "julia"),
        ("bash", "", "shell"),
        ("?", "", "python"),
    ],
)
def test_the_language_is_that_of_the_kernel(language: str, ending: str, expected: str) -> None:
    Path("nb.ipynb").write_text(notebook(language=language, ending=ending))
    assert cell_of("nb.ipynb").language.name == expected


@pytest.mark.parametrize("indent", [None, 1, 2])
def test_a_fill_changes_one_line_of_one_cell(
    indent: int | None, capfd: pytest.CaptureFixture[str]
) -> None:
    """A notebook was filled as the JSON that it is, and was none afterwards."""
    before = notebook(indent)
    Path("nb.ipynb").write_text(before)
    with serving(pieces=("math.pi * radius**2",)) as site:
        assert ask(capfd, "fill", "nb.ipynb:3:3:12", site, "--in-place") == (0, "", "")
    after = Path("nb.ipynb").read_text()
    assert after == before.replace('"    return "', '"    return math.pi * radius**2"')


def test_a_range_of_lines_and_a_whole_cell(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(pieces=("    pass",)) as site:
        assert ask(capfd, "fill", "nb.ipynb:3:2-3", site, "-i", "--raw") == (0, "", "")
        assert lines_of(3) == ["def area(radius):\n", "    pass"]
        assert ask(capfd, "fill", "nb.ipynb:2", site, "-i", "--raw") == (0, "", "")
    assert lines_of(2) == ["    pass"]


def test_what_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(pieces=("1",)) as site:
        assert ask(capfd, "complete", "nb.ipynb", site) == (0, "1", "")
        code, out, _ = ask(capfd, "complete", "nb.ipynb", site, "--echo")
        assert (code, lines_of(3, out)[-1]) == (0, "    return 1")
        _, out, _ = ask(capfd, "complete", "nb.ipynb", site, "--diff")
        assert '-    "    return "\n+    "    return 1"\n' in out
        words = ("--echo", "--output", "new.ipynb")
        assert ask(capfd, "complete", "nb.ipynb", site, *words) == (0, "", "")
    assert lines_of(3, Path("new.ipynb").read_text())[-1] == "    return 1"


@pytest.mark.parametrize("words", [(), ("--filename", "x.ipynb")])
def test_standard_input(words: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    with serving(pieces=("1",)) as site, standard_input(notebook().encode()):
        code, out, err = ask(capfd, "complete", "-", site, "--echo", *words)
    assert (code, lines_of(3, out)[-1], err) == (0, "    return 1", "")


def test_a_marker_is_in_one_cell(capfd: pytest.CaptureFixture[str]) -> None:
    Path("nb.ipynb").write_text(notebook().replace("import math", "import <X>"))
    with serving(pieces=("cmath",)) as site:
        assert ask(capfd, "fill", "nb.ipynb", site, "--at", "<X>", "-i") == (0, "", "")
    assert lines_of(2)[-1] == "import cmath"


def test_an_edit(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(pieces=("```python\nimport cmath\n```",)) as site:
        assert ask(capfd, "edit", "nb.ipynb:2:2", site, "Complex.", "-i") == (0, "", "")
    assert lines_of(2) == ["%matplotlib inline\n", "import cmath"]


@pytest.mark.parametrize(
    ("cell", "changed"),
    [
        (["a = 1\r\n", "b = 2\r\n"], ["a = 1\r\n", "b = 3\r\n"]),
        (["a = 1\r\n", "b = 2"], ["a = 1\r\n", "b = 3"]),
        (["a = 1\r\n", "b = 2\n"], ["a = 1\r\n", "b = 3\n"]),
        (["a = 1\n", "b = 2\n"], ["a = 1\n", "b = 3\n"]),
    ],
)
def test_lines_of_a_cell_end_as_they_did(
    cell: list[str], changed: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    values = json.loads(notebook())
    values["cells"][1]["source"] = cell
    Path("nb.ipynb").write_text(json.dumps(values))
    with serving(pieces=("```python\na = 1\nb = 3\n```",)) as site:
        assert ask(capfd, "edit", "nb.ipynb:2", site, "Change b.", "-i") == (0, "", "")
    assert lines_of(2) == changed


def test_filled_lines_end_as_those_of_their_cell(capfd: pytest.CaptureFixture[str]) -> None:
    values = json.loads(notebook())
    values["cells"][1]["source"] = ["a = 1\r\n", "HERE\r\n", "d = 4\r\n"]
    Path("nb.ipynb").write_text(json.dumps(values))
    with serving(pieces=("b = 2\nc = 3\n",)) as site:
        assert ask(capfd, "fill", "nb.ipynb:2:2", site, "-i") == (0, "", "")
    assert lines_of(2) == ["a = 1\r\n", "b = 2\r\n", "c = 3\r\n", "d = 4\r\n"]


def test_a_batch(capfd: pytest.CaptureFixture[str]) -> None:
    Path("holes").write_text('{"place": "nb.ipynb:2:2"}\n')
    code, out, _ = run(capfd, "fill", "--batch", "holes")
    assert (code, "# %matplotlib inline" in json.loads(out)["text"]) == (0, False)
    assert "%matplotlib inline\n" in json.loads(out)["text"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("fill", "nb.ipynb"),
            "nb.ipynb is a notebook, and no cell of it is named; "
            "write nb.ipynb:CELL or nb.ipynb:CELL:LINE, cells from 1",
        ),
        (
            ("edit", "nb.ipynb", "x"),
            "nb.ipynb is a notebook, and no cell of it is named; "
            "write nb.ipynb:CELL or nb.ipynb:CELL:LINE, cells from 1",
        ),
        (
            ("fill", "-", "--filename", "nb.ipynb"),
            "standard input is a notebook, and no cell of it is named; mark the place and use --at",
        ),
        (("fill", "nb.ipynb:13:16"), "nb.ipynb has no cell 13; its cells are 1 to 4"),
        (("fill", "nb.ipynb:0:1"), "nb.ipynb has no cell 0; its cells are 1 to 4"),
        (("fill", "nb.ipynb:3:9"), "cell 3 of nb.ipynb has no line 9; its lines are 1 to 3"),
        (("complete", "nb.ipynb:3:x"), "'nb.ipynb:3:x' is not a place in a cell; "),
    ],
)
def test_what_is_no_place(
    words: Sequence[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with standard_input(notebook().encode()):
        code, out, err = run(capfd, *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nb.ipynb is not a notebook: its JSON is broken"),
        ("[]", "nb.ipynb is not a notebook: its JSON is not an object"),
        ('{"cells": 1}', "nb.ipynb is a notebook without cells"),
        ('{"worksheets": []}', "nb.ipynb is a notebook of an old form"),
        ('{"cells": [{}]}', "cell 1 of nb.ipynb has no source"),
        ('{"cells": [1]}', "cell 1 of nb.ipynb has no source"),
        ('{"cells": [{"source": "\\ud800"}]}', "cell 1 of nb.ipynb has half a character in it"),
        ("[" * 100_000, "nb.ipynb is not a notebook: "),
    ],
)
def test_what_is_no_notebook(text: str, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path("nb.ipynb").write_text(text)
    code, out, err = run(capfd, "complete", "nb.ipynb")
    assert (code, out) == (65, "")
    assert err.startswith(f"error: {message}")


def test_it_is_read_as_text_where_that_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "complete", "nb.ipynb", "--lang", "json", "--raw")
    assert (code, out) == (0, notebook())


@pytest.mark.parametrize(
    ("place", "path"),
    [("a.py:3", "a.py"), ("x.ipynb:2:1", "x.ipynb"), ("x.ipynb", "x.ipynb"), ("a.py", "a.py")],
)
def test_the_file_that_a_place_is_in(place: str, path: str) -> None:
    assert find_place_file(place) == path

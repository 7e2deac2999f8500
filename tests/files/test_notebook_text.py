"""Notebooks read as the text of their cells: by chat, by trace, and beside other code."""

import json
from pathlib import Path

import pytest

from starcoder_cli.cli import main
from starcoder_cli.errors import DataError, StarcoderError, UsageError
from starcoder_cli.files.notebook_text import NotebookText, notebook_text, read_text
from starcoder_cli.files.source import Place, Position, Source
from streams import standard_input

WALK = """\
def walk(tree, depth=0):
    for name, child in sorted(tree.items()):
        print("  " * depth + name, len(child))
        if isinstance(child, dict):
            walk(child, depth + 1)
    return depth
"""
CELLS = (
    ("markdown", "# Trees\n\nAll of them."),
    ("code", "%matplotlib inline\nimport math"),
    ("code", ""),
    ("code", WALK),
    ("markdown", "The end."),
)
TEXT = f"""\
# %% cell 1
# # Trees
#
# All of them.

# %% cell 2
# %matplotlib inline
import math

# %% cell 4
{WALK}
# %% cell 5
# The end.
"""


def notebook(language: str = "python", ending: str = ".py") -> str:
    """A notebook with an output that is longer than its code."""
    cells = [
        {"cell_type": kind, "source": text, "outputs": [{"text": "noise " * 500}]}
        for kind, text in CELLS
    ]
    info = {"file_extension": ending, "name": language}
    return json.dumps({"cells": cells, "metadata": {"language_info": info}, "nbformat": 4})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a notebook and a script."""
    monkeypatch.chdir(tmp_path)
    Path("nb.ipynb").write_text(notebook())
    Path("a.py").write_text("one = 1\ntwo = 2\nthree = 3\n")
    return tmp_path


def test_all_cells_are_one_text_of_the_notebooks_language() -> None:
    source, place = read_text("nb.ipynb")
    assert (source.raw, place) == (TEXT, Place("nb.ipynb"))
    assert (source.name, source.code_name(None)) == ("nb.ipynb", "nb.py")
    assert [source.line_name(line) for line in (1, 2, 4, 7, 8, 11, 12, 19)] == [
        *("1:1", "1:1", "1:3", "2:1", "2:2", "4:1", "4:2", "5:1"),
    ]


@pytest.mark.parametrize(
    ("language", "ending", "head"),
    [("R", ".r", "# %% cell 2"), ("Scala", ".scala", "// %% cell 2")],
)
def test_other_languages(language: str, ending: str, head: str) -> None:
    Path("nb.ipynb").write_text(notebook(language, ending))
    assert f"\n{head}\n" in read_text("nb.ipynb")[0].raw


def test_one_cell_is_its_text_alone() -> None:
    source, place = read_text("nb.ipynb:2")
    assert (source.raw, place) == ("%matplotlib inline\nimport math", Place("nb.ipynb:2"))
    assert source.line_name(2) == "2:2"
    source, place = read_text("nb.ipynb:4:2-3")
    assert place == Place("nb.ipynb:4", Position(2), Position(3))
    assert source.raw[source.span_of(place).start :].startswith("    for name")
    assert read_text("nb.ipynb:5")[0].code_name(None) == "nb.md"


def test_what_is_no_notebook_is_read_as_it_is() -> None:
    assert read_text("a.py:2") == (Source.read("a.py"), Place("a.py", Position(2)))
    assert read_text("nb.ipynb", "json")[0].raw == notebook()
    Path("nb.ipynb:2").write_text("x")
    assert read_text("nb.ipynb:2")[0].raw == "x"
    source = Source("-", '{"a": 1}')
    assert notebook_text(source) is source
    assert isinstance(notebook_text(Source("-", notebook())), NotebookText)


@pytest.mark.parametrize(
    ("text", "place", "error"),
    [
        ("", "x.ipynb:9", "x.ipynb has no cell 9; its cells are 1 to 5"),
        ("", "x.ipynb:0", "x.ipynb has no cell 0; its cells are 1 to 5"),
        ("", "x.ipynb:2:zz", "'x.ipynb:2:zz' is not a place in a cell; write x.ipynb:2:LINE[:COL]"),
        ("{", "x.ipynb", "a copy that ends in .txt is read as text"),
        ('{"cells": 1}', "x.ipynb", "a copy that ends in .txt is read as text"),
        ('{"worksheets": []}', "x.ipynb", "convert it with: jupyter nbconvert --to notebook"),
    ],
)
def test_what_cannot_be_read(text: str, place: str, error: str) -> None:
    Path("x.ipynb").write_text(text or notebook())
    with pytest.raises((DataError, UsageError)) as raised:
        read_text(place)
    assert str(raised.value).endswith(error)


@pytest.mark.parametrize(
    ("place", "block"),
    [
        ("nb.ipynb", f"nb.ipynb:\n```python\n{TEXT}```\n"),
        ("nb.ipynb:2", "nb.ipynb:2:\n```python\n%matplotlib inline\nimport math\n```\n"),
        ("nb.ipynb:2:2", "nb.ipynb:2:2:\n```python\nimport math\n```\n"),
        ("nb.ipynb:5", "nb.ipynb:5:\n```markdown\nThe end.\n```\n"),
        ("a.py:2-3", "a.py:2-3:\n```python\ntwo = 2\nthree = 3\n```\n"),
    ],
)
def test_a_chat_about_it(place: str, block: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", "-m", "echo", "-f", place, "Why?", "--show-prompt"]) == 0
    assert block in capfd.readouterr().out


@pytest.mark.parametrize("words", [["-f", "-"], []])
def test_a_chat_about_one_that_is_piped_in(
    words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with standard_input(notebook().encode()):
        assert main(["chat", "-m", "echo", *words, "Why?", "--show-prompt"]) == 0
    assert f"Standard input:\n```python\n{TEXT}```\n" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("place", "text"),
    [("nb.ipynb", "def walk(tree"), ("nb.ipynb:2", "import math"), ("nb.ipynb:4:2", "for name")],
)
def test_a_model_reads_it_along(place: str, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["complete", "-m", "echo", "a.py", "-I", place, "--show-prompt", "-v"]) == 0
    out, err = capfd.readouterr()
    assert text in out
    assert "noise" not in out
    assert "context: nb.py:" in err


def test_where_its_code_comes_from(capfd: pytest.CaptureFixture[str]) -> None:
    Path("old").mkdir()
    Path("old/walk.py").write_text(f"import os\n\n\n{WALK}")
    assert main(["index", "add", "old", "--license", "MIT"]) == 0
    capfd.readouterr()
    for place, lang in (("nb.ipynb", "python"), ("nb.ipynb:4", "python"), ("nb.ipynb:4:1-6", "c")):
        assert main(["trace", place, "--lang", lang]) == 0
        (row,) = capfd.readouterr().out.splitlines()
        assert row.startswith("4:1-4:6\t")
    assert main(["trace", "nb.ipynb", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["matches"][0]["lines"] == "4:1-4:6"
    assert main(["trace", "nb.ipynb:2"]) == 0
    assert capfd.readouterr().out == ""
    assert main(["trace", "nb.ipynb", "--report", "NOTICE"]) == 2
    assert not Path("NOTICE").exists()


def test_errors_are_ours() -> None:
    with pytest.raises(StarcoderError):
        read_text("missing.ipynb:3")

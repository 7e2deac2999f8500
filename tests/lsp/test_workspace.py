"""Open documents, and what of them is read beside a hole: the last edits first."""

from pathlib import Path

from editors import span
from repositories import lay, repository
from starcoder_cli.lsp.arguments import read_range
from starcoder_cli.lsp.positions import LineRange
from starcoder_cli.lsp.uris import uri_of
from starcoder_cli.lsp.workspace import (
    LINES_AROUND,
    MAX_EDITS,
    MAX_SEARCHED_LINES,
    OpenText,
    Workspace,
    snippets_of,
    texts_of_project,
)
from starcoder_cli.model import Hole

LONG = "".join(f"line {number}\n" for number in range(100))
SECRET = "password = 'Xy7Kp2Qw9Lm4Zt8R'\n"
HOLE = Hole("def total(prices, quantities):\n    weights = ", "\n    return prices\n")


def between(first: int, last: int) -> LineRange:
    """The range from the beginning of a line to that of another."""
    found = read_range(span((first, 0), (last, 0)))
    assert found
    return found


def opened(*uris: str) -> Workspace:
    """A workspace with long documents."""
    workspace = Workspace()
    for uri in uris:
        workspace.open(uri, LONG, 1, "text")
    return workspace


def edit(workspace: Workspace, uri: str, first: int, text: str, last: int | None = None) -> None:
    """Put a text in the place of some lines."""
    document = workspace.find(uri)
    assert document
    workspace.change(document, between(first, first if last is None else last), text)


def edits(workspace: Workspace, uri: str = "") -> list[tuple[str, int]]:
    """The edits of other documents than one, and the lines that they are read from."""
    return [(each.uri, each.first_line) for each in workspace.others(uri) if each.is_edit]


def test_the_last_edit_comes_first_and_one_near_another_is_the_same() -> None:
    workspace = opened("a", "b")
    edit(workspace, "a", 50, "x\n")
    edit(workspace, "b", 20, "x\n")
    edit(workspace, "a", 52, "y\n")
    edit(workspace, "a", 90, "z\n")
    first = 1 - LINES_AROUND
    assert edits(workspace) == [("a", 91 + first), ("a", 53 + first), ("b", 21 + first)]
    assert edits(workspace, "a") == [("b", 21 + first)]


def test_an_edit_moves_with_its_lines() -> None:
    workspace = opened("a")
    edit(workspace, "a", 80, "x\n")
    edit(workspace, "a", 10, "", 30)
    around = [each for each in workspace.others("") if each.is_edit]
    assert [each.text.split("\n")[LINES_AROUND] for each in around] == [
        "line 30",
        "line 80",
    ]


def test_few_edits_are_remembered_and_none_of_a_closed_document() -> None:
    workspace = opened("a", *(f"b{number}" for number in range(MAX_EDITS + 4)))
    for number in range(MAX_EDITS + 4):
        edit(workspace, f"b{number}", 0, "x\n")
    assert len(edits(workspace)) == MAX_EDITS
    workspace.close(f"b{MAX_EDITS + 3}")
    assert workspace.find(f"b{MAX_EDITS + 3}") is None
    assert len(edits(workspace)) == MAX_EDITS - 1


def test_a_document_that_is_replaced_has_no_edits() -> None:
    workspace = opened("a")
    edit(workspace, "a", 1, "x\n")
    document = workspace.find("a")
    assert document
    workspace.change(document, None, "new\n")
    assert (edits(workspace), document.text) == ([], "new\n")


def test_snippets_are_edits_and_then_what_is_most_like_the_code_at_the_hole() -> None:
    similar = "def cost(prices, quantities, weights):\n    return prices\n"
    others = (
        OpenText("untitled:edited", "anything at all\n", "", 7, is_edit=True),
        OpenText("untitled:similar", similar, ""),
        OpenText("untitled:other", "nothing\n", ""),
        OpenText("untitled:empty", " \n", "", 1, is_edit=True),
    )
    found = snippets_of(others, HOLE)
    assert [(each.path, each.line_range) for each in found] == [("edited", "7"), ("similar", "1-2")]


def test_a_file_is_called_as_in_its_repository_and_secrets_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    others = (
        OpenText(uri_of(str(tmp_path / "src" / "a.py")), "x = 1\n", "", is_edit=True),
        OpenText(uri_of(str(tmp_path / ".env")), "x = 1\n", "", is_edit=True),
        OpenText("untitled:b", SECRET, SECRET, is_edit=True),
        OpenText("untitled:c", "x = 1\n", f"x = 1\n{SECRET}", is_edit=True),
    )
    assert [each.path for each in snippets_of(others, HOLE)] == ["src/a.py"]


def test_a_secret_anywhere_in_a_document_keeps_all_of_it_back() -> None:
    workspace = opened()
    text = "def cost(prices, quantities, weights):\n" + "x = 1\n" * MAX_SEARCHED_LINES + SECRET
    workspace.open("untitled:a", text, 1, "python")
    edit(workspace, "untitled:a", 1, "y = 1\n")
    assert [each.is_edit for each in workspace.others("")] == [True, False]
    assert snippets_of(workspace.others(""), HOLE) == ()


def test_the_documents_of_a_project_are_those_that_are_read_along_unasked(tmp_path: Path) -> None:
    files = {
        **{".gitignore": "private/\n", "a.py": "a\n", "sub/b.py": "b\n", ".hidden.py": "h\n"},
        **{"private/c.py": "c\n", "keys.py": SECRET, "secrets.toml": "x\n"},
    }
    root = repository(tmp_path / "project", files)
    lay(tmp_path, {"outside.py": "o\n"})
    lay(root, {"new.py": "n\n"})
    (root / "link.py").symlink_to("../outside.py")
    names = [*files, "new.py", "link.py", "../outside.py", "missing.py"]
    uris = [*(uri_of(str(root / name)) for name in names), "untitled:u"]
    others = tuple(OpenText(uri, "x", "x") for uri in uris)
    kept = [Path(each.uri).name for each in texts_of_project(others, str(root / "a.py"))]
    assert kept == ["b.py", "new.py"]


def test_outside_of_a_repository_a_project_is_a_folder(tmp_path: Path) -> None:
    lay(tmp_path, {"a/a.py": "a\n", "a/b.py": "b\n", "c.py": "c\n"})
    others = tuple(OpenText(uri_of(str(tmp_path / name)), "", "") for name in ("a/b.py", "c.py"))
    assert texts_of_project(others, str(tmp_path / "a" / "a.py")) == others[:1]

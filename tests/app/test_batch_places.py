"""Which files a file of holes may have sent to an endpoint."""

import json
from pathlib import Path

import pytest

from repositories import git, lay
from starcoder_cli.app.batch_places import SendableFiles
from starcoder_cli.errors import RefusedError
from starcoder_cli.files.batch import BatchTask, parse_batch


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository beside files of its user, with links in it, as the current folder."""
    root = tmp_path / "repository"
    for name in (".git/config", "src/a.py", "notes/holes", "note.ipynb"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    git(root, "init", "-q")
    (tmp_path / "creds.py").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.py").touch()
    (root / "link.py").symlink_to("../creds.py")
    (root / "folder").symlink_to(tmp_path / "other")
    (root / "inner.py").symlink_to("src/a.py")
    (root / "linked-holes").symlink_to(tmp_path / "creds.py")
    monkeypatch.chdir(root)
    return root


def is_sendable(files: SendableFiles, path: str) -> bool:
    """Whether a file may be sent."""
    return files.refuse(path) is None


@pytest.mark.parametrize("batch", ["notes/holes", "linked-holes", "-", "/dev/fd/63"])
def test_of_a_repository_its_own_files(batch: str, repository: Path) -> None:
    files = SendableFiles.for_batch(batch, [])
    assert files.folder == repository
    for name in ("src/a.py", str(repository / "src/a.py"), "inner.py", "missing.py", "src/../a.py"):
        assert is_sendable(files, name)
    outside = repository.parent / "creds.py"
    names = ("../creds.py", str(outside), "link.py", "folder/b.py", ".git/config", "src/../../x")
    for name in names:
        assert not is_sendable(files, name)


def test_elsewhere_the_folder_of_the_file_of_holes(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = SendableFiles.for_batch("../other/holes", [])
    assert files.folder == repository.parent / "other"
    assert is_sendable(files, "../other/b.py") and not is_sendable(files, "src/a.py")
    monkeypatch.chdir(repository.parent)
    files = SendableFiles.for_batch("-", [])
    assert (
        is_sendable(files, "creds.py")
        and is_sendable(files, "repository/src/a.py")
        and not is_sendable(files, "../x")
    )


def test_a_file_that_the_command_line_names(repository: Path) -> None:
    files = SendableFiles.for_batch("notes/holes", ["../creds.py"])
    assert (
        is_sendable(files, "../creds.py")
        and is_sendable(files, "link.py")
        and not is_sendable(files, "../other/b.py")
    )


def test_the_lines_of_other_files_are_refused(repository: Path) -> None:
    fields = [
        {"place": "src/a.py:1"},
        {"prefix": "../creds.py:1"},
        {"place": "../creds.py:1", "id": 7},
        {"place": "../secret.ipynb:2:1"},
        {"place": "12:3"},
        {"place": "../creds.py#L1-L2"},
        {"wrong": 1},
    ]
    lines = parse_batch("\n".join(map(json.dumps, fields)).encode())
    checked = SendableFiles.for_batch("notes/holes", []).refuse_others(lines)
    kinds = [type(line.task) for line in checked]
    assert kinds[:2] == [BatchTask] * 2 and kinds[4] == BatchTask
    assert kinds[2:4] == [RefusedError] * 2 and kinds[5] == RefusedError
    assert checked[6] == lines[6]
    assert str(checked[2].task) == (
        f"../creds.py is not in {repository}, and the endpoint would read it; "
        "pipe the gaps in, from the folder of the files that they name"
    )
    assert checked[2].record() == lines[2].record()


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("private/x.py", "x\n", "is ignored by git"),
        ("local.py", "x\n", "is ignored by git"),
        (".env", "x\n", "looks as if it held a secret"),
        ("key.py", "key = 'sk-" + "x1Y" * 12 + "'\n", "looks as if it held a secret"),
        ("inner/x.py", "x\n", "is ignored by git"),
    ],
)
def test_what_git_ignores_and_what_looks_like_a_secret_is_refused(
    name: str, text: str, why: str, repository: Path
) -> None:
    git(repository, "init", "-q")
    git(repository, "init", "-q", "inner")
    ignored = {".gitignore": "private/\nlocal.py\n", "inner/.gitignore": "x.py\n"}
    lay(repository, {**ignored, "inner/y.py": "", name: text})
    (line,) = parse_batch(json.dumps({"place": f"{name}:1"}).encode())
    (checked,) = SendableFiles.for_batch("notes/holes", []).refuse_others([line])
    assert isinstance(checked.task, RefusedError)
    assert why in checked.task.message
    assert checked.task.message.endswith(", and the endpoint would read it")
    assert is_sendable(SendableFiles.for_batch("notes/holes", []), "inner/y.py")
    assert is_sendable(SendableFiles.for_batch("notes/holes", [name]), name)
    (repository / "innocent.py").symlink_to(name)
    assert not is_sendable(SendableFiles.for_batch("notes/holes", []), "innocent.py")


def test_a_repository_that_git_does_not_list_is_not_read(repository: Path) -> None:
    """It was a bug that nothing counted as ignored there."""
    (repository / ".git" / "index").write_bytes(b"damaged")
    problem = SendableFiles.for_batch("notes/holes", []).refuse("src/a.py")
    assert problem and "whose files git does not list" in problem.message


def test_a_repository_in_a_folder_that_git_ignores_is_not_read(repository: Path) -> None:
    lay(repository, {".gitignore": "private/\n", "private/a.py": "", "lib/a.py": ""})
    for name in ("private", "lib"):
        git(repository / name, "init", "-q")
    files = SendableFiles.for_batch("notes/holes", [])
    assert is_sendable(files, "lib/a.py") and not is_sendable(files, "private/a.py")


def test_a_secret_in_a_cell_is_one(repository: Path) -> None:
    cell = {"cell_type": "code", "source": ['api_key = "q8Zt2LmV5xR9bN3kPw7Y"\n'], "outputs": []}
    lay(repository, {"note.ipynb": json.dumps({"cells": [cell], "nbformat": 4})})
    assert not is_sendable(SendableFiles.for_batch("notes/holes", []), "note.ipynb")


@pytest.mark.parametrize("name", ["a\0b.py", "n" * 300 + ".py", "d/" * 3000 + "a.py"])
def test_a_name_that_no_file_can_have_is_told_at_its_line(name: str, repository: Path) -> None:
    """One such line ended all of them."""
    rows = [{"place": place} for place in ("src/a.py:1", f"{name}:1", "../creds.py:1")]
    lines = parse_batch("".join(f"{json.dumps(row)}\n" for row in rows).encode())
    tasks = [line.task for line in SendableFiles.for_batch("-", []).refuse_others(lines)]
    assert [isinstance(task, BatchTask) for task in tasks] == [True, True, False]

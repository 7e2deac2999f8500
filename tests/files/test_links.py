"""Links in a repository, and whether they lead out of it."""

from pathlib import Path

import pytest

from starcoder_cli.errors import RefusedError
from starcoder_cli.files.links import LinkedFile, find_file_outside, note_file_read, refuse_link


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository as the current folder, with files and links beside and in it."""
    root = tmp_path.resolve() / "repository"
    outside = tmp_path / "outside"
    for folder in (root / ".git", root / "src", outside / ".git"):
        folder.mkdir(parents=True)
    for file in (root / "a.py", root / "src/b.py", outside / "c.py"):
        file.touch()
    (root / "inner.py").symlink_to("src/b.py")
    (root / "outer.py").symlink_to("../outside/c.py")
    (root / "twice.py").symlink_to("outer.py")
    (root / "folder").symlink_to(outside)
    (root / "gone.py").symlink_to("/nowhere/gone.py")
    (root / "circle.py").symlink_to("circle.py")
    (tmp_path / "entry").symlink_to(root)
    (tmp_path / "shortcut.py").symlink_to(root / "a.py")
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize("name", ["outer.py", "twice.py", "folder/c.py", "src/../outer.py"])
def test_a_link_that_leads_out(name: str, repository: Path) -> None:
    outside = repository.parent / "outside/c.py"
    assert find_file_outside(name) == LinkedFile(name, repository, outside)
    path = f"{repository.parent}/entry/{name}"
    assert find_file_outside(path) == LinkedFile(path, repository, outside)


def test_a_file_that_is_not_there_yet(repository: Path) -> None:
    found = find_file_outside("folder/new.py")
    assert found and found.file == repository.parent / "outside/new.py"
    found = find_file_outside("gone.py")
    assert str(found) == f"gone.py leads out of {repository} by a link, to /nowhere/gone.py"


@pytest.mark.parametrize(
    "name",
    ["a.py", "src/b.py", "inner.py", "new.py", "circle.py", "../outside/c.py"]
    + ["../entry/a.py", "../shortcut.py", "/dev/stdout", "n" * 256, ""],
)
def test_every_other_file(name: str) -> None:
    assert find_file_outside(name) is None


def test_what_is_read_behind_a_link_is_said(repository: Path) -> None:
    notes: list[str] = []
    for name in ("a.py", "inner.py", "-", "outer.py"):
        note_file_read(name, notes.append)
    outside = repository.parent / "outside/c.py"
    assert notes == [f"outer.py leads out of {repository} by a link, to {outside}, which is read"]


@pytest.mark.parametrize("name", ["a.py", "src", "new.py", "src/new.py"])
def test_what_is_no_link_is_not_refused(name: str) -> None:
    refuse_link(Path(name), "hint")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("inner.py", "inner.py is a link, to {}/src/b.py; hint"),
        ("gone.py", "gone.py leads out of {} by a link, to /nowhere/gone.py; hint"),
        ("folder/new.py", "folder/new.py leads out of {} by a link, to {}/new.py; hint"),
    ],
)
def test_a_link_is_refused_and_so_is_what_lies_behind_one(
    name: str, message: str, repository: Path
) -> None:
    with pytest.raises(RefusedError) as caught:
        refuse_link(Path(name), "hint")
    assert str(caught.value) == message.format(repository, repository.parent / "outside")

"""Temporary folders are gone afterwards, whatever is in them."""

import os
import tempfile
from pathlib import Path

import pytest

from starcoder_cli.system.temporary import remove_folder, temporary_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to remove, beside another."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def nest(folder: Path, depth: int, name: str) -> None:
    """Make folders inside each other, with a file in the last."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(depth):
            os.mkdir(name)  # noqa: PTH102
            os.chdir(name)
        with open("file", "w") as file:  # noqa: PTH123
            file.write("text")
    finally:
        os.chdir(before)


@pytest.mark.parametrize(("depth", "name"), [(1500, "d"), (3000, "a longer name"), (40, "x" * 255)])
def test_folders_are_removed_however_deep(folder: Path, depth: int, name: str) -> None:
    """Deeper than Python recurses, and than a path may be long."""
    nest(folder, depth, name)
    remove_folder(folder)
    assert not folder.exists()


def test_what_links_lead_to_stays(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("text")
    (folder / "inner").mkdir()
    for link in (folder / "link", folder / "inner" / "link"):
        link.symlink_to(kept)
    (folder / "broken").symlink_to("nothing")
    os.mkfifo(folder / "pipe")
    remove_folder(folder)
    assert not folder.exists() and (kept / "file").read_text() == "text"


def test_a_folder_without_rights_is_removed(folder: Path) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("")
    for path in (folder / "a" / "b", folder / "a"):
        path.chmod(0)
    remove_folder(folder)
    assert not folder.exists()


def test_a_temporary_folder_is_gone_after_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(link))
    with pytest.raises(KeyError), temporary_folder() as folder:
        assert folder.parent == tmp_path.resolve() and folder.stat().st_mode & 0o077 == 0
        nest(folder, 3, "d")
        raise KeyError
    assert list(tmp_path.iterdir()) == [link]
    remove_folder(tmp_path / "nothing")

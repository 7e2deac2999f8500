"""An open folder: names are looked up in it, wherever its path leads by then."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from starcoder_cli.files.folder import OpenFolder, close_quietly, open_folder, walk_folders

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")


@pytest.fixture(params=["by descriptor", "by path"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenFolder]:
    """A folder with a file in it, a link to that and a pipe, in both ways to look up names."""
    (tmp_path / "file").write_bytes(b"one\r\ntwo\n")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    if request.param == "by path":
        yield OpenFolder(str(tmp_path), None)
        return
    with open_folder(str(tmp_path)) as opened:
        yield opened


def test_a_file_is_read_and_a_link_is_none(folder: OpenFolder) -> None:
    with folder.open_file("file") as descriptor:
        assert os.read(descriptor, 100) == b"one\r\ntwo\n"
    with pytest.raises(OSError):
        os.fstat(descriptor)
    with pytest.raises(OSError), folder.open_file("link"):
        raise AssertionError("it was followed")


def test_nobody_waits_for_a_pipe(folder: OpenFolder) -> None:
    with folder.open_file("pipe") as descriptor:
        assert stat.S_ISFIFO(os.fstat(descriptor).st_mode)


def test_a_new_file_takes_no_name_that_is_taken(folder: OpenFolder) -> None:
    with folder.create_file("new", 0o640) as descriptor:
        os.write(descriptor, b"x")
    assert (folder.stat("new").st_mode & 0o737, folder.stat("new").st_size) == (0o600, 1)
    for name in ("file", "link", "pipe", "new"):
        with pytest.raises(FileExistsError), folder.create_file(name, 0o600):
            raise AssertionError("it was replaced")


def test_what_the_system_says_is_of_a_link_itself(folder: OpenFolder) -> None:
    assert stat.S_ISLNK(folder.stat("link").st_mode)
    assert sorted(folder.list_names()) == ["file", "link", "pipe"]
    with pytest.raises(FileNotFoundError):
        folder.stat("none")


def test_a_file_gets_a_name_in_place_of_another(folder: OpenFolder) -> None:
    with folder.create_file("new", 0o600) as descriptor:
        os.write(descriptor, b"x")
    folder.rename("new", "file")
    folder.remove("link")
    folder.sync()
    assert sorted(folder.list_names()) == ["file", "pipe"]
    with folder.open_file("file") as descriptor:
        assert os.read(descriptor, 100) == b"x"


def test_what_may_be_done(folder: OpenFolder) -> None:
    wanted = {("file", os.R_OK): True, ("file", os.X_OK): False, (".", os.W_OK): True}
    assert {each: folder.has_access(*each) for each in wanted} == wanted
    assert not folder.has_access("none", os.F_OK)


def test_a_folder_that_is_moved_and_replaced_is_still_the_same(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with open_folder(str(place)) as folder:
        place.rename(tmp_path / "moved")
        place.mkdir()
        with folder.create_file("new", 0o600):
            pass
        assert folder.list_names() == ["new"]
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["new"]
    assert list(place.iterdir()) == []


def test_what_is_no_folder_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name, error in (("file", NotADirectoryError), ("none", FileNotFoundError)):
        with pytest.raises(error), open_folder(str(tmp_path / name)):
            raise AssertionError("it was opened")


def test_closing_what_was_read_from_says_nothing() -> None:
    close_quietly(1_000_000)


def test_each_folder_below_one_is_walked_and_links_are_not(tmp_path: Path) -> None:
    for name in ("b/c", "a", "skipped/d"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "b" / "file").write_text("")
    (tmp_path / "b" / "link").symlink_to("../a")
    (tmp_path / "b" / "circle").symlink_to("circle")
    walked = []
    for path, folders, files, links in walk_folders(str(tmp_path)):
        walked.append((Path(path).relative_to(tmp_path).as_posix(), [*folders], files, links))
        folders[:] = [name for name in folders if name != "skipped"]
    assert walked == [
        (".", ["a", "b", "skipped"], [], []),
        ("a", [], [], []),
        ("b", ["c"], ["file"], ["circle", "link"]),
        ("b/c", [], [], []),
    ]
    assert [*walk_folders(str(tmp_path / "none"))] == [(str(tmp_path / "none"), [], [], [])]

"""Files of the user's: made with their folder, replaced whole, kept where they cannot be."""

import os
from concurrent.futures import ThreadPoolExecutor
from errno import ENOSPC
from pathlib import Path

import pytest

from starcoder_cli.errors import BusyError, CreateError, WriteError
from starcoder_cli.files.user_file import save_user_file


def test_a_new_file_in_new_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    save_user_file(path, None, b"new", "")
    assert path.read_bytes() == b"new"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_a_link_and_the_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    save_user_file(tmp_path / "link", b"old", b"new", "")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640


def test_a_file_that_has_changed_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"theirs")
    with pytest.raises(BusyError, match="has changed since it was read"):
        save_user_file(path, b"old", b"new", "")
    assert path.read_bytes() == b"theirs"


def test_a_file_that_was_created_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"theirs")
    with pytest.raises(BusyError, match="has changed since it was read"):
        save_user_file(path, None, b"new", "")
    assert path.read_bytes() == b"theirs"


def test_of_many_that_create_a_file_one_does(tmp_path: Path) -> None:
    """The others say that they did not."""

    def create(number: int) -> bytes:
        try:
            save_user_file(path, None, b"%d" % number, "")
        except BusyError:
            return b""
        return b"%d" % number

    for attempt in range(20):
        path = tmp_path / f"{attempt}"
        with ThreadPoolExecutor(8) as pool:
            (written,) = filter(None, pool.map(create, range(8)))
        assert path.read_bytes() == written
    assert len(list(tmp_path.iterdir())) == 20


def test_a_link_that_leads_nowhere_yet(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    save_user_file(tmp_path / "link", None, b"new", "")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_nothing_is_left_of_a_file_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int, data: object) -> int:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(WriteError):
        save_user_file(tmp_path / "file", None, b"new", "")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CreateError) as raised:
        save_user_file(tmp_path / "file" / "inner", None, b"new", "go elsewhere")
    assert str(raised.value) == (
        f"cannot make the folder {tmp_path / 'file'}: File exists; go elsewhere"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CreateError, match="its folder is read-only; go elsewhere"):
        save_user_file(tmp_path / "file", None, b"new", "go elsewhere")
    tmp_path.chmod(0o700)

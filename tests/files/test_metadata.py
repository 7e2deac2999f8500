"""What keeps a file from being replaced by one like it is known before there is an answer."""

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from people import nobody as nobody
from saves import OLD
from starcoder_cli.errors import CreateError, RefusedError, StarcoderError, WriteError
from starcoder_cli.files.metadata import (
    can_keep_group,
    has_room,
    is_flagged,
    is_mount_point,
    is_mounted_read_only,
)
from starcoder_cli.files.save import SaveTarget


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in a folder of its own."""
    path = tmp_path / "a file.py"
    path.write_bytes(OLD)
    return path


def root_does(*words: object) -> None:
    """Run a program that only root may, or skip the test."""
    done = subprocess.run([str(word) for word in words], capture_output=True)
    if done.returncode:
        pytest.skip(f"only root can run {words[0]}")


@pytest.fixture
def flag() -> Iterator[Callable[[str, Path], None]]:
    """Gives a file or a folder a flag, and takes it back in the end."""
    flagged: list[Path] = []

    def change(letter: str, path: Path) -> None:
        root_does("chattr", f"+{letter}", path)
        flagged.append(path)

    yield change
    for path in flagged:
        subprocess.run(["chattr", "-i", "-a", str(path)], check=True)


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    """Mounts something somewhere until the end of the test."""
    mounted: list[Path] = []

    def do(path: Path, *words: object) -> None:
        root_does("mount", *words, path)
        mounted.append(path)

    yield do
    for path in mounted:
        subprocess.run(["umount", str(path)], check=True)


def refusals(file: Path) -> list[StarcoderError]:
    """What is said of an edit of a file, and of an output to it."""
    found = []
    with pytest.raises(StarcoderError) as caught:
        SaveTarget.for_edit(str(file), OLD)
    found.append(caught.value)
    with pytest.raises(StarcoderError) as caught:
        SaveTarget.for_output(str(file))
    found.append(caught.value)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    return found


@pytest.mark.parametrize("letter", ["i", "a"])
def test_a_flag_of_a_file_has_another_remedy_than_its_mode(
    letter: str, file: Path, flag: Callable[[str, Path], None]
) -> None:
    flag(letter, file)
    for error in refusals(file):
        assert isinstance(error, RefusedError)
        assert error.message == f"{file} is immutable or append-only"
        assert "chattr -i -a" in error.hint
        assert "chmod" not in error.hint


@pytest.mark.parametrize("letter", ["i", "a"])
def test_a_flag_of_a_folder(letter: str, file: Path, flag: Callable[[str, Path], None]) -> None:
    flag(letter, file.parent)
    for error in refusals(file):
        assert isinstance(error, CreateError)
        assert error.message == f"cannot write {file}: its folder is immutable or append-only"


def test_a_file_that_is_a_mount_point(file: Path, mount: Callable[..., None]) -> None:
    mount(file, "--bind", file)
    for error in refusals(file):
        assert isinstance(error, CreateError)
        assert error.message.startswith(f"{file} is a mount point")


def test_a_read_only_mount(file: Path, mount: Callable[..., None]) -> None:
    mount(file.parent, "--bind", "-o", "ro", file.parent)
    for error in refusals(file):
        assert isinstance(error, CreateError)
        assert error.message == f"cannot write {file}: its file system is mounted read-only"


def test_a_full_file_system(tmp_path: Path, mount: Callable[..., None]) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount(folder, "-t", "tmpfs", "-o", "size=64k", "tmpfs")
    file = folder / "file.py"
    file.write_bytes(OLD)
    with pytest.raises(WriteError, match="No space left on device; make room"):
        SaveTarget.for_edit(str(file), OLD)  # there is room for one of it, and not for two


def test_a_group_of_others(nobody: Callable[[], None]) -> None:
    if os.geteuid():
        pytest.skip("only root can make a file of another group")
    file = Path("shared.py")
    file.write_bytes(OLD)
    os.chown(file, 65534, 1)
    file.chmod(0o664)
    nobody()
    for error in refusals(file):
        assert isinstance(error, RefusedError)
        assert error.message.startswith(f"{file} belongs to a group that you are not in")
    inherited = stat.S_IFDIR | stat.S_ISGID | 0o777
    status = file.stat()
    assert can_keep_group(status, os.stat_result((inherited, *status[1:])))
    assert not can_keep_group(status, os.stat_result((inherited, *status[1:5], 2, *status[6:])))


def test_what_nothing_keeps_from_being_replaced(file: Path, tmp_path: Path) -> None:
    with file.open() as opened:
        assert not is_flagged(opened.fileno())
    assert not is_mount_point(str(file))
    assert not is_mounted_read_only(str(tmp_path))
    assert has_room(str(tmp_path), 1)
    assert not has_room(str(tmp_path), 1 << 60)
    assert can_keep_group(file.stat(), tmp_path.stat())


def test_mounts_are_read_as_the_system_writes_them(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_bytes(b"36 35 98:0 /m /mnt/a\\040b\\134c rw shared:1 - ext4 /dev/r rw\n\n")
    assert is_mount_point("/mnt/a b\\c", mounts)
    assert not is_mount_point("/mnt/a", mounts)
    assert not is_mount_point("/m", mounts)
    assert not is_mount_point("/mnt/a", tmp_path / "none")

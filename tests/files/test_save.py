"""A file is saved whole or not at all, whatever the system does; and it stays what it was."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faults import FAULTS, nothing, system
from people import nobody as nobody
from saves import NEW, OLD, prepared, save, temporaries
from starcoder_cli.errors import (
    BusyError,
    CreateError,
    ExitCode,
    InputError,
    RefusedError,
    StarcoderError,
    WriteError,
)
from starcoder_cli.files.folder import open_folder
from starcoder_cli.files.save import (
    FileVersion,
    SaveTarget,
    read_version,
    remove_stale_temporaries,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in a folder of its own."""
    path = tmp_path / "file.py"
    path.write_bytes(OLD)
    return path


def test_a_file_is_replaced(file: Path) -> None:
    save(file)
    assert file.read_bytes() == NEW
    assert list(file.parent.iterdir()) == [file]


# Faults.


@pytest.fixture(scope="module")
def calls() -> list[str]:
    """The calls of the system that a save makes."""
    with prepared() as path, system(0, nothing) as made:
        save(path)
    return made


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_leaves_the_old_file_or_the_new_one_and_nothing_else(
    kind: str, calls: list[str]
) -> None:
    for at, name in enumerate(calls, 1):
        where = f"{kind} at call {at}: {name}"
        code = 0
        with prepared() as path:
            with system(at, FAULTS[kind]):
                try:
                    save(path)
                except StarcoderError as error:
                    code = error.exit_code
                except KeyboardInterrupt:
                    code = ExitCode.INTERRUPTED
            found = path.read_bytes()
            assert found in (OLD, NEW), where
            assert code or found == NEW, where
            assert code in (0, ExitCode.INTERRUPTED) or found == OLD, where
            assert code in (0, 66, 73, 74, 75, 77, 130), where
            assert list(path.parent.iterdir()) == [path], where
            assert stat.S_IMODE(path.stat().st_mode) == 0o640, where


def test_there_are_enough_faults(calls: list[str]) -> None:
    """Each call of the system is one that can fail, and none that matters is left out."""
    assert len(calls) * len(FAULTS) >= 400
    assert set(calls) >= {"open", "write", "fsync", "replace", "fchmod", "flock"}


KILL = """
import os, signal, sys
from people import nobody as nobody
from faults import killed_after, killed_before, system
from saves import NEW, OLD, prepared, save, temporaries

for kill in (killed_before, killed_after):
    for at in range(1, int(sys.argv[1]) + 1):
        with prepared() as path:
            child = os.fork()
            if not child:
                with system(at, kill):
                    save(path)
                os._exit(1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            found, left = path.read_bytes(), temporaries(path.parent)
            assert found in (OLD, NEW)
            for temporary in left:
                os.utime(temporary, (0, 0))
            if left:
                save(path)
                assert list(path.parent.iterdir()) == [path]
            print("new" if found == NEW else "old", len(left))
"""


def test_a_killed_process_leaves_the_old_file_or_the_new_one(calls: list[str]) -> None:
    """What it may leave besides is removed by the next that saves there, an hour later."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = [sys.executable, "-c", KILL, str(len(calls))]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    ends = done.stdout.splitlines()
    assert len(ends) == 2 * len(calls)
    assert set(ends) == {"old 0", "old 1", "new 0"}


# Somebody else.

RACE = """
import os, sys
from pathlib import Path
from starcoder_cli.errors import BusyError
from starcoder_cli.files.save import SaveTarget

path = Path(sys.argv[1])
for turn in range(20):
    target = SaveTarget.for_edit(str(path), path.read_bytes())
    ready, go = os.pipe()
    children = []
    for number in range(4):
        child = os.fork()
        if not child:
            os.close(go)
            os.read(ready, 1)
            try:
                target.save(b"%d %d" % (turn, number))
            except BusyError:
                os._exit(75)
            os._exit(0)
        children.append(child)
    os.close(ready)
    os.close(go)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert path.read_bytes() == b"%d %d" % (turn, codes.index(0)), codes
    print(*sorted(codes))
"""


def test_of_several_that_read_the_same_file_one_can_save(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RACE, str(file)], capture_output=True, text=True, check=False
    )
    assert (done.stderr, set(done.stdout.splitlines())) == ("", {"0 75 75 75"})


def test_a_file_that_another_program_has_locked_is_left_alone(file: Path) -> None:
    import fcntl

    target = SaveTarget.for_edit(str(file), OLD)
    with file.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match=r"another program is writing .*file\.py"):
            target.save(NEW)
        assert file.read_bytes() == OLD
    target.save(NEW)
    assert file.read_bytes() == NEW


def append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"more")


def touch(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def same_again(path: Path) -> None:
    """Another file with the same bytes and times."""
    before = path.stat()
    path.rename(path.with_name("moved"))
    path.write_bytes(OLD)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def other_bytes(path: Path) -> None:
    """The same file, length and times, but not the same bytes."""
    before = path.stat()
    with path.open("r+b") as stream:
        stream.write(b"OLD")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def link_elsewhere(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def another_name(path: Path) -> None:
    path.with_name("other").hardlink_to(path)


MEANWHILE: dict[str, tuple[Callable[[Path], object], type[StarcoderError]]] = {
    "more": (append, BusyError),
    "touched": (touch, BusyError),
    "another file": (same_again, BusyError),
    "other bytes": (other_bytes, BusyError),
    "a link": (link_elsewhere, BusyError),
    "removed": (Path.unlink, BusyError),
    "a folder": (folder_instead, BusyError),
    "a hard link": (another_name, CreateError),
}


@pytest.mark.parametrize("what", MEANWHILE)
def test_what_happened_to_a_file_meanwhile_stays(what: str, file: Path) -> None:
    happen, error = MEANWHILE[what]
    target = SaveTarget.for_edit(str(file), OLD)
    happen(file)
    found = tree(file.parent)
    with pytest.raises(error):
        target.save(NEW)
    assert tree(file.parent) == found


@pytest.mark.parametrize("what", MEANWHILE)
def test_what_happens_to_a_file_while_the_new_one_is_written_stays(
    what: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fsync` is the last thing that is done to the new file."""
    happen, error = MEANWHILE[what]
    target = SaveTarget.for_edit(str(file), OLD)
    found = {}

    def fsync(descriptor: int) -> None:
        happen(file)
        found.update({name: value for name, value in tree(file.parent).items() if name[0] != "."})

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(error):
        target.save(NEW)
    assert tree(file.parent) == found


def tree(folder: Path) -> dict[str, object]:
    """What is in a folder: bytes, where links lead to, and None for folders."""
    found: dict[str, object] = {}
    for path in folder.iterdir():
        if path.is_symlink():
            found[path.name] = str(path.readlink())
        else:
            found[path.name] = path.read_bytes() if path.is_file() else None
    return found


def test_a_file_that_changes_while_it_is_read_is_not_edited(file: Path) -> None:
    with pytest.raises(BusyError, match="has changed since it was read; it was left alone"):
        SaveTarget.for_edit(str(file), OLD + b"x")
    with pytest.raises(InputError, match="is not a regular file; name another"):
        SaveTarget.for_edit(f"{file}.gone", OLD)


# What a file is besides its bytes.


def test_the_mode_stays(file: Path) -> None:
    for mode in (0o600, 0o644, 0o755, 0o4755, 0o2755, 0o7777):
        file.chmod(mode)
        save(file, file.read_bytes() + b"x")
        assert stat.S_IMODE(file.stat().st_mode) == mode


def test_extended_attributes_stay(file: Path) -> None:
    try:
        os.setxattr(file, "user.note", b"kept")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    save(file)
    assert os.getxattr(file, "user.note") == b"kept"
    assert os.listxattr(file) == ["user.note"]


def test_attributes_that_new_files_get_here_are_not_added(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder's default access control list, for example; what both have anyway is not set."""
    done: list[str] = []
    listed = iter([["security.label"], ["security.label", "system.posix_acl_access"]])
    monkeypatch.setattr(os, "listxattr", lambda descriptor: next(listed))
    monkeypatch.setattr(os, "getxattr", lambda descriptor, name: b"the same")
    monkeypatch.setattr(os, "removexattr", lambda descriptor, name: done.append(f"no {name}"))
    monkeypatch.setattr(os, "setxattr", lambda descriptor, name, value: done.append(name))
    save(file)
    assert done == ["no system.posix_acl_access"]


def test_what_cannot_be_written_is_found_out_when_it_is_read(nobody: Callable[[], None]) -> None:
    nobody()
    Path("file.py").write_bytes(OLD)
    Path("file.py").chmod(0o444)
    with pytest.raises(RefusedError, match=r"file\.py is read-only; make it writable"):
        SaveTarget.for_edit("file.py", OLD)
    Path("file.py").chmod(0o644)
    Path.cwd().chmod(0o555)
    with pytest.raises(CreateError, match=r"cannot write file\.py: its folder is read-only"):
        SaveTarget.for_edit("file.py", OLD)


@pytest.mark.parametrize("call", ["setxattr", "fchmod"])
def test_a_file_that_would_lose_something_is_left_alone(
    call: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*words: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    found = iter([["security.label"], []])
    monkeypatch.setattr(os, "listxattr", lambda descriptor: next(found))
    monkeypatch.setattr(os, "getxattr", lambda descriptor, name: b"secret")
    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(
        RefusedError, match=r"the owner, mode or attributes of .* could not be kept"
    ):
        save(file)
    assert tree(file.parent) == {"file.py": OLD}


def test_a_file_system_without_attributes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(descriptor: int) -> list[str]:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "listxattr", unsupported)
    save(file)
    assert file.read_bytes() == NEW


def test_a_file_system_without_locks(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def unsupported(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    save(file)
    assert file.read_bytes() == NEW


def test_a_file_of_another_owner_keeps_it_or_is_left_alone(nobody: Callable[[], None]) -> None:
    """Root can give files away; whoever is not root cannot."""
    if os.geteuid():
        pytest.skip("only root can make a file of somebody else")
    shared = Path("shared.py")
    shared.write_bytes(OLD)
    shared.chmod(0o666)
    os.chown(shared, 1, 1)
    save(shared)
    assert (shared.stat().st_uid, shared.stat().st_gid) == (1, 1)
    nobody()
    with pytest.raises(RefusedError, match=r"shared\.py belongs to another user"):
        save(shared, OLD)
    assert tree(Path.cwd()) == {"shared.py": NEW}


# A new file.


def test_a_new_file_has_the_mode_that_new_files_have(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        SaveTarget.for_output(str(tmp_path / "new.py")).save(NEW)
    finally:
        os.umask(before)
    assert (tmp_path / "new.py").read_bytes() == NEW
    assert stat.S_IMODE((tmp_path / "new.py").stat().st_mode) == 0o640


def test_a_name_that_says_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CreateError, match="cannot create a file"):
        SaveTarget.for_output(f"{tmp_path / 'new'}/")
    assert tree(tmp_path) == {}


def test_an_output_replaces_what_is_there_and_follows_links(file: Path) -> None:
    file.chmod(0o755)
    link = file.with_name("link")
    link.symlink_to(file.name)
    target = SaveTarget.for_output(str(link))
    append(file)
    target.save(NEW)
    assert tree(file.parent) == {"file.py": NEW, "link": "file.py"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    dangling = file.with_name("dangling")
    dangling.symlink_to("other")
    SaveTarget.for_output(str(dangling)).save(OLD)
    assert file.with_name("other").read_bytes() == OLD


def test_a_name_that_is_taken_by_then_is_not_touched(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = file.with_name(".starcoder-0000000000000000.tmp")
    other.write_bytes(b"mine")
    monkeypatch.setattr(os, "urandom", bytes)
    with pytest.raises(WriteError, match="File exists"):
        save(file)
    assert tree(file.parent) == {other.name: b"mine", "file.py": OLD}


# What is left of runs that were killed.


def test_only_old_files_of_ours_are_swept(tmp_path: Path) -> None:
    old, new, odd, folder, link = (
        tmp_path / name
        for name in (
            ".starcoder-0123456789abcdef.tmp",
            ".starcoder-0123456789abcde0.tmp",
            ".starcoder-0123456789abcdef0.tmp",
            ".starcoder-0123456789abcde1.tmp",
            ".starcoder-0123456789abcde2.tmp",
        )
    )
    for path in (old, new, odd):
        path.write_bytes(b"")
    folder.mkdir()
    link.symlink_to(old)
    for path in (old, odd, folder, link):
        os.utime(path, (0, 0), follow_symlinks=False)
    with open_folder(str(tmp_path)) as here:
        remove_stale_temporaries(here)
    assert set(tmp_path.iterdir()) == {new, odd, folder, link}


# Systems that have less than POSIX.


@pytest.mark.parametrize("path", ["file.py", "new.py"])
def test_a_system_with_nothing_but_files(
    path: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("O_DIRECTORY", "fchown", "listxattr", "geteuid"):
        monkeypatch.delattr(os, name)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    if file.name == path:
        save(file)
    else:
        SaveTarget.for_output(str(file.with_name(path))).save(NEW)
    assert file.with_name(path).read_bytes() == NEW
    assert temporaries(file.parent) == []


def test_a_save_in_another_thread(file: Path) -> None:
    from threading import Thread

    thread = Thread(target=save, args=[file])
    thread.start()
    thread.join()
    assert file.read_bytes() == NEW


@pytest.mark.parametrize(("size", "read"), [(0, 1), (2, 3), (3, 4), (4, 4), (100, 4)])
def test_a_version_is_one_byte_more_than_what_was_read_at_most(
    size: int, read: int, file: Path
) -> None:
    file.write_bytes(b"1234")
    status = file.stat()
    with file.open("rb", buffering=0) as opened:
        found = read_version(opened.fileno(), size)
    expected = FileVersion(status.st_dev, status.st_ino, status.st_mtime_ns, b"1234"[:read])
    assert found == expected


def test_a_file_that_grew_to_a_tebibyte_is_changed_and_not_read(file: Path) -> None:
    """It begins with what was read, and says that it is as old."""
    target = SaveTarget.for_edit(str(file), OLD)
    before = file.stat()
    os.truncate(file, 1 << 40)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(BusyError, match="has changed since it was read"):
        target.save(NEW)
    assert file.stat().st_size == 1 << 40


def test_a_byte_more_at_the_end_is_a_change_too(file: Path) -> None:
    target = SaveTarget.for_edit(str(file), OLD)
    before = file.stat()
    file.write_bytes(OLD + b"x")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(BusyError, match="has changed since it was read"):
        target.save(NEW)
    assert file.read_bytes() == OLD + b"x"

"""Files from folders and archives: no link is followed, nothing leads out, or is too large."""

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from repositories import lay, repository
from starcoder_cli.attribution import containers
from starcoder_cli.attribution.containers import (
    MAX_INDEXED_FILE_BYTES,
    MAX_NAME_CHARACTERS,
    ArchiveTree,
    FolderTree,
    is_archive,
    is_safe_name,
    read_archive,
)
from starcoder_cli.attribution.name_depth import MAX_NAME_FOLDERS
from starcoder_cli.errors import DataError

TAR_MODES = {"a.tar": "w:", "a.TGZ": "w:gz", "a.tar.bz2": "w:bz2", "a.tar.xz": "w:xz"}
ARCHIVES = ("a.whl", "a.zip", *TAR_MODES)


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    """An archive of files, in the form that its name says."""
    if path.name not in TAR_MODES:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(str(path), TAR_MODES[path.name]) as tar:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def is_python(name: str) -> bool:
    return name.endswith(".py")


def test_a_folder_has_what_is_below_it_in_order(tmp_path: Path) -> None:
    lay(tmp_path, {"b/c.py": "c", "b.py": "b", "a.py": "a"})
    (tmp_path / "folder-link").symlink_to(tmp_path / "b")
    assert FolderTree.scan(tmp_path) == FolderTree(tmp_path, ["a.py", "b.py", "b/c.py"], [])


def test_of_a_repository_what_git_ignores_is_not_there(tmp_path: Path) -> None:
    lay(tmp_path, {"a.py": "a", "git/ignored.py": "x", "git/new.py": "n"})
    root = repository(tmp_path / "git", {".gitignore": "ignored.py\n", "sub/b.py": "b"})
    names = [".gitignore", "new.py", "sub/b.py"]
    (root / "new.py").write_text("n")
    assert FolderTree.scan(tmp_path) == FolderTree(
        tmp_path, ["a.py", *(f"git/{name}" for name in names)], ["git"]
    )
    assert FolderTree.scan(root) == FolderTree(root, names, [""])
    assert FolderTree.scan(root / "sub") == FolderTree(root / "sub", ["b.py"], ())


def test_a_folder_gives_regular_files_alone(tmp_path: Path) -> None:
    lay(tmp_path, {"in/a.py": "a", "out/b.py": "b"})
    root = tmp_path / "in"
    (root / "file-link").symlink_to("a.py")
    (root / "folder-link").symlink_to(tmp_path / "out")
    os.mkfifo(root / "pipe")
    (root / "full").write_bytes(bytes(MAX_INDEXED_FILE_BYTES))
    (root / "large").write_bytes(bytes(MAX_INDEXED_FILE_BYTES + 1))
    names = ("file-link", "folder-link/b.py", "folder-link", "pipe", "large", "none", ".", "a\0b")
    tree = FolderTree(root, (), ())
    assert {name: tree.read(name) for name in (*names, "", str(root / "a.py"))} == dict.fromkeys(
        (*names, "", str(root / "a.py"))
    )
    assert (tree.read("a.py"), len(tree.read("full") or b"")) == (b"a", MAX_INDEXED_FILE_BYTES)


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_has_what_is_relevant_and_no_bytes_of_what_is_too_large(
    tmp_path: Path, name: str
) -> None:
    files = {
        "top/b.py": b"b",
        "a.py": b"a",
        "notes.txt": b"t",
        "large.py": bytes(MAX_INDEXED_FILE_BYTES + 1),
        "../out.py": b"x",
        "/abs.py": b"x",
        "top/../out.py": b"x",
    }
    path = pack(tmp_path / name, files)
    assert is_archive(path)
    tree = read_archive(path, is_python)
    assert tree == ArchiveTree(path, {"top/b.py": b"b", "a.py": b"a", "large.py": None})
    assert tree.file_names == ["a.py", "large.py", "top/b.py"]
    assert (tree.read("a.py"), tree.read("large.py"), tree.read("none")) == (b"a", None, None)


@pytest.mark.parametrize(
    ("name", "is_there"),
    [
        ("d/" * MAX_NAME_FOLDERS + "a.py", True),
        ("d/" * (MAX_NAME_FOLDERS + 1) + "a.py", False),
        ("n" * (MAX_NAME_CHARACTERS - 3) + ".py", True),
        ("n" * (MAX_NAME_CHARACTERS - 2) + ".py", False),
    ],
    ids=["deep", "too deep", "long", "too long"],
)
def test_a_name_that_no_project_has_is_passed_over(
    tmp_path: Path, name: str, is_there: bool
) -> None:
    """Each name of 20,000 folders took seven seconds."""
    path = pack(tmp_path / "a.whl", {name: b"a", "b.py": b"b"})
    assert set(read_archive(path, is_python).files) == {"b.py", *([name] if is_there else [])}


def test_a_member_that_is_no_regular_file_is_not_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, kind in (("link.py", 0o120777), ("file.py", 0o100644), ("folder.py/", 0o40755)):
            info = zipfile.ZipInfo(name)
            info.external_attr = kind << 16
            archive.writestr(info, "file.py")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for type_ in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            member = tarfile.TarInfo(f"kind{type_.decode()}.py")
            member.type, member.linkname = type_, "/etc/passwd"
            tar.addfile(member)
        member = tarfile.TarInfo("./file.py")
        member.size = 7
        tar.addfile(member, io.BytesIO(b"file.py"))
    for name in ("a.zip", "a.tar"):
        assert read_archive(tmp_path / name, is_python).files == {"file.py": b"file.py"}


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("damage", ["cut off", "text", "empty"])
def test_a_damaged_archive_is_one_error(tmp_path: Path, name: str, damage: str) -> None:
    path = pack(tmp_path / name, {"a.py": os.urandom(100_000)})
    whole = path.read_bytes()
    path.write_bytes({"cut off": whole[: len(whole) // 2], "text": b"text", "empty": b""}[damage])
    with pytest.raises(DataError) as caught:
        read_archive(path, is_python)
    assert caught.value.message.startswith(f"{path} is damaged: ")
    assert caught.value.hint == "fetch it again"


@pytest.mark.parametrize(
    ("name", "is_safe"),
    [
        *((name, True) for name in ("a.py", "a/b.py", "..a/b..", "a b")),
        *((name, False) for name in ("../a", "a/../b", "/a", "a//b", "./a", "a/", "a\\b", "a\0")),
    ],
)
def test_a_name_is_safe_where_it_stays_below_its_folder(name: str, is_safe: bool) -> None:
    assert is_safe_name(name) is is_safe


def test_what_is_no_archive_by_its_name() -> None:
    assert not any(is_archive(Path(name)) for name in ("a.py", "zip", "a.gz", "a.tar.zst"))


@pytest.mark.parametrize("name", ["../secret.py", "inner/../../secret.py", "{folder}/secret.py"])
def test_no_name_leads_out_of_a_folder(tmp_path: Path, name: str) -> None:
    """An index that somebody else made may tell any name."""
    inside = tmp_path / "inside"
    lay(inside, {"inner/a.py": "a = 1\n"})
    (tmp_path / "secret.py").write_text("key = 1\n")
    tree = FolderTree.scan(inside)
    assert tree.read("inner/a.py") == b"a = 1\n"
    assert tree.read(name.format(folder=tmp_path)) is None


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_may_grow_without_bound_is_not_unpacked(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.py", b"a")
        archive.writestr("b.py", bytes(1 << 20), method)
    assert read_archive(tmp_path / "a.zip", is_python).files == {"a.py": b"a"}


def test_an_archive_of_more_names_than_fit_is_one_error(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"n" * 60_000 + str(number): b"" for number in range(300)})
    with pytest.raises(DataError, match="its names take more than 16 MiB"):
        read_archive(path, is_python)


def test_headers_that_describe_too_much_are_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.pax_headers = {"comment": "for all"}
        tar.addfile(tarfile.TarInfo("a.py"))
        large = tarfile.TarInfo("b.py")
        large.pax_headers = {"comment": "c" * (1 << 20)}
        tar.addfile(large)
        named = tarfile.TarInfo("n" * 120 + ".py")
        tar.addfile(named)
    assert list(read_archive(tmp_path / "a.tar", is_python).files) == ["a.py", "b.py", named.name]


def test_an_archive_that_takes_too_much_memory_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of 152 KB took a gigabyte, or ended as a bug."""
    path = pack(tmp_path / "a.tar.xz", {"a.py": b"a"})
    monkeypatch.setattr("starcoder_cli.attribution.xz.MAX_XZ_MEMORY_BYTES", 1 << 20)
    with pytest.raises(DataError, match="is damaged: it takes more than 1 MiB of memory to unpack"):
        read_archive(path, is_python)


@pytest.mark.parametrize("name", ARCHIVES)
def test_where_the_memory_ends_the_archive_is_too_large(tmp_path: Path, name: str) -> None:
    def fail(_: str) -> bool:
        raise MemoryError

    path = pack(tmp_path / name, {"a.py": b"a"})
    with pytest.raises(DataError) as caught:
        read_archive(path, fail)
    assert str(caught.value) == f"{path} takes more memory than there is; add a part of it"


@pytest.mark.parametrize("form", ["old", "new"])
def test_a_file_with_holes_has_no_list_of_them(tmp_path: Path, form: str) -> None:
    """A list of holes may be as long as the archive."""
    member = tarfile.TarInfo("a.py")
    if form == "old":
        member.type = tarfile.GNUTYPE_SPARSE
    else:
        member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    data = b"100000\n" + b"0\n" * 200_000
    member.size = len(data)
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member, io.BytesIO(data))
    if form == "old":
        assert read_archive(tmp_path / "a.tar", is_python).files == {}
    else:
        with pytest.raises(DataError, match="it has a file with holes"):
            read_archive(tmp_path / "a.tar", is_python)


def test_a_deep_folder_is_walked_and_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    root = repository(tmp_path / "git", {"a.py": "a"})
    (root / ".git" / "HEAD").unlink()
    os.mkfifo(root / ".git" / "HEAD")
    deepest = root
    for _ in range(1100):
        deepest /= "d"
        deepest.mkdir()
    (deepest / "b.py").write_text("b")
    notes: list[str] = []
    names = FolderTree.scan(tmp_path, notes.append).file_names
    subprocess.run(["rm", "-r", root / "d"], check=True)  # deeper than Python can remove
    assert "git/a.py" in names
    assert any(name.endswith("/d/b.py") for name in names)
    assert notes == [f"git does not tell which files belong to {root}; all of them count"]


def test_members_with_many_records_are_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a bug that all records of all headers were in memory at once."""
    monkeypatch.setattr(containers, "MAX_ARCHIVE_RECORDS", 50)
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(20):
            member = tarfile.TarInfo(f"{number}.py")
            member.pax_headers = {f"key{key}": "x" for key in range(5)}
            archive.addfile(member)
    with pytest.raises(DataError, match="its headers have too many records"):
        read_archive(path, is_python)


def test_records_that_repeat_a_name_are_counted_by_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a header with one record thousands of times nothing is left to count."""
    monkeypatch.setattr(containers, "MAX_LONG_HEADER_BYTES", 100_000)
    path = tmp_path / "a.tar"
    records = b"5 a=\n" * 4000
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(10):
            header = tarfile.TarInfo("header")
            header.type, header.size = tarfile.XHDTYPE, len(records)
            archive.addfile(header, io.BytesIO(records))
            archive.addfile(tarfile.TarInfo(f"{number}.py"))
    with pytest.raises(DataError, match="its headers have too many records"):
        read_archive(path, is_python)


def test_members_that_share_their_bytes_are_unpacked_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a bug that one large member was unpacked as often as the archive named it."""
    monkeypatch.setattr(containers, "MAX_UNPACKED_BYTES", 3 * MAX_INDEXED_FILE_BYTES)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", bytes(2 * MAX_INDEXED_FILE_BYTES))
        archive.filelist *= 9
    with pytest.raises(DataError, match="is too large to be indexed"):
        read_archive(path, is_python)

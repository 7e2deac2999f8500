"""What a copy of the files around one file has in it, and what it never has."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from starcoder_cli.errors import DataError, UsageError, WriteError
from starcoder_cli.files.worktree import (
    MAX_COPIED_BYTES,
    MAX_COPIED_FILES,
    WorkTree,
    select_copyable,
)


def write(folder: Path, *names: str) -> None:
    """Files that hold their own names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder and what it holds, links as what they lead to."""
    return {
        path.relative_to(folder).as_posix(): (
            f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def git(folder: Path, *words: str) -> None:
    """Run git there."""
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files, from which a test runs."""
    root = tmp_path / "project"
    write(root, "a.py", "src/b.py", "src/deep/c.py")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def repository(folder: Path) -> Path:
    """The same as a git repository, in which some files are ignored, and some not yet known."""
    git(folder, "init", "-q")
    write(folder, "build/out.o", "src/new.py", "gone.py")
    (folder / ".gitignore").write_text("build\nsecret.env\n")
    write(folder, "secret.env")
    git(folder, "add", "a.py", "src/b.py", ".gitignore", "gone.py")
    (folder / "gone.py").unlink()
    return folder


def test_of_a_repository_what_git_does_not_ignore(repository: Path, tmp_path: Path) -> None:
    tree = WorkTree.containing("src/b.py")
    assert (tree.root, tree.file, tree.working_folder) == (repository, "src/b.py", ".")
    tree.copy_to(tmp_path / "copy", b"\xff changed")
    changed = tmp_path / "copy" / "src" / "b.py"
    assert changed.read_bytes() == b"\xff changed"
    changed.write_text("")
    assert files(tmp_path / "copy") == {
        ".gitignore": "build\nsecret.env\n",
        "a.py": "a.py",
        "src/b.py": "",
        "src/deep/c.py": "src/deep/c.py",
        "src/new.py": "src/new.py",
    }
    assert (repository / "src/b.py").read_text() == "src/b.py"


def test_an_ignored_file_can_be_the_one(repository: Path, tmp_path: Path) -> None:
    WorkTree.containing("build/out.o").copy_to(tmp_path / "copy", b"new")
    assert files(tmp_path / "copy")["build/out.o"] == "new"


def test_commands_run_where_the_user_is(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "src" / "deep")
    tree = WorkTree.containing("../b.py")
    assert (tree.file, tree.working_folder) == ("src/b.py", "src/deep")
    monkeypatch.chdir(repository.parent)
    assert WorkTree.containing("project/a.py").working_folder == "."


def test_no_program_of_the_repository_is_run(repository: Path) -> None:
    """`git status` would run what its settings name to find out what has changed."""
    canary = repository / "canary"
    git(repository, "config", "core.fsmonitor", f"touch {canary}; false")
    assert "src/new.py" in WorkTree.containing("a.py").names
    assert not canary.exists()


def test_outside_a_repository_the_folder_that_one_is_in(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = WorkTree.containing("src/b.py")
    assert (tree.root, tree.file, tree.working_folder) == (folder, "src/b.py", ".")
    assert set(tree.names) == {"a.py", "src/b.py", "src/deep/c.py"}
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    tree = WorkTree.containing("../project/src/b.py")
    assert (tree.root, tree.file, tree.working_folder) == (folder / "src", "b.py", ".")
    assert set(tree.names) == {"b.py", "deep/c.py"}


def test_a_repository_that_git_cannot_read_is_a_folder(folder: Path) -> None:
    write(folder, ".git/HEAD")
    assert set(WorkTree.containing("a.py").names) == {"a.py", "src/b.py", "src/deep/c.py"}


def test_links_are_copied_where_they_stay_inside(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, "outside/secret")
    (folder / "inside").symlink_to("src/b.py")
    (folder / "folder").symlink_to("src")
    (folder / "src" / "up").symlink_to("../a.py")
    (folder / "absolute").symlink_to(folder / "a.py")
    (folder / "out").symlink_to("../outside/secret")
    (folder / "outer").symlink_to(tmp_path / "outside")
    (folder / "sly").symlink_to("folder/../../outside/secret")
    (folder / "dangling").symlink_to("nothing")
    WorkTree.containing("a.py").copy_to(tmp_path / "copy", b"a.py")
    assert files(tmp_path / "copy") == {
        "a.py": "a.py",
        "absolute": "-> a.py",
        "dangling": "-> nothing",
        "folder": "-> src",
        "inside": "-> src/b.py",
        "src/b.py": "src/b.py",
        "src/deep/c.py": "src/deep/c.py",
        "src/up": "-> ../a.py",
    }


def test_no_link_in_a_copy_leads_back_to_the_tree(folder: Path, tmp_path: Path) -> None:
    """One may climb out of the tree and come back by its name, or by a link outside."""
    up = "../" * len(folder.parts)
    (tmp_path / "back").symlink_to(folder)
    (folder / "src" / "climbs.py").symlink_to(f"{up}../{str(folder)[1:]}/a.py")
    (folder / "folder").symlink_to(f"../{folder.name}/src")
    (folder / "through").symlink_to("folder/deep/c.py")
    (folder / "back").symlink_to("../back/src/b.py")
    (folder / "root").symlink_to(folder)
    (folder / "nothing").symlink_to(folder / "deleted" / "x")
    copy = tmp_path / "elsewhere" / "copy"
    WorkTree.containing("a.py").copy_to(copy, b"changed")
    links = {name: text for name, text in files(copy).items() if text.startswith("-> ")}
    assert links == {
        "back": "-> src/b.py",
        "folder": "-> src",
        "nothing": "-> deleted/x",
        "root": "-> .",
        "src/climbs.py": "-> ../a.py",
        "through": "-> folder/deep/c.py",
    }
    assert (copy / "src" / "climbs.py").read_text() == "changed"
    (copy / "through").write_text("written by a test")
    assert (folder / "src" / "deep" / "c.py").read_text() == "src/deep/c.py"


def test_links_in_a_circle_are_links(folder: Path, tmp_path: Path) -> None:
    (folder / "one").symlink_to("two")
    (folder / "two").symlink_to("one")
    (folder / "self").symlink_to("self/deeper")
    WorkTree.containing("a.py").copy_to(tmp_path / "copy", b"a.py")
    assert [(tmp_path / "copy" / name).readlink().name for name in ("one", "two")] == ["two", "one"]


@pytest.mark.parametrize("name", ["../../stolen", "d/stolen"])
def test_nothing_is_written_outside_of_a_copy(repository: Path, tmp_path: Path, name: str) -> None:
    """A repository's index may name any path, and what is a link may be a folder in a copy."""
    write(repository, "here/is/stolen", "x" * (len(name) - len("stolen")) + "stolen")
    (repository / "a").symlink_to("here/is/deep/er")
    write(repository, "here/is/deep/er/x")
    (repository / "d").symlink_to("a/../../../is")
    git(repository, "add", "-A")
    index = repository / ".git" / "index"
    placeholder = "x" * (len(name) - len("stolen")) + "stolen"
    index.write_bytes(index.read_bytes().replace(placeholder.encode(), name.encode()))
    (repository.parents[1] / "stolen").write_text("mine")
    copy = tmp_path / "one" / "two" / "copy"
    WorkTree.containing("a.py").copy_to(copy, b"a.py")
    assert {path for path in files(tmp_path / "one") if "copy" not in path} == set()
    assert "d/stolen" not in WorkTree.containing("a.py").names


def test_a_tree_may_be_as_deep_as_paths_are_long(folder: Path, tmp_path: Path) -> None:
    deepest = folder
    for _ in range(1100):
        deepest /= "d"
        deepest.mkdir()
    write(deepest, "deep.py")
    names = WorkTree.containing("a.py").names
    subprocess.run(["rm", "-r", folder / "d"], check=True)  # deeper than Python can remove
    assert any(name.endswith("/deep.py") for name in names)


def test_a_link_to_the_file_is_the_file(folder: Path, tmp_path: Path) -> None:
    (folder / "link.py").symlink_to("src/b.py")
    WorkTree.containing("link.py").copy_to(tmp_path / "copy", b"new")
    copied = files(tmp_path / "copy")
    assert (copied["link.py"], copied["src/b.py"]) == ("-> src/b.py", "new")


def test_permissions_and_times_are_kept(folder: Path, tmp_path: Path) -> None:
    (folder / "a.py").chmod(0o755)
    (folder / "src" / "b.py").chmod(0o444)
    os.utime(folder / "a.py", (1, 1))
    WorkTree.containing("src/b.py").copy_to(tmp_path / "copy", b"new")
    status = (tmp_path / "copy" / "a.py").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o755, 1)
    status = (tmp_path / "copy" / "src" / "b.py").stat()
    assert stat.S_IMODE(status.st_mode) == 0o444


def test_what_is_no_file_is_left_out(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "pipe")
    WorkTree.containing("a.py").copy_to(tmp_path / "copy", b"a.py")
    assert "pipe" not in files(tmp_path / "copy")


def test_what_goes_in_the_meantime_is_left_out(folder: Path, tmp_path: Path) -> None:
    tree = WorkTree.containing("a.py")
    (folder / "src" / "b.py").unlink()
    tree.copy_to(tmp_path / "copy", b"a.py")
    assert set(files(tmp_path / "copy")) == {"a.py", "src/deep/c.py"}


def test_where_nothing_can_be_written_that_is_said(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, "copy")
    with pytest.raises(WriteError) as caught:
        WorkTree.containing("a.py").copy_to(tmp_path / "copy", b"")
    assert str(caught.value).startswith(f"cannot copy {folder}: Not a directory: ")


def test_too_many_files_are_not_copied(folder: Path) -> None:
    assert len(select_copyable(folder, ["a.py"] * MAX_COPIED_FILES)) == MAX_COPIED_FILES
    with pytest.raises(DataError) as caught:
        select_copyable(folder, ["a.py"] * (MAX_COPIED_FILES + 1))
    assert str(caught.value) == (
        f"{folder} has more than 20000 files or 512 MiB to copy; run in a smaller folder, or let "
        ".gitignore leave out what is not needed"
    )


def test_too_many_bytes_are_not_copied(folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(MAX_COPIED_BYTES)
    with pytest.raises(DataError, match="512 MiB"):
        WorkTree.containing("a.py")


def test_a_folder_that_git_ignores_is_none_to_run_in(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "build")
    with pytest.raises(UsageError) as caught:
        WorkTree.containing("../a.py")
    assert str(caught.value) == (
        f"{repository}/build is not in the copy of {repository} that a command would run in; "
        f"run in {repository}"
    )
    assert WorkTree.containing("out.o").working_folder == "build"
    (repository / "empty").mkdir()
    monkeypatch.chdir(repository / "empty")
    assert WorkTree.containing("../a.py").working_folder == "empty"


@pytest.mark.parametrize("inner", ["src/deep", "lib/deep"])
def test_a_repository_around_that_of_the_file_is_none_to_run_in(
    inner: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repository / inner, "m.py", "tests/t.py")
    git(repository / inner, "init", "-q")
    for current in (repository, repository / "src"):
        monkeypatch.chdir(current)
        with pytest.raises(UsageError, match="is not in the copy of"):
            WorkTree.containing(str(repository / inner / "m.py"))
    monkeypatch.chdir(repository / inner)
    with pytest.raises(UsageError, match="is not in the copy of"):
        WorkTree.containing(str(repository / "a.py"))
    monkeypatch.chdir(repository / inner / "tests")
    assert WorkTree.containing("../m.py").working_folder == "tests"

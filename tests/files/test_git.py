"""What is asked of git, and that nothing of a repository's settings is run for it."""

import os
import subprocess
from pathlib import Path

import pytest

from repositories import git as run
from repositories import lay, repository
from starcoder_cli.files.git import (
    MAX_GIT_OUTPUT_BYTES,
    list_files,
    list_recently_committed,
    list_tracked,
    stays_inside,
)

PLENTY = 60.0


def test_the_files_that_git_does_not_ignore(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "", ".gitignore": "*.log\nbuild/\n"})
    lay(root, {"new.py": "", "x.log": "", "build/b.py": "", "sub/é\n.py": ""})
    assert sorted(list_files(root, PLENTY) or ()) == [".gitignore", "a.py", "new.py", "sub/é\n.py"]


def test_the_files_of_the_last_commits(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "", "b.py": ""})
    for number in range(6):
        lay(root, {f"{number}.py": "", "each.py": "x" * number})
        run(root, "add", "-A")
        run(root, "commit", "-q", "-m", str(number))
    assert list_recently_committed(root, PLENTY) == (
        "5.py",
        "each.py",
        "4.py",
        "3.py",
        "2.py",
        "1.py",
    )


def test_no_repository_no_answer(tmp_path: Path) -> None:
    assert list_files(tmp_path, PLENTY) is None
    assert list_recently_committed(tmp_path, PLENTY) == ()


def test_a_git_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(tmp_path, monkeypatch, "exec sleep 60")
    assert list_files(tmp_path, 0.2) is None


def test_a_git_that_a_repository_brings_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty name in PATH is the working folder."""
    root, paths = repository(tmp_path / "r", {"a.py": ""}), os.environ["PATH"]
    fake_git(root, monkeypatch, "touch run; exit 1")
    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", f":{paths}")
    assert sorted(list_files(root, PLENTY) or ()) == ["a.py", "git"]
    assert not (root / "run").exists()


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list_files(tmp_path, PLENTY) is None


def test_a_repository_that_names_programs_runs_none_of_them(tmp_path: Path) -> None:
    """A filter runs where contents are compared: a changed file must not lead there."""
    root = repository(tmp_path / "r", {"a.py": "a = 1\n", "b.py": ""})
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    (root / ".gitattributes").write_text("*.py filter=trap diff=trap\n")
    for key in (
        *("core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "gpg.program"),
        *("filter.trap.clean", "filter.trap.smudge", "diff.trap.textconv", "diff.external"),
    ):
        run(root, "config", key, str(trap))
    run(root, "config", "log.showSignature", "true")
    (root / ".git" / "hooks" / "post-index-change").write_bytes(trap.read_bytes())
    (root / ".git" / "hooks" / "post-index-change").chmod(0o755)
    (root / "a.py").write_text("a = 2\n")
    (tmp_path / "sprung").unlink(missing_ok=True)
    assert sorted(list_files(root, PLENTY) or ()) == [".gitattributes", "a.py", "b.py"]
    assert list_recently_committed(root, PLENTY) == ("a.py", "b.py")
    assert not (tmp_path / "sprung").exists()


def test_git_gets_no_secrets_no_other_repository_and_nobodys_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_git(tmp_path, monkeypatch, f'env > "{tmp_path}/$5$6$7"')
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_SSH", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, "x")
    list_files(tmp_path, PLENTY)
    given = [
        dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
        for path in tmp_path.iterdir()
        if path.name != "git"
    ]
    assert {
        frozenset(
            (name, value)
            for name, value in variables.items()
            if name.startswith("GIT_") or "TOKEN" in name
        )
        for variables in given
    } == {
        frozenset({("GIT_DIR", os.devnull)}),
        frozenset(
            {
                ("GIT_ALLOW_PROTOCOL", "none"),
                ("GIT_CONFIG_GLOBAL", os.devnull),
                ("GIT_CONFIG_NOSYSTEM", "1"),
                ("GIT_NO_LAZY_FETCH", "1"),
                ("GIT_OPTIONAL_LOCKS", "0"),
                ("GIT_TERMINAL_PROMPT", "0"),
            }
        ),
    }


def test_what_the_user_ignores_everywhere_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the user's own settings those count that name files and folders, and no programs."""
    root = repository(tmp_path / "r", {"a.py": ""})
    lay(root, {"new.py": "", "secret.env": ""})
    monkeypatch.setenv("HOME", str(tmp_path))
    ran = tmp_path / "ran"
    (tmp_path / ".gitconfig").write_text(
        f"[core]\n\texcludesFile = ~/mine\n\tfsmonitor = touch {ran}\n"
    )
    (tmp_path / "mine").write_text("*.env\n")
    assert list_files(root, PLENTY) == ("new.py", "a.py")
    assert not ran.exists()


def partial_clone(folder: Path, ran: Path) -> Path:
    """A repository that lacks a file's content, and names a program that is to fetch it."""
    root = repository(folder, {"a.py": "", "sub/.gitignore": "*.o\n"})
    object_id = subprocess.run(
        ["git", "-C", root, "rev-parse", "HEAD:sub/.gitignore"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    run(root, "update-index", "--skip-worktree", "sub/.gitignore")
    (root / "sub" / ".gitignore").unlink()
    (root / "sub" / "new.py").write_text("")
    (root / ".git" / "objects" / object_id[:2] / object_id[2:]).unlink()
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "core.sshCommand": f"touch {ran}; false",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": str(root / ".git"),
        "remote.origin.uploadPack": f"touch {ran}; false",
    }.items():
        run(root, "config", key, value)
    return root


@pytest.mark.parametrize("url", ["{root}/.git", "ssh://host/r", "ext::sh -c touch% {ran}"])
def test_nothing_is_fetched_for_a_repository_that_lacks_something(tmp_path: Path, url: str) -> None:
    ran = tmp_path / "ran"
    root = partial_clone(tmp_path / "r", ran)
    run(root, "config", "remote.origin.url", url.format(root=root, ran=ran))
    assert "a.py" in (list_files(root, PLENTY) or ())
    list_recently_committed(root, PLENTY)
    assert not ran.exists()


@pytest.mark.parametrize("setting", ["core.fsmonitor", "core.alternateRefsCommand"])
def test_a_repository_whose_settings_lie_among_its_files_runs_nothing(
    tmp_path: Path, setting: str
) -> None:
    """A bare repository may be checked in like any folder."""
    root = repository(tmp_path / "r", {"a.py": "", "sub/a.py": ""})
    run(tmp_path, "init", "-q", "--bare", str(root / "sub"))
    run(root / "sub", "--git-dir=.", "config", "core.bare", "false")
    run(root / "sub", "--git-dir=.", "config", "core.worktree", "..")
    run(root / "sub", "--git-dir=.", "config", setting, f"touch {tmp_path}/ran")
    assert list_files(root / "sub", PLENTY) is None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", [".gitignore", ".git/info/exclude"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    root = repository(tmp_path / "r", {"a.py": ""})
    lay(root, {"new.py": ""})
    (root / name).unlink(missing_ok=True)
    os.mkfifo(root / name)
    notes: list[str] = []
    assert list_files(root, 2.0, notes.append) == ("a.py",)
    assert notes == [
        f"git does not tell which files of {root} are new; only those that it tracks count"
    ]


@pytest.mark.parametrize("name", [".git/HEAD", ".git/config", ".git/index"])
def test_nor_is_one_of_gits_own(tmp_path: Path, name: str) -> None:
    root = repository(tmp_path / "r", {"a.py": ""})
    (root / name).unlink()
    os.mkfifo(root / name)
    assert list_files(root, 1.0) is None
    assert list_recently_committed(root, 0.5) == () or name == ".git/index"


def test_names_that_lead_out_are_left_out(tmp_path: Path) -> None:
    """An index may hold any name: git checks none that it reads from there."""
    root = repository(tmp_path / "r", {"a.py": "", "xx/b.py": "", "xxxx/c.py": ""})
    (root / "xx" / "b.py").unlink()
    (root / "xxxx" / "c.py").unlink()
    index = root / ".git" / "index"
    index.write_bytes(index.read_bytes().replace(b"xx/b.py", b"../b.py").replace(b"xxxx", b".git"))
    assert list_files(root, PLENTY) == ("a.py",)
    names = ("../b", "/etc/b", "a/../../b", "a/./b", "a//b", ".git/config", "")
    assert not any(stays_inside(name) for name in names)
    assert all(stays_inside(name) for name in ("a", "a/b", "..a/b..", "nested/", ".gitignore"))


def test_a_git_that_says_too_much_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(tmp_path, monkeypatch, f"head -c {MAX_GIT_OUTPUT_BYTES + 1} /dev/zero")
    assert list_files(tmp_path, PLENTY) is None


def fake_git(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Another git, which is found first."""
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_the_files_that_git_tracks_are_no_new_ones(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "", "sub/b.py": ""})
    lay(root, {"new.py": ""})
    assert list_tracked(root) == ("a.py", "sub/b.py")
    assert list_tracked(tmp_path) is None

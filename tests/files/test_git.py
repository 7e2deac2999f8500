"""What is asked of git, and that nothing of a repository's settings is run for it."""

import os
from pathlib import Path

import pytest

from repositories import git as run
from repositories import lay, repository
from starcoder_cli.files.git import git_environment, list_files, list_recently_committed

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
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert list_files(tmp_path, 0.2) is None


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


def test_git_gets_no_secrets_and_no_other_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, "x")
    given = git_environment()
    assert given["PATH"] == os.environ["PATH"]
    assert {name for name in given if name.startswith("GIT_") or "TOKEN" in name} == {
        "GIT_ALLOW_PROTOCOL",
        "GIT_NO_LAZY_FETCH",
        "GIT_OPTIONAL_LOCKS",
        "GIT_TERMINAL_PROMPT",
    }

"""Which files are read, and that every other one is counted under its reason."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from codebases import code, codebase
from repositories import git, lay, repository
from starcoder_cli.attribution.licences import LicenceAllowList
from starcoder_cli.errors import DataError, InputError
from starcoder_cli.tuning.sources import Ledger, Rules, read_sources

FILES = {
    "a.py": "# SPDX-License-Identifier: MIT\n" + code("apple"),
    "b.py": "# SPDX-License-Identifier: GPL-3.0-only\n" + code("brick"),
    "c.py": code("cloud"),
    "inner/d.py": code("dance"),
    "vendor/e.py": code("eagle"),
    "f.min.js": code("flame"),
    "secret.rb": code("grape"),
    "kept/g.py": code("grape"),
    "README.md": "words",
    ".starcoderignore": "kept/\n",
}


def read(folder: Path, rules: Rules | None = None) -> tuple[list[str], Ledger]:
    """The names of the files that are read, and what became of the others."""
    ledger = Ledger()
    found = read_sources([folder], rules or Rules(), ledger)
    return [source.path for source in found], ledger


def test_every_file_is_read_or_counted(tmp_path: Path) -> None:
    folder = repository(tmp_path / "mine", FILES)
    (folder / "h.py").write_bytes(b"binary\0" + code("house").encode())
    (folder / "i.py").symlink_to("a.py")
    git(folder, "add", "-A")
    (folder / "new.py").write_text(code("apple"))  # which git does not track
    names, ledger = read(folder)
    assert names == ["a.py", "b.py", "c.py", "inner/d.py"]
    assert ledger.left_out == {
        "vendored": 1,
        "minified": 1,
        "named like a secret": 1,
        "kept out by its owner": 1,
        "not code": 2,
        "binary": 1,
        "a link, unreadable or too large": 1,
    }
    assert ledger.tracked == len(names) + sum(ledger.left_out.values())


def test_a_folder_in_a_repository(tmp_path: Path) -> None:
    folder = repository(tmp_path / "mine", FILES)
    names, ledger = read(folder / "inner")
    assert (names, ledger.tracked) == (["inner/d.py"], 1)


def test_a_folder_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    folder, ledger = repository(tmp_path / "mine", FILES), Ledger()
    (tmp_path / "link").symlink_to(folder)
    found = read_sources([folder, folder / ".", tmp_path / "link"], Rules(), ledger)
    once, usual = read(folder)
    assert ([source.path for source in found], ledger) == (once, usual)


def test_licences_that_are_allowed(tmp_path: Path) -> None:
    folder = repository(tmp_path / "mine", FILES)
    mit = LicenceAllowList.parse(["MIT OR Apache-2.0"])
    assert read(folder, Rules(mit))[0] == ["a.py"]
    names, ledger = read(folder, Rules(LicenceAllowList.parse(["permissive", "unknown"])))
    assert names == ["a.py", "c.py", "inner/d.py"]
    assert ledger.denied_licences == {"GPL-3.0-only": 1}


def test_a_licence_that_forbids(tmp_path: Path) -> None:
    folder = repository(tmp_path / "mine", FILES)
    with pytest.raises(DataError) as error:
        read(folder, Rules(LicenceAllowList.parse(["BSD-3-Clause"])))
    assert error.value.message == (
        f"no code in {folder} is under a licence that --allow names: MIT (1), GPL-3.0-only (1), "
        "unknown (2)"
    )


def test_a_project_that_opted_out(tmp_path: Path) -> None:
    folder = codebase(tmp_path / "mine")
    with pytest.raises(DataError, match="8 kept out by its owner"):
        read(folder, Rules(is_opted_out=lambda name: name == "mine"))


def make_nothing(folder: Path) -> Path:
    return folder / "missing"


def make_file(folder: Path) -> Path:
    return lay(folder, {"a.py": code("apple")}) / "a.py"


def make_binary(folder: Path) -> Path:
    (folder / "a.bin").write_bytes(os.urandom(100))
    return folder / "a.bin"


def make_folder(folder: Path) -> Path:
    return lay(folder / "plain", {"a.py": code("apple")})


def make_prose(folder: Path) -> Path:
    return repository(folder / "prose", {"README.md": "words"})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_nothing, "{} is not there; check the name"),
        (make_file, "{} is one file; name the folder of its repository"),
        (make_binary, "{} is one file; name the folder of its repository"),
        (make_folder, "{} is not in a git repository; run: git init && git add ."),
        (
            make_prose,
            "there is no code to learn from in {}: 1 not code; "
            "name a folder of a git repository with code",
        ),
    ],
)
def test_bad_input(make: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises((DataError, InputError)) as error:
        read(path)
    assert str(error.value) == message.format(path)


def test_names_of_files_are_fit_to_be_shown(tmp_path: Path) -> None:
    """One that is not UTF-8 ended the command with 70; one can hold what a terminal obeys."""
    root = codebase(tmp_path / "r")
    (root / "apple.py").rename(root / os.fsdecode(b"f\xff.py"))
    (root / "brick.py").rename(root / "\x1b]0;pwn\x07.py")
    git(root, "add", "-A")
    names, _ = read(root)
    assert len(names) == 8
    assert all(name.isprintable() for name in names)
    assert "\n".join(names).encode()


def test_a_repository_that_git_cannot_read(tmp_path: Path) -> None:
    root = codebase(tmp_path / "r")
    (root / ".git" / "index").write_bytes(b"garbage")
    with pytest.raises(InputError, match="git cannot list the files of .*; see what `git status`"):
        read(root)

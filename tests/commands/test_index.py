"""`starcoder index`: which code there is to compare with."""

import gzip
import io
import json
import os
import signal
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from processes import COMMAND
from repositories import git, lay, repository
from starcoder_cli.cli import main


def code(word: str, count: int = 60) -> str:
    """Code that no other word makes."""
    return "\n".join(f"{word}{number} = {number}" for number in range(count)) + "\n"


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the index of a test is."""
    monkeypatch.setenv("STARCODER_INDEX", str(tmp_path / "index"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "index"


def listed(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """What `index list` prints, without the places."""
    capsys.readouterr()
    assert main(["index", "list"]) == 0
    return [line.split("\t")[:4] for line in capsys.readouterr().out.splitlines()]


def origins(text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> list[str]:
    """Project, version, place and licence of what a text comes from."""
    (tmp_path / "asked.py").write_text(text)
    capsys.readouterr()
    main(["trace", "asked.py", "-q"])
    lines = capsys.readouterr().out.splitlines()
    return [" ".join(line.split("\t")[3:]) for line in lines]


def test_a_folder_with_a_licence_that_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path / "mine", {"a.py": code("a"), "b/c.js": code("c"), "README.md": code("d")})
    assert main(["index", "add", "mine", "--license", "mit OR apache-2.0"]) == 0
    assert capsys.readouterr().out == "mine: 1 project, 2 files (2 new, 0 gone)\n"
    assert listed(capsys) == [["mine", "", "MIT OR Apache-2.0", "2"]]
    assert origins(code("a"), capsys, tmp_path) == ["mine  a.py:1-60 MIT OR Apache-2.0"]


def test_listing_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(tmp_path / "mine", {"a.py": code("a")})
    main(["index", "add", "mine"])
    capsys.readouterr()
    assert main(["index", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "mine",
        "version": "",
        "licence": "",
        "root": str(tmp_path / "mine"),
        "files": 1,
    }


def test_what_git_ignores_stays_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository(tmp_path / "repo", {"a.py": code("a"), ".gitignore": "build\n"})
    lay(tmp_path / "repo", {"build/b.py": code("b"), "new.py": code("c")})
    main(["index", "add", "repo"])
    assert listed(capsys) == [["repo", "", "unknown", "2"]]


def test_repositories_below_a_folder_are_projects_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "all").mkdir()
    repository(tmp_path / "all" / "one", {"a.py": code("a")})
    repository(tmp_path / "all" / "two", {"pyproject.toml": "[project]\nname = 'second'\n"})
    lay(tmp_path / "all" / "two", {"b.py": code("b")})
    lay(tmp_path / "all", {"c.py": code("c")})
    main(["index", "add", "all"])
    assert [row[0] for row in listed(capsys)] == ["all", "one", "second"]


def test_links_are_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(tmp_path / "outside", {"secret.py": code("s"), "folder/deep.py": code("d")})
    lay(tmp_path / "mine", {"a.py": code("a")})
    (tmp_path / "mine" / "b.py").symlink_to(tmp_path / "outside" / "secret.py")
    (tmp_path / "mine" / "folder").symlink_to(tmp_path / "outside" / "folder")
    os.mkfifo(tmp_path / "mine" / "pipe.py")
    repository(tmp_path / "repo", {"a.py": code("r")})
    (tmp_path / "repo" / "b.py").symlink_to(tmp_path / "outside" / "secret.py")
    (tmp_path / "repo" / "folder").symlink_to(tmp_path / "outside" / "folder")
    git(tmp_path / "repo", "add", "-A")
    main(["index", "add", "mine", "repo"])
    assert [row[3] for row in listed(capsys)] == ["1", "1"]
    assert origins(code("s") + code("d"), capsys, tmp_path) == []


def test_installed_packages_tell_their_names_versions_and_licences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = "env/lib/python3.12/site-packages"
    lay(
        tmp_path,
        {
            f"{site}/one/__init__.py": code("a"),
            f"{site}/one-2.0.dist-info/METADATA": "Name: one\nVersion: 2.0\n"
            "License-Expression: BSD-3-Clause\n\nBody\n",
            f"{site}/one-2.0.dist-info/RECORD": "one/__init__.py,,\n../../../../../outside.py,,\n",
            f"{site}/two.py": code("b"),
            f"{site}/Two-1.dist-info/METADATA": "Name: Two\nVersion: 1\n"
            "Classifier: License :: OSI Approved :: MIT License\n\n",
            f"{site}/Two-1.dist-info/RECORD": '"two.py",,\n',
            f"{site}/three.py": code("c"),
            "outside.py": code("o"),
        },
    )
    main(["index", "add", "env"])
    assert listed(capsys) == [
        ["env", "", "unknown", "1"],
        ["one", "2.0", "BSD-3-Clause", "1"],
        ["Two", "1", "MIT", "1"],
    ]
    assert origins(code("a"), capsys, tmp_path) == ["one 2.0 one/__init__.py:1-60 BSD-3-Clause"]


def test_a_wheel_and_an_sdist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "one-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("one.py", code("a"))
        wheel.writestr("one-1.0.dist-info/METADATA", "Name: one\nVersion: 1.0\nLicense: MIT\n\n")
        wheel.writestr("one-1.0.dist-info/RECORD", "one.py,,\n")
    with tarfile.open(tmp_path / "two-3.tar.gz", "w:gz") as sdist:
        for name, text in (
            ("two-3/PKG-INFO", "Name: two\nVersion: 3\nLicense-Expression: MPL-2.0\n\n"),
            ("two-3/src/two.py", code("b")),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            sdist.addfile(info, io.BytesIO(text.encode()))
    assert main(["index", "add", "one-1.0-py3-none-any.whl", "two-3.tar.gz"]) == 0
    assert listed(capsys) == [["one", "1.0", "MIT", "1"], ["two", "3", "MPL-2.0", "1"]]
    assert origins(code("b"), capsys, tmp_path) == ["two 3 src/two.py:1-60 MPL-2.0"]


def test_names_that_lead_out_of_an_archive_are_not_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("good.py", "../bad.py", "/bad.py", "a/../../bad.py", "a\\..\\bad.py"):
            archive.writestr(name, code("good" if name == "good.py" else "bad"))
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        for name, kind in (("good.py", b"0"), ("../bad.py", b"0"), ("link.py", tarfile.SYMTYPE)):
            text = code("good" if name == "good.py" else "bad").encode()
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, "/etc/passwd", len(text)
            tar.addfile(info, io.BytesIO(text))
    before = sorted(tmp_path.iterdir())
    assert main(["index", "add", "a.zip", "b.tar"]) == 0
    assert [row[3] for row in listed(capsys)] == ["1", "1"]
    assert origins(code("bad"), capsys, tmp_path) == []
    assert {*tmp_path.iterdir()} - {*before} == {
        tmp_path / "index",
        tmp_path / "index.starcoder",
        tmp_path / "asked.py",
    }


def test_an_archive_that_unpacks_to_far_too_much(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = tarfile.TarInfo("big.py")
    info.size = 2 << 30
    with gzip.open(tmp_path / "bomb.tar.gz", "wb", compresslevel=1) as stream:
        stream.write(info.tobuf())
        for _ in range(1100):
            stream.write(bytes(1 << 20))
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big.py", bytes(64 << 20))
        archive.writestr("small.py", code("a"))
    assert main(["index", "add", "bomb.tar.gz"]) == 65
    assert capsys.readouterr().err == (
        "error: bomb.tar.gz is damaged: it unpacks to more than 1024 MiB; fetch it again\n".replace(
            "bomb", str(tmp_path / "bomb")
        )
    )
    assert main(["index", "add", "bomb.zip"]) == 0
    assert listed(capsys) == [["bomb.zip", "", "unknown", "1"]]


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz", "a.whl", "a.tar.bz2"])
def test_a_damaged_archive_is_one_error(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 no archive" * 100)
    assert main(["index", "add", name]) == 65
    err = capsys.readouterr().err
    assert err.startswith(f"error: {tmp_path / name} is damaged: ")
    assert err.count("\n") == 1


def test_an_update_reads_what_changed_and_lets_go_of_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path / "mine", {"a.py": code("a"), "b.py": code("b"), "c.py": code("c")})
    main(["index", "add", "mine", "--license", "MIT"])
    (tmp_path / "mine" / "b.py").write_text(code("new"))
    (tmp_path / "mine" / "c.py").unlink()
    capsys.readouterr()
    assert main(["index", "update"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'mine'}: 1 project, 2 files (1 new, 2 gone)\n"
    assert origins(code("new"), capsys, tmp_path) == ["mine  b.py:1-60 MIT"]
    assert origins(code("b") + code("c"), capsys, tmp_path) == []
    assert origins(code("a"), capsys, tmp_path) == ["mine  a.py:1-60 MIT"]


def test_an_update_leaves_what_is_out_of_reach(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path / "mine", {"a.py": code("a")})
    main(["index", "add", "mine"])
    (tmp_path / "mine").rename(tmp_path / "moved")
    capsys.readouterr()
    assert main(["index", "update"]) == 66
    assert capsys.readouterr().err == (
        f"error: not there any more: {tmp_path / 'mine'}; remove it with: starcoder index rm PATH\n"
    )
    assert origins(code("a"), capsys, tmp_path) == ["mine  a.py:1-60 unknown"]


@pytest.mark.parametrize("words", [["rm", "Secret_Project"], ["add", "--opt-out", "names"]])
def test_what_is_removed_leaves_no_byte_behind(
    words: list[str], tmp_path: Path, index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path / "kept", {f"{number}.py": code(f"k{number}x") for number in range(20)})
    files = {f"private{number}.py": code(f"s{number}x") for number in range(20)}
    lay(tmp_path / "secret-project", files)
    (tmp_path / "names").write_text("# not these\nSecret.Project  # nor this\n")
    main(["index", "add", "kept", "secret-project"])
    assert b"secret" in index.read_bytes()
    assert main(["index", *words]) == 0
    names = tmp_path / "index.starcoder"
    data = index.read_bytes() + names.read_bytes()
    assert b"kept" in data
    assert [word for word in (b"secret", b"private") if word in data.lower()] == []
    assert {path for path in tmp_path.iterdir() if "index" in path.name} == {index, names}
    main(["index", "add", "kept"])
    main(["index", "rm", "kept"])
    assert b"kept" not in index.read_bytes()


def test_the_hashes_of_what_is_removed_are_gone_too(tmp_path: Path, index: Path) -> None:
    lay(tmp_path / "kept", {"a.py": code("a")})
    main(["index", "add", "kept"])
    alone = index.read_bytes()
    lay(tmp_path / "other", {f"{number}.py": code(f"o{number}x") for number in range(20)})
    main(["index", "add", "other"])
    main(["index", "rm", "other"])
    # What counts the changes of the file may differ.
    assert index.read_bytes()[100:] == alone[100:]


def test_who_opted_out_does_not_come_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path / "mine", {"a.py": code("a")})
    (tmp_path / "names").write_text("MINE\nother\n")
    main(["index", "add", "mine"])
    capsys.readouterr()
    assert main(["index", "add", "--opt-out", "names"]) == 0
    assert capsys.readouterr().out == "names: 2 projects kept out, 1 file gone\n"
    main(["index", "add", "mine"])
    assert listed(capsys) == []
    assert origins(code("a"), capsys, tmp_path) == []


def test_starcoderignore_keeps_files_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ignore = "# ours alone\n/private/\n*.gen.py\n!keep.gen.py\nb/**/d.py\n"
    names = ("a.py", "private/p.py", "sub/private/q.py", "x.gen.py", "keep.gen.py", "b/c/d.py")
    lay(tmp_path / "mine", {name: code(f"w{at}x") for at, name in enumerate(names)})
    lay(tmp_path / "mine", {".starcoderignore": ignore})
    main(["index", "add", "mine"])
    text = "".join(code(f"w{at}x") for at in range(len(names)))
    found = [line.split()[1] for line in origins(text, capsys, tmp_path)]
    assert sorted(found) == ["a.py:1-60", "keep.gen.py:1-60", "sub/private/q.py:1-60"]
    lay(tmp_path / "mine", {".starcoderignore": "*\n"})
    main(["index", "update"])
    assert listed(capsys) == []


def test_what_is_in_two_paths_belongs_to_the_inner_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path / "all", {"a.py": code("a"), "inner/b.py": code("b")})
    main(["index", "add", "all/inner", "all", "--license", "MIT"])
    assert [row[0] for row in listed(capsys)] == ["all", "inner"]
    assert origins(code("b"), capsys, tmp_path) == ["inner  b.py:1-60 MIT"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["add"], 2, "nothing to add; name a folder, a wheel or an sdist"),
        (["add", "none"], 66, "none is not there; check the name"),
        (
            ["add", "empty"],
            65,
            "there is no code in empty; name a folder, a wheel or an sdist with some",
        ),
        (
            ["add", "a.txt"],
            65,
            "a.txt is neither a folder nor an archive; name the folder that it is in, or a wheel",
        ),
        (
            ["add", "empty", "--license", "my own"],
            2,
            "'my own' is not a licence expression; name licences as SPDX does: MIT OR Apache-2.0",
        ),
        (
            ["add", "--opt-out", "none"],
            66,
            "cannot read none: No such file or directory; check the name",
        ),
        (["list"], 66, "there is no index at index; make one: starcoder index add FOLDER"),
        (["rm", "mine"], 66, "there is no index at index; make one: starcoder index add FOLDER"),
        (["update"], 66, "there is no index at index; make one: starcoder index add FOLDER"),
    ],
)
def test_bad_input_is_one_sentence(
    words: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("a")
    assert main(["index", *words]) == code
    out, err = capsys.readouterr()
    assert (out, err.replace(f"{tmp_path}/", "")) == ("", f"error: {message}\n")
    assert not (tmp_path / "index").exists()


def test_an_unknown_project_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(tmp_path / "mine", {"a.py": code("a")})
    main(["index", "add", "mine"])
    capsys.readouterr()
    assert main(["index", "rm", "other"]) == 66
    assert capsys.readouterr().err == (
        "error: the index has no project other; see: starcoder index list\n"
    )


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A folder that several processes take some seconds to read."""
    lay(tmp_path / "large", {f"{at}.py": code(f"w{at}x", 60_000) for at in range(8)})
    return tmp_path / "large"


def test_several_processes_find_what_one_does(
    large: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", "add", "large"]) == 0
    assert capsys.readouterr().out == "large: 1 project, 8 files (8 new, 0 gone)\n"
    assert origins(code("w7x", 50), capsys, tmp_path) == ["large  7.py:1-50 unknown"]


def test_ctrl_c_ends_it_at_once_and_leaves_the_index_as_it_was(
    large: Path, tmp_path: Path, index: Path
) -> None:
    lay(tmp_path / "small", {"a.py": code("a")})
    main(["index", "add", "small"])
    before = index.read_bytes()
    process = subprocess.Popen(
        [*COMMAND, "index", "add", "large"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    journal = index.with_name("index-journal")
    while not journal.exists():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert (*process.communicate(timeout=60), process.returncode) == (b"", b"", -signal.SIGINT)
    main(["index", "list"])
    assert index.read_bytes() == before
    assert not journal.exists()

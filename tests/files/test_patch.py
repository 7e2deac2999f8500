"""A patch is what git makes of it: the new file from the old one, byte for byte."""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from starcoder_cli.files.patch import PatchTarget, format_patch, quote_filename

needs_git = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


@pytest.mark.parametrize(
    ("old", "new", "hunk"),
    [
        (b"a\nb\nc\n", b"a\nB\nc\n", b"@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"),
        (b"a\n", b"b\n", b"@@ -1 +1 @@\n-a\n+b\n"),
        (b"", b"a\nb\n", b"@@ -0,0 +1,2 @@\n+a\n+b\n"),
        (b"a\n", b"", b"@@ -1 +0,0 @@\n-a\n"),
        (
            b"1\n2\n3\n4\n5\n6\n7\n8\n9\n",
            b"1\n2\n3\n4\n5\nx\ny\n7\n8\n9\n",
            b"@@ -3,7 +3,8 @@\n 3\n 4\n 5\n-6\n+x\n+y\n 7\n 8\n 9\n",
        ),
        (
            b"1\n2\n3\n4\n5\n6\n",
            b"1\n2\n3\n4\n5\n5\n6\n",
            b"@@ -3,4 +3,5 @@\n 3\n 4\n 5\n+5\n 6\n",
        ),
        (
            b"a\nb",
            b"a\nb\nc",
            b"@@ -1,2 +1,3 @@\n a\n-b\n\\ No newline at end of file\n"
            b"+b\n+c\n\\ No newline at end of file\n",
        ),
        (
            b"a\nb",
            b"A\nb",
            b"@@ -1,2 +1,2 @@\n-a\n+A\n b\n\\ No newline at end of file\n",
        ),
        (b"a\r\nb\r\n", b"a\r\nc\r\n", b"@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n"),
        (b"a\rb\n\xff\x0c\n", b"a\rc\n\xff\x0c\n", b"@@ -1,2 +1,2 @@\n-a\rb\n+a\rc\n \xff\x0c\n"),
    ],
)
def test_a_change(old: bytes, new: bytes, hunk: bytes) -> None:
    assert format_patch(b"f", old, new) == b"--- a/f\n+++ b/f\n" + hunk


def test_no_change_is_an_empty_patch() -> None:
    assert format_patch(b"f", b"a\n", b"a\n") == b""


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (b"a/plain-name_1.py", b"a/plain-name_1.py"),
        (b"a/two words", b"a/two words\t"),
        (b'a/"\\', b'"a/\\"\\\\"'),
        (b"a/\a\b\t\n\v\f\r\x01\x7f", b'"a/\\a\\b\\t\\n\\v\\f\\r\\001\\177"'),
        ("a/é \udcff".encode("utf-8", "surrogateescape"), b'"a/\\303\\251 \\377"\t'),
    ],
)
def test_a_name_as_git_writes_it(name: bytes, written: bytes) -> None:
    assert quote_filename(name) == written


def git(folder: Path, *words: str, data: bytes = b"") -> bytes:
    """What git prints, with no settings of anybody and outside of all repositories."""
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    done = subprocess.run(
        ["git", *words], cwd=folder, env=environment, input=data, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


PIECES = (b"a", b"b", b"\n", b"\n", b"\r\n", b"\r", b" ", b"\t", b"\xff", b"\xc3\xa9", b"", b"+")
NAMES = (b"x", b" ", b'"', b"\\", b"\n", b"\t", b"\xff", b"\xc3\xa9", b"-", b"\x1b", b".py")


def some(chance: random.Random, pieces: tuple[bytes, ...], most: int) -> bytes:
    """Bytes of some pieces, at most so many."""
    return b"".join(chance.choices(pieces, k=chance.randint(0, most)))


def spliced(chance: random.Random, old: bytes) -> bytes:
    """A text with a range replaced."""
    start, end = sorted((chance.randint(0, len(old)), chance.randint(0, len(old))))
    end = min(end, start + chance.randint(0, 6))
    return old[:start] + some(chance, PIECES, 8) + old[end:]


@needs_git
@pytest.mark.parametrize("from_top", [False, True], ids=["here", "from the top"])
@pytest.mark.parametrize("inside", [False, True], ids=["folder", "repository"])
def test_git_makes_the_new_file_of_the_old_one(
    inside: bool, from_top: bool, tmp_path: Path
) -> None:
    """Files of all kinds at once, in a folder of a repository or in one of its own.

    A text that becomes empty is left out: git takes it for a file that is to be removed.
    """
    chance = random.Random(7)
    folder = tmp_path / "deep"
    folder.mkdir()
    if inside:
        git(tmp_path, "init", "-q")
    changes: dict[bytes, tuple[bytes, bytes]] = {}
    for number in range(300):
        old = some(chance, PIECES, 40)
        name = b"%d" % number + some(chance, NAMES, 6)
        changes[name] = (old, spliced(chance, old) or b"x")
        (folder / os.fsdecode(name)).write_bytes(old)
    prefix = b"deep/" if inside and from_top else b""
    whole = b"".join(
        format_patch(prefix + name, *change, from_top=from_top) for name, change in changes.items()
    )
    top = tmp_path if prefix else folder
    git(top, "apply", "--whitespace=nowarn", "--check", data=whole)
    git(top, "apply", "--whitespace=nowarn", data=whole)
    for name, (_, new) in changes.items():
        assert (folder / os.fsdecode(name)).read_bytes() == new, name


@needs_git
def test_git_writes_such_a_change_alike(tmp_path: Path) -> None:
    """But for its own first lines, and what it writes behind `@@`."""
    for name, old, new in (
        ("two words é.txt", b"1\n2\n3\n4\n5\n6\n7\n8\n", b"1\n2\n3\n4\nfive\n6\n7\n8\n"),
        ("plain.txt", b"a\r\nb", b"a\r\nb\r\nc"),
        ("empty.txt", b"", b"a\n"),
    ):
        (tmp_path / name).write_bytes(old)
        if not (tmp_path / ".git").exists():
            git(tmp_path, "init", "-q")
        git(tmp_path, "add", name)
        (tmp_path / name).write_bytes(new)
        theirs = git(tmp_path, "diff", name)
        assert theirs[theirs.index(b"---" if b"\n---" in theirs else b'\n"') :].lstrip(
            b"\n"
        ) == format_patch(os.fsencode(name), old, new)


def test_a_file_is_named_as_seen_from_here_or_from_where_it_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("repository/.git", "repository/sub/deep", "plain"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository" / "sub")
    (tmp_path / "repository" / "sub" / "link").symlink_to(tmp_path / "plain")
    (tmp_path / "plain" / "circle").symlink_to("circle")
    assert PatchTarget.of("deep/a.py") == PatchTarget("deep/a.py")
    assert PatchTarget.of("../sub/./a.py") == PatchTarget("a.py")
    assert PatchTarget.of("../a.py") == PatchTarget("a.py", tmp_path / "repository")
    assert PatchTarget.of("link/a.py") == PatchTarget("a.py", tmp_path / "plain")
    assert PatchTarget.of("link/circle") == PatchTarget("circle", tmp_path / "plain")

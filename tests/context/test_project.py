"""Which files of a project may be included, and what is left out for good reasons."""

import os
from pathlib import Path

import pytest

from repositories import lay, repository
from starcoder_cli.context.project import (
    MAX_CONTEXT_FILE_BYTES,
    MAX_CONTEXT_LINE_CHARACTERS,
    MAX_PROJECT_FILES,
    ProjectFiles,
    sort_by_distance,
)

PLENTY = 60.0
KEY = "api_key = 'aB3dE5fG7hJ9kL1m'\n"


def project(root: Path, own: str = "a.py") -> ProjectFiles:
    """The project around a file."""
    return ProjectFiles.for_file(str(root / own), PLENTY)


def test_in_a_repository_what_git_does_not_ignore(tmp_path: Path) -> None:
    files = {"a.py": "", "src/b.py": "b", ".gitignore": "c.py\n", ".hidden/d.py": "", "e/.f.py": ""}
    root = repository(tmp_path / "r", files)
    lay(root, {"c.py": "", "new.py": "new"})
    around = project(root, "src/b.py")
    assert (around.root, around.own_path, around.own_folder) == (root, "src/b.py", "src")
    assert around.paths == {"a.py", "src/b.py", "new.py"}
    assert around.read_text("new.py") == "new"
    assert [around.contains(path) for path in ("a.py", "src/b.py", "c.py", "../x")] == [
        True,
        *[False] * 3,
    ]


def test_elsewhere_the_folder_of_the_file_and_what_is_named_below(tmp_path: Path) -> None:
    lay(tmp_path, {"up.py": "", "f/a.py": "", "f/b.py": "b", "f/.c.py": "", "f/sub/d.py": "d"})
    around = project(tmp_path, "f/a.py")
    assert around.paths == {"a.py", "b.py"}
    assert (around.contains("sub/d.py"), around.read_text("sub/d.py")) == (True, "d")
    assert not around.contains("../up.py") and not around.contains(str(tmp_path / "up.py"))


def test_where_git_does_not_answer_nothing_is_read(tmp_path: Path) -> None:
    root = lay(tmp_path, {".git": "nonsense", "a.py": "", "b.py": ""})
    around = project(root)
    assert around.paths == frozenset()
    assert around.exclusion_reasons == {str(root): "git does not tell which files belong to it"}


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        (".env.py", b"A = 1\n", "its name is that of a file with secrets"),
        ("credentials.py", b"A = 1\n", "its name is that of a file with secrets"),
        ("key.py", KEY.encode(), "it looks as if it held a secret"),
        ("binary.py", b"a\0b", "it is binary"),
        (
            "long.py",
            b"x" * (MAX_CONTEXT_LINE_CHARACTERS + 1),
            "it has lines that nobody wrote by hand",
        ),
        ("large.py", b"x = 1\n" * (MAX_CONTEXT_FILE_BYTES // 6 + 1), "it is larger than 256 KiB"),
    ],
)
def test_what_is_not_read(name: str, data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    around = project(tmp_path)
    assert around.read_text(name) is None
    assert around.exclusion_reasons == {name: why}


def test_links_are_not_followed(tmp_path: Path) -> None:
    lay(tmp_path, {"secret/s.py": "s", "r/b.py": "b"})
    root = repository(tmp_path / "r", {"sub/c.py": "c"})
    (root / "file.py").symlink_to(tmp_path / "secret" / "s.py")
    (root / "folder").symlink_to(tmp_path / "secret")
    (root / "inside.py").symlink_to("b.py")
    around = project(root)
    for name in ("file.py", "folder/s.py", "inside.py"):
        assert around.read_text(name) is None
    assert set(around.exclusion_reasons.values()) == {"a link leads to it"}
    assert around.read_text("b.py") == "b"


def test_a_project_that_a_link_leads_to_is_read(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "a", "b.py": "b"})
    (tmp_path / "link").symlink_to(root)
    assert project(tmp_path / "link").read_text("b.py") == "b"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    around = project(tmp_path)
    assert (
        around.read_text("pipe.py")
        is around.read_text("folder.py")
        is around.read_text("gone.py")
        is None
    )
    assert around.exclusion_reasons == {
        "pipe.py": "it is not a regular file",
        "folder.py": "Is a directory",
    }


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    lay(tmp_path, {"b.py": ""})
    (tmp_path / "b.py").chmod(0)
    around = project(tmp_path)
    assert around.read_text("b.py") is None
    assert around.exclusion_reasons == {"b.py": "Permission denied"}


def test_text_is_as_a_model_reads_it(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_bytes(b"\xef\xbb\xbfa\r\nb\xff\r\n")
    assert project(tmp_path).read_text("b.py") == "a\nb\ufffd\n"


def test_after_the_deadline_nothing_more_is_read(tmp_path: Path) -> None:
    lay(tmp_path, {"b.py": "b"})
    late = ProjectFiles(tmp_path, "a.py", frozenset({"b.py"}), deadline=0.0)
    assert (late.read_text("b.py"), late.exclusion_reasons, late.seconds_left) == (None, {}, 0.0)


def test_of_very_many_files_the_nearest() -> None:
    far = [f"far/{number:04}/x.py" for number in range(MAX_PROJECT_FILES)]
    near = ["src/a/b.py", "src/c.py", "d.py"]
    assert sort_by_distance([*far, *reversed(near)], "src/a/a.py") == [*near, *far[:-3]]

"""Code gets into an index once, and what has changed since is found."""

import shutil
from pathlib import Path

import pytest

from repositories import lay
from starcoder_cli.attribution.index import (
    IndexedProject,
    list_projects,
    list_sources,
    opt_out,
    remove_from_index,
)
from starcoder_cli.attribution.ingest import AddResult, add_source
from starcoder_cli.errors import DataError, InputError, StarcoderError


def projects(index: Path) -> list[tuple[str, str, int]]:
    """Name, licence and number of files of each project."""
    return [(each.name, each.licence, each.files) for each in list_projects(index)]


def test_what_is_new_what_is_gone_and_what_stays(tmp_path: Path) -> None:
    root, index = tmp_path / "a", tmp_path / "index"
    lay(root, {"one.py": "1", "two.py": "2", "three.py": "3", "notes.txt": "no code"})
    assert add_source(root, "", index) == AddResult(projects=1, files=3, new=3, gone=0)
    assert add_source(root, "", index) == AddResult(projects=1, files=3, new=0, gone=0)
    lay(root, {"two.py": "22", "four.py": "4"})
    (root / "three.py").unlink()
    assert add_source(root, "", index) == AddResult(projects=1, files=3, new=2, gone=2)
    assert list_projects(index) == [IndexedProject("a", "", "", str(root), 3)]


def test_a_licence_that_is_given_overrules_and_can_be_changed(tmp_path: Path) -> None:
    lay(tmp_path / "a", {"a.py": "# SPDX-License-Identifier: ISC\n"})
    add_source(tmp_path / "a", "MIT", tmp_path / "index")
    assert projects(tmp_path / "index") == [("a", "MIT", 1)]
    assert add_source(tmp_path / "a", "GPL-3.0-only", tmp_path / "index").new == 0
    assert projects(tmp_path / "index") == [("a", "GPL-3.0-only", 1)]
    assert list_sources(tmp_path / "index") == [(str(tmp_path / "a"), "GPL-3.0-only")]


def test_what_is_in_another_path_that_was_added_belongs_to_that(tmp_path: Path) -> None:
    lay(tmp_path / "a", {"a.py": "a", "inner/b.py": "b", "inner-too/c.py": "c"})
    add_source(tmp_path / "a" / "inner", "MIT", tmp_path / "index")
    assert add_source(tmp_path / "a", "", tmp_path / "index") == AddResult(1, 2, 2, 0)
    assert projects(tmp_path / "index") == [("a", "", 2), ("inner", "MIT", 1)]


def test_a_file_with_zero_bytes_is_no_code_and_each_one_is_counted(tmp_path: Path) -> None:
    lay(tmp_path / "a", {"a.py": "a", "b.py": "b\0"})
    told: list[tuple[int, int]] = []
    found = add_source(
        tmp_path / "a", "", tmp_path / "index", lambda done, total: told.append((done, total))
    )
    assert (found, told) == (AddResult(1, 1, 1, 0), [(1, 2), (2, 2)])


def test_two_files_that_are_alike_are_two(tmp_path: Path) -> None:
    lay(tmp_path / "a", {"a.py": "same", "b.py": "same"})
    add_source(tmp_path / "a", "", tmp_path / "index")
    (tmp_path / "a" / "b.py").rename(tmp_path / "a" / "c.py")
    assert add_source(tmp_path / "a", "", tmp_path / "index") == AddResult(1, 2, 1, 1)


def test_a_project_whose_owner_does_not_want_it_stays_out(tmp_path: Path) -> None:
    lay(tmp_path / "a", {"a.py": "a", "node_modules/b/package.json": '{"name": "b"}'})
    lay(tmp_path / "a", {"node_modules/b/b.js": "b"})
    add_source(tmp_path / "a", "", tmp_path / "index")
    assert opt_out(["B"], tmp_path / "index") == 1
    assert add_source(tmp_path / "a", "", tmp_path / "index") == AddResult(1, 1, 0, 0)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("none", InputError, "{} is not there"),
        ("prose", DataError, "there is no code in {}"),
        ("prose/a.md", DataError, "{} is neither a folder nor an archive"),
    ],
)
def test_what_holds_no_code_makes_no_index(
    tmp_path: Path, name: str, error: type[StarcoderError], message: str
) -> None:
    lay(tmp_path / "prose", {"a.md": "# Title\n"})
    with pytest.raises(error) as caught:
        add_source(tmp_path / name, "", tmp_path / "index")
    assert caught.value.message == message.format(tmp_path / name)
    assert not (tmp_path / "index").exists()


def test_names_that_are_no_utf8_are_kept_as_they_are(tmp_path: Path) -> None:
    root, index = tmp_path / "caf\udce9", tmp_path / "index"
    root.mkdir()
    (root / "b\udcff.py").write_text("b = 1\n")
    assert add_source(root, "", index) == AddResult(1, 1, 1, 0)
    assert add_source(root, "", index) == AddResult(1, 1, 0, 0)
    assert list_sources(index) == [(str(root), "")]
    assert list_projects(index) == [IndexedProject("caf\udce9", "", "", str(root), 1)]
    assert remove_from_index(str(root), index) == 1


def test_links_in_a_circle_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="is not there"):
        add_source(tmp_path / "a", "", tmp_path / "index")


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    lay(tmp_path / "a", {"a.py": "a", "pyproject.toml": "a." * 50_000 + "b = 1"})
    notes: list[str] = []
    add_source(tmp_path / "a", "", tmp_path / "index", note=notes.append)
    assert notes == ["pyproject.toml does not count: it has a key of more than 16 parts"]


def test_code_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Of a folder and of an archive: what is not compared with is known."""
    root = tmp_path / "a"
    lay(root, {"a.py": "a"})
    (root / "large.py").write_bytes(b"a\n" * (1 << 20) + b"a")
    (root / "wide.py").write_text("a = 1\n", "utf-16")
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", root))
    for path in (root, archive):
        notes: list[str] = []
        assert add_source(path, "", tmp_path / "index", note=notes.append).files == 1
        assert sorted(notes) == [
            "large.py is left out: it is larger than 2 MiB, a link, or may not be read",
            "wide.py is left out: it has zero bytes, as UTF-16 and programs have",
        ]

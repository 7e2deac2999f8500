"""Which projects a tree holds, and which licence each of their files is under."""

import os
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from licence_texts import APACHE, MIT
from repositories import lay, repository
from starcoder_cli.attribution.ignore_file import IGNORE_FILE_NAME
from starcoder_cli.attribution.metadata import ProjectMetadata
from starcoder_cli.attribution.projects import (
    find_distributions,
    find_projects,
    is_relevant_file,
    join_licences,
    licensed_folder,
    open_tree,
)
from starcoder_cli.errors import DataError, InputError


def licences(folder: Path) -> dict[str, str]:
    """The licence of each file with code below a folder."""
    return {
        name: project.licence_of(name, project.tree.read(name) or b"")
        for project in find_projects(open_tree(folder))
        for name in project.code_files
    }


def test_the_nearest_licence_holds(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "LICENSE": APACHE.decode(),
            "a.py": "a",
            "b.py": "# SPDX-License-Identifier: ISC\n",
            "vendor/LICENSE.txt": MIT.decode(),
            "vendor/c.py": "c",
            "vendor/deep/d.py": "d",
            "other/LICENSE": "Ask me.",
            "other/e.py": "e",
            "third/LICENSES/MIT.txt": MIT.decode(),
            "third/f.py": "f",
        },
    )
    assert licences(tmp_path) == {
        "a.py": "Apache-2.0",
        "b.py": "ISC",
        "other/e.py": "Apache-2.0",
        "third/f.py": "MIT",
        "vendor/c.py": "MIT",
        "vendor/deep/d.py": "MIT",
    }


def test_metadata_count_before_the_texts_beside_them(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "pyproject.toml": "[project]\nname = 'a'\nlicense = 'MIT OR Apache-2.0'\n",
            "LICENSE-MIT": MIT.decode(),
            "LICENSE-APACHE": APACHE.decode(),
            "a.py": "a",
        },
    )
    assert licences(tmp_path) == {"a.py": "MIT OR Apache-2.0"}
    (tmp_path / "pyproject.toml").unlink()
    assert licences(tmp_path) == {"a.py": "Apache-2.0 AND MIT"}


def test_packages_of_node_are_projects(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "node_modules/one/package.json": '{"name": "one", "license": "ISC"}',
            "node_modules/one/lib/a.js": "a",
            "node_modules/@s/two/package.json": '{"name": "@s/two", "license": "MIT"}',
            "node_modules/@s/two/b.js": "b",
            "c.js": "c",
        },
    )
    found = {
        project.metadata.name: project.licence for project in find_projects(open_tree(tmp_path))
    }
    assert found == {tmp_path.name: "", "one": "ISC", "@s/two": "MIT"}


def test_a_package_that_is_installed_here() -> None:
    site = Path(str(distribution("hypothesis").locate_file("")))
    found = {project.metadata.name: project for project in find_projects(open_tree(site))}
    assert found["hypothesis"].licence == "MPL-2.0"
    assert found["hypothesis"].metadata.version == distribution("hypothesis").version
    assert len(found["hypothesis"].code_files) > 50


def test_a_wheel_is_the_projects_that_its_records_name(tmp_path: Path) -> None:
    path = tmp_path / "one-1.0.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one/a.py", "a")
        archive.writestr("one-1.0.dist-info/METADATA", "Name: one\nVersion: 1.0\n\n")
        archive.writestr("one-1.0.dist-info/RECORD", 'one/a.py,,\n"../x,y.py",,\n')
        archive.writestr("one-1.0.dist-info/licenses/LICENSE", MIT)
        archive.writestr("stray/b.py", "b")
    found = find_projects(open_tree(path))
    assert [(each.metadata, each.licence, each.code_files, each.root) for each in found] == [
        (ProjectMetadata("one", "1.0"), "MIT", ("one/a.py",), str(path)),
        (ProjectMetadata("one-1.0.whl"), "", ("stray/b.py",), str(path)),
    ]


def test_a_record_counts_for_what_is_in_the_wheel_alone(tmp_path: Path) -> None:
    """It was a bug that names of nothing took gigabytes."""
    path = tmp_path / "one-1.0.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", "a")
        archive.writestr("one-1.0.dist-info/METADATA", "Name: one\n\n")
        archive.writestr("one-1.0.dist-info/RECORD", "a.py,,\nb.py,,\n" * 1000)
    tree = open_tree(path)
    ((_, (_, files)),) = find_distributions(tree, tree.file_names)
    assert set(files) == {name for name in tree.file_names if not name.endswith("b.py")}
    assert len(files) < 10


def test_the_one_folder_at_the_top_of_an_archive_is_the_project(tmp_path: Path) -> None:
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one-1.0/PKG-INFO", "Name: one\n\n")
        archive.writestr("one-1.0/src/a.py", "a")
    (project,) = find_projects(open_tree(path))
    assert (project.metadata, project.root) == (ProjectMetadata("one"), str(path / "one-1.0"))
    assert [project.relative_path(name) for name in project.code_files] == ["src/a.py"]


def test_a_repository_is_a_project_and_what_is_in_another_path_counts_not(tmp_path: Path) -> None:
    repository(tmp_path / "inner", {"b.py": "b"})
    lay(tmp_path, {"a.py": "a", "other/c.py": "c", "other-too/d.py": "d"})
    found = find_projects(open_tree(tmp_path), excluded_folders=["other"])
    assert {each.metadata.name: each.code_files for each in found} == {
        tmp_path.name: ("a.py", "other-too/d.py"),
        "inner": ("inner/b.py",),
    }


def test_an_owner_keeps_files_out_of_an_index(tmp_path: Path) -> None:
    lay(tmp_path, {"a.py": "a", "private/b.py": "b", IGNORE_FILE_NAME: "private/\n"})
    (project,) = find_projects(open_tree(tmp_path))
    assert project.code_files == ("a.py",)
    lay(tmp_path, {IGNORE_FILE_NAME: "*\n"})
    assert find_projects(open_tree(tmp_path)) == []


@pytest.mark.parametrize("kind", ["pipe", "circle", "large", "many lines"])
def test_where_an_owner_cannot_be_understood_nothing_is_let_in(tmp_path: Path, kind: str) -> None:
    lay(tmp_path, {"a.py": "a", "pyproject.toml": "a." * 50_000 + "b = 1"})
    ignore_path = tmp_path / IGNORE_FILE_NAME
    if kind == "pipe":
        os.mkfifo(ignore_path)
    elif kind == "circle":
        ignore_path.symlink_to(IGNORE_FILE_NAME)
        (tmp_path / "pyproject.toml").unlink()
    else:
        ignore_path.write_text("#" * (3 << 20) if kind == "large" else "x\n" * 2000)
    notes: list[str] = []
    found = find_projects(open_tree(tmp_path, notes.append), note=notes.append)
    assert [project.code_files for project in found] == ([("a.py",)] if kind == "circle" else [])
    reasons = {
        "pipe": ["it is not a regular file, or it is too large"],
        "circle": [],
        "large": ["it is not a regular file, or it is too large"],
        "many lines": ["it has more than 1000 lines"],
    }[kind]
    toml_note = "pyproject.toml does not count: it has a key of more than 16 parts"
    assert notes == [
        *([toml_note] if kind != "circle" else []),
        *(
            f"{tmp_path} is left out because {IGNORE_FILE_NAME} cannot be read: {reason}"
            for reason in reasons
        ),
    ]


def test_a_licence_that_is_given_holds_for_every_file(tmp_path: Path) -> None:
    lay(tmp_path, {"LICENSE": MIT.decode(), "a.py": "# SPDX-License-Identifier: ISC\n"})
    (project,) = find_projects(open_tree(tmp_path), "Zlib")
    assert (project.licence, project.licence_of("a.py", b"")) == ("Zlib", "Zlib")


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["MIT"], "MIT"),
        (["MIT", "MIT"], "MIT"),
        (["MIT", "Apache-2.0"], "Apache-2.0 AND MIT"),
        (["MIT OR ISC", "Zlib"], "(MIT OR ISC) AND Zlib"),
        (["MIT OR ISC"], "MIT OR ISC"),
        (["MIT", ""], ""),
        ([], ""),
    ],
)
def test_several_licences_hold_together(licences: list[str], expected: str) -> None:
    assert join_licences(licences) == expected


@pytest.mark.parametrize(
    ("name", "licence_folder", "folder"),
    [
        ("LICENSE", "", ""),
        ("a/b/COPYING", "", "a/b"),
        ("LICENSES/MIT.txt", "", ""),
        ("a/licenses/MIT.txt", "", "a"),
        ("a-1.dist-info/licenses/LICENSE", "a-1.dist-info", "a-1.dist-info"),
        ("a/LICENSE", "a-1.dist-info", "a"),
    ],
)
def test_the_folder_that_a_licence_file_holds_for(
    name: str, licence_folder: str, folder: str
) -> None:
    assert licensed_folder(name, licence_folder) == folder


def test_what_counts_is_code_and_what_says_whose_it_is() -> None:
    counts = ["a.py", "x/package.json", "LICENSE", "a.dist-info/RECORD", f"x/{IGNORE_FILE_NAME}"]
    ignored = ["README.md", "data.bin", "RECORD.txt"]
    assert [name for name in (*counts, *ignored) if is_relevant_file(name)] == counts


def test_what_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a")
    with pytest.raises(DataError, match="is neither a folder nor an archive"):
        open_tree(tmp_path / "a.py")
    with pytest.raises(InputError, match="none.zip is not there"):
        open_tree(tmp_path / "none.zip")

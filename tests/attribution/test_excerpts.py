"""The lines that a match comes from, where they still are what they were."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from repositories import lay
from starcoder_cli.attribution import find_matches
from starcoder_cli.attribution.excerpts import read_excerpt, read_origin_file
from starcoder_cli.attribution.ingest import add_source
from starcoder_cli.attribution.matches import Origin

LINES = [f"name{number} = value{number} + {number}" for number in range(20)]
CODE = "\n".join(["import one", *LINES, "last"])
REFORMATTED = "\n".join(line.replace(" ", "  ") + "  # mine" for line in LINES)


@pytest.fixture(params=["folder", "archive"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A project of one file, as a folder or in an archive."""
    lay(tmp_path / "project", {"src/a.py": CODE})
    if request.param == "folder":
        return tmp_path / "project"
    return Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "project"))


def origin_in(source: Path) -> Origin:
    """Where the lines are in a source."""
    add_source(source, "", source.parent / "index")
    (match,) = find_matches(REFORMATTED, "python", source.parent / "index")
    return match.origins[0]


def test_the_lines_are_those_of_the_origin(source: Path) -> None:
    origin = origin_in(source)
    assert (origin.first, origin.last) == (2, 21)
    assert read_excerpt(origin, REFORMATTED) == LINES
    assert read_origin_file(origin) == CODE.encode()


def test_what_has_not_got_the_text_any_more_has_no_lines(tmp_path: Path) -> None:
    lay(tmp_path / "project", {"src/a.py": CODE})
    origin = origin_in(tmp_path / "project")
    for changed in (f"\n{CODE}", CODE.replace("name7", "name8"), "", "\xff"):
        lay(tmp_path / "project", {"src/a.py": changed})
        assert read_excerpt(origin, REFORMATTED) == []
    lay(tmp_path / "project", {"src/a.py": CODE.replace(" = ", "=")})
    assert read_excerpt(origin, REFORMATTED) == [line.replace(" = ", "=") for line in LINES]


def test_where_it_is_gone_there_is_nothing(source: Path) -> None:
    origin = origin_in(source)
    assert read_excerpt(replace(origin, path="src/b.py"), REFORMATTED) == []
    assert read_excerpt(replace(origin, path="src/a.unknown"), REFORMATTED) == []
    source.rename(source.with_name("elsewhere"))
    assert read_origin_file(origin) is None
    assert read_excerpt(origin, REFORMATTED) == []


def test_a_file_that_is_no_archive_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(CODE)
    origin = Origin("a", "", "a.py", 1, 1, "", 16, str(tmp_path / "file"))
    assert read_origin_file(origin) is None
    assert read_origin_file(replace(origin, root=str(tmp_path / "none"), path="file")) is None

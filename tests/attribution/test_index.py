"""The file of an index is distrusted: whatever it is, one sentence says what to do."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from repositories import lay
from starcoder_cli.attribution import find_matches
from starcoder_cli.attribution.index import INDEX_SCHEMA, remove_from_index
from starcoder_cli.attribution.ingest import add_source
from starcoder_cli.cli import main

CODE = "\n".join(f"name{number}" for number in range(100))


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index of one file."""
    lay(tmp_path / "a", {"a.py": CODE})
    add_source(tmp_path / "a", "MIT", tmp_path / "index")
    return tmp_path / "index"


def run(index: Path, *statements: str) -> None:
    """Change an index behind the program's back."""
    with closing(sqlite3.connect(index, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            connection.execute(statement)


def text(index: Path) -> None:
    index.write_text("no database\n" * 1000)


def cut_off(index: Path) -> None:
    index.write_bytes(index.read_bytes()[:8192])


def zeros(index: Path) -> None:
    index.write_bytes(index.read_bytes()[:4096] + bytes(index.stat().st_size - 4096))


def ones(index: Path) -> None:
    data = index.read_bytes()
    index.write_bytes(data[:100] + b"\xff" * (len(data) - 100))


def foreign(index: Path) -> None:
    index.unlink()
    run(index, "CREATE TABLE cookies (name TEXT)")


def older(index: Path) -> None:
    run(index, "PRAGMA user_version = 1")


def newer(index: Path) -> None:
    run(index, "PRAGMA user_version = 3")


def with_a_view(index: Path) -> None:
    run(index, "CREATE VIEW posted AS SELECT randomblob(1000000000) AS hash, 1 AS file")


def view_for_a_table(index: Path) -> None:
    endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n, n FROM r"
    run(index, "DROP TABLE posting", f"CREATE VIEW posting (hash, file) AS {endless}")


def with_a_trigger(index: Path) -> None:
    run(index, "CREATE TRIGGER t AFTER INSERT ON source BEGIN DELETE FROM file; END")


def without_files(index: Path) -> None:
    run(index, "DELETE FROM file")


def bomb_for_tokens(index: Path) -> None:
    run(index, "UPDATE file SET tokens = zeroblob(100)")


def numbers_for_names(index: Path) -> None:
    run(index, "UPDATE project SET name = x'00'")


def text_for_lines(index: Path) -> None:
    run(index, "UPDATE file SET lines = 'text'")


DAMAGES: Mapping[Callable[[Path], None], str] = {
    text: "{} is not an index; name another with --index",
    cut_off: "{} is damaged: database disk image is malformed; remove it and add the sources again",
    zeros: "{} is damaged: database disk image is malformed; remove it and add the sources again",
    ones: "{} is damaged: database disk image is malformed; remove it and add the sources again",
    foreign: "{} is not an index; name another with --index",
    older: "{} is an index of another version of starcoder (1, not 2); "
    "remove it and add the sources again",
    newer: "{} is an index of another version of starcoder (3, not 2); "
    "remove it and add the sources again",
    with_a_view: "{} has other tables than an index; remove it and add the sources again",
    view_for_a_table: "{} has other tables than an index; remove it and add the sources again",
    with_a_trigger: "{} has other tables than an index; remove it and add the sources again",
    without_files: "{} is damaged: file 1: it is missing; remove it and add the sources again",
    bomb_for_tokens: "{} is damaged: file 1: Error -3 while decompressing data: "
    "unknown compression method; remove it and add the sources again",
    numbers_for_names: "{} is damaged: file 1: a name is not text; "
    "remove it and add the sources again",
    text_for_lines: "{} is damaged: file 1: no bytes; remove it and add the sources again",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_a_damaged_or_hostile_index_is_one_sentence(
    damage: Callable[[Path], None],
    index: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(index)
    before = index.read_bytes()
    (tmp_path / "a.py").write_text(CODE)
    assert main(["trace", str(tmp_path / "a.py"), "--index", str(index)]) == 65
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"error: {DAMAGES[damage].format(index)}\n")
    assert index.read_bytes() == before


@pytest.mark.parametrize("damage", [text, foreign, newer, with_a_trigger, zeros])
def test_what_is_no_sound_index_is_not_changed(
    damage: Callable[[Path], None],
    index: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(index)
    before = index.read_bytes()
    assert main(["index", "add", str(tmp_path / "a"), "--index", str(index)]) == 65
    assert capsys.readouterr().out == ""
    assert index.read_bytes() == before


def test_bytes_changed_at_random_are_an_answer_or_one_error(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = index.read_bytes()
    (tmp_path / "a.py").write_text(CODE)
    for at in range(0, len(sound), 97):
        index.write_bytes(sound[:at] + bytes([sound[at] ^ 0x55]) + sound[at + 1 :])
        code = main(["trace", str(tmp_path / "a.py"), "--index", str(index)])
        err = capsys.readouterr().err
        assert (code, err.count("error:"), err.count("\n") <= 1) in ((0, 0, True), (65, 1, True))


def test_an_index_can_be_read_while_it_is_changed(index: Path) -> None:
    with closing(sqlite3.connect(index, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM file")
        assert len(find_matches(CODE, "python", index)) == 1


def test_only_its_owner_can_read_an_index(index: Path) -> None:
    assert index.stat().st_mode & 0o777 == 0o600


def test_an_index_has_the_tables_that_are_written_down(index: Path) -> None:
    with closing(sqlite3.connect(index)) as connection:
        found = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    assert sorted(sql for (sql,) in found) == sorted(INDEX_SCHEMA)


@pytest.mark.parametrize(
    "words", [["trace", "a.py"], ["index", "list"], ["index", "rm", "a"], ["index", "update"]]
)
def test_what_an_interrupted_add_leaves_is_no_obstacle(
    words: list[str],
    index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The empty file was said to be no index, with the advice to name another for good."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(CODE)
    index.write_bytes(b"")
    assert main([*words, "--index", str(index)]) == 66
    wanted = f"error: there is no index at {index}; make one: starcoder index add FOLDER\n"
    assert capsys.readouterr() == ("", wanted)
    assert main(["index", "add", ".", "--index", str(index)]) == 0
    assert main(["trace", "a.py", "--index", str(index)]) == 0


def test_the_names_of_the_projects_are_beside_the_index(tmp_path: Path) -> None:
    """For the shell's completion, which reads no database."""
    index = tmp_path / "index.sqlite"
    for name in ("left-pad", "two words"):
        lay(tmp_path / name, {"a.py": CODE})
        add_source(tmp_path / name, "MIT", index)
    names = tmp_path / "index.sqlite.starcoder"
    assert (names.read_text(), names.stat().st_mode & 0o777) == ("left-pad\n", 0o600)
    remove_from_index("left-pad", index)
    assert names.read_text() == ""


@pytest.mark.parametrize("words", [("trace", "a/a.py"), ("index", "update"), ("index", "list")])
def test_a_description_of_tables_that_is_no_text_is_damage(
    words: tuple[str, ...],
    index: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """SQLite quotes those bytes, and Python could not read what it said."""
    monkeypatch.chdir(index.parent)
    data = index.read_bytes().replace(b"CREATE TABLE posting", b"CREATE \x97ABLE posting")
    index.write_bytes(data)
    assert main([*words, "--index", "index"]) == 65
    told = "error: index is damaged; remove it and add the sources again\n"
    assert capfd.readouterr() == ("", told)
    assert index.read_bytes() == data

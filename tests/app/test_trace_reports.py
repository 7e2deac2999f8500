"""`starcoder trace --report`: a notice of what was found, in a file."""

import json
from pathlib import Path

import pytest

from starcoder_cli.cli import main
from streams import standard_input

CODE = "".join(f"name{number} = {number}\n" for number in range(30))

Streams = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Streams) -> Path:
    """The current folder, with `a.py` in it, and an index that has a part of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "known").mkdir()
    (tmp_path / "known/b.py").write_text(CODE)
    (tmp_path / "a.py").write_text(f"import sys\n{CODE}")
    assert main(["index", "add", "known", "--license", "MIT"]) == 0
    capsys.readouterr()
    return tmp_path


ROWS = "2-31\t90\t96.5%\tknown\t\tb.py:1-30\tMIT\n"


def test_what_is_found_is_printed_and_written(capsys: Streams) -> None:
    assert main(["trace", "a.py", "--report", "NOTICE"]) == 0
    assert capsys.readouterr() == (ROWS, "")
    text = Path("NOTICE").read_text()
    assert text.startswith("SPDXVersion: SPDX-2.3\n")
    assert "\nSnippetLineRange: 2:31\n" in text
    assert "\nPackageName: known\n" in text
    assert "\nPackageLicenseDeclared: MIT\n" in text
    assert text.endswith("<text>b.py:1-30</text>\n")


def test_as_json_over_an_older_one(capsys: Streams) -> None:
    Path("notice.spdx.json").write_text('{"spdxVersion": "SPDX-2.2"}')
    assert main(["trace", "a.py:5-25", "--report", "notice.spdx.json", "-q"]) == 0
    document = json.loads(Path("notice.spdx.json").read_text())
    assert document["spdxVersion"] == "SPDX-2.3"
    (lines,) = [part["ranges"][1] for part in document["snippets"]]
    assert lines == {
        "startPointer": {"reference": "SPDXRef-File", "lineNumber": 5},
        "endPointer": {"reference": "SPDXRef-File", "lineNumber": 25},
    }


def test_of_standard_input(capsys: Streams) -> None:
    with standard_input(CODE.encode()):
        assert main(["trace", "--lang", "python", "--report", "NOTICE"]) == 0
    assert "\nFileName: ./standard-input\n" in Path("NOTICE").read_text()


def test_where_nothing_is_found(capsys: Streams) -> None:
    Path("a.py").write_text("a = 1\n")
    assert main(["trace", "a.py", "--report", "NOTICE"]) == 0
    assert capsys.readouterr() == ("", "note: no part of it is in the index\n")
    assert "Snippet" not in Path("NOTICE").read_text()


def test_a_licence_that_is_not_wanted_is_in_the_notice_too(capsys: Streams) -> None:
    assert main(["trace", "a.py", "--report", "NOTICE", "--fail-on", "MIT"]) == 1
    assert "PackageLicenseDeclared: MIT" in Path("NOTICE").read_text()


@pytest.mark.parametrize(
    ("name", "code", "wrong"),
    [
        ("a.py", 2, "--report would replace a.py; name another file"),
        ("no/such/NOTICE", 73, "cannot create a file no/such/NOTICE"),
        ("known/", 73, "known/ is a folder"),
    ],
)
def test_where_it_cannot_be_written(name: str, code: int, wrong: str, capsys: Streams) -> None:
    before = Path("a.py").read_text()
    assert main(["trace", "a.py", "--report", name]) == code
    out, err = capsys.readouterr()
    assert (out, err.startswith(f"error: {wrong}")) == ("", True), err
    assert Path("a.py").read_text() == before


def test_without_an_index_there_is_no_notice_to_write(
    capsys: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARCODER_INDEX", "nowhere")
    words = ("--portrait", "--portrait-url", "http://127.0.0.1:9", "--report", "NOTICE")
    Path("a.py").write_text("a = 1\n")
    assert main(["trace", "a.py", *words]) == 66
    assert "there is no index at nowhere" in capsys.readouterr().err
    assert not Path("NOTICE").exists()

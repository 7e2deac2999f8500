"""`starcoder trace`: where code comes from."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from processes import COMMAND, terminal
from repositories import lay
from starcoder_cli.cli import main

ESCAPE = "\x1b[31m\u202e"


def code(word: str, count: int = 60) -> str:
    """Code that no other word makes."""
    return "\n".join(f"{word}{number} = {number}" for number in range(count)) + "\n"


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two projects under two licences."""
    monkeypatch.setenv("STARCODER_INDEX", str(tmp_path / "index"))
    monkeypatch.chdir(tmp_path)
    lay(tmp_path / "free", {"free.py": code("f")})
    lay(tmp_path / "left", {"sub/left.py": f"# SPDX-License-Identifier: GPL-3.0\n{code('g')}"})
    main(["index", "add", "free", "--license", "MIT"])
    main(["index", "add", "left"])


@pytest.fixture
def asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A file with code of both, and of none."""
    capsys.readouterr()
    text = f"{code('own', 10)}{code('f')}\n# more\n{code('g', 30)}"
    (tmp_path / "asked.py").write_text(text)
    return tmp_path / "asked.py"


ROWS = (
    "11-70\t180\t60.2%\tfree\t\tfree.py:1-60\tMIT\n"
    "73-102\t90\t28.3%\tleft\t\tsub/left.py:2-31\tGPL-3.0-only\n"
)


def test_a_pipe_gets_a_line_for_each_origin(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "asked.py"]) == 0
    assert capsys.readouterr() == (ROWS, "")


def test_a_range_keeps_the_lines_of_the_file(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "asked.py:73-90"]) == 0
    assert capsys.readouterr().out == (
        "73-90\t54\t100.0%\tleft\t\tsub/left.py:2-19\tGPL-3.0-only\n"
    )


def test_standard_input_in_any_language(asked: Path) -> None:
    done = subprocess.run([*COMMAND, "trace"], input=asked.read_bytes(), capture_output=True)
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, ROWS, b"")


def test_json_has_everything(
    asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "asked.py:70-100", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "file": "asked.py",
        "line": 70,
        "share": 0.9308,
        "licences": ["GPL-3.0-only"],
        "matches": [
            {
                "start": 17,
                "end": 248,
                "first": 4,
                "last": 31,
                "tokens": 84,
                "share": 0.9308,
                "lines": "73-100",
                "more": 0,
                "licences": ["GPL-3.0-only"],
                "origins": [
                    {
                        "project": "left",
                        "version": "",
                        "path": "sub/left.py",
                        "first": 2,
                        "last": 29,
                        "licence": "GPL-3.0-only",
                        "tokens": 84,
                        "root": str(tmp_path / "left"),
                    }
                ],
            }
        ],
    }


def test_nothing_found_is_said_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.py").write_text(code("own"))
    capsys.readouterr()
    assert main(["trace", "own.py"]) == 0
    assert capsys.readouterr() == ("", "note: no part of it is in the index\n")
    assert main(["trace", "own.py", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (["copyleft"], 1),
        (["GPL-3.0-only"], 1),
        (["gpl-3.0 or agpl-3.0"], 1),
        (["unknown", "COPYLEFT"], 1),
        (["unknown"], 0),
        (["GPL-2.0-only"], 0),
        (["Apache-2.0", "AGPL-3.0-only"], 0),
    ],
)
def test_a_licence_that_is_not_wanted_fails(
    refused: list[str], code: int, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [word for each in refused for word in ("--fail-on", each)]
    assert main(["trace", "asked.py", *options]) == code
    out, err = capsys.readouterr()
    told = "error: there is code under GPL-3.0-only; keep to the licence, or leave it out\n"
    assert (out, err) == (ROWS, told if code else "")


def test_an_index_without_code_passes_nothing(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A check of licences that looks nowhere is none."""
    assert main(["index", "list", "--json"]) == 0
    names = {json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()}
    for name in names:
        assert main(["index", "rm", name]) == 0
    capsys.readouterr()
    assert main(["trace", "asked.py", "--fail-on", "copyleft"]) == 66
    message = "the index has no code in it; add some: starcoder index add PATH"
    assert message in capsys.readouterr().err


def test_a_refusal_that_is_no_licence_is_a_usage_error(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "asked.py", "--fail-on", "GPLish"]) == 2
    assert capsys.readouterr() == (
        "",
        "error: 'GPLish' is not a licence expression; "
        "name licences as SPDX does, such as GPL-3.0-only, or copyleft, or unknown\n",
    )


def test_a_terminal_shows_both_beside_each_other(asked: Path) -> None:
    shown = terminal("trace", "asked.py:11-70", columns=60)
    assert shown.code == 0
    assert shown.lines[:5] == (
        "lines 11-70, 100% of the text, 180 tokens",
        "  free, free.py:1-60, MIT",
        "11 f0 = 0                    │  1 f0 = 0",
        "12 f1 = 1                    │  2 f1 = 1",
        "13 f2 = 2                    │  3 f2 = 2",
    )
    assert shown.lines[14] == "… 48 more lines"


def test_a_terminal_does_not_show_what_is_not_the_same_any_more(
    asked: Path, tmp_path: Path
) -> None:
    (tmp_path / "free" / "free.py").write_text(code("changed"))
    shown = terminal("trace", "asked.py:11-70", columns=60)
    assert shown.lines == (
        "lines 11-70, 100% of the text, 180 tokens",
        "  free, free.py:1-60, MIT",
    )


def test_a_terminal_gets_no_controls_from_code_or_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f'a = "{ESCAPE}"\n{code("e")}'
    lay(tmp_path / f"evil{ESCAPE}", {"e.py": text})
    (tmp_path / "asked.py").write_text(text)
    main(["index", "add", f"evil{ESCAPE}"])
    shown = terminal("trace", "asked.py", columns=100, NO_COLOR="1")
    assert b"\x1b[31m" not in shown.raw
    assert "\u202e" not in shown.raw.decode()
    assert any("␛[31m<U+202E>" in line for line in shown.lines)
    capsys.readouterr()
    main(["trace", "asked.py"])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_has_enough_is_no_error(asked: Path) -> None:
    script = f"{' '.join(COMMAND)} trace asked.py | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")

"""The configuration file opened in an editor, with a real terminal around it."""

import os
import sys
from pathlib import Path

import pexpect
import pytest

from starcoder_cli.app.config_file import NEW_FILE, ConfigText, edit_config, editor_command
from starcoder_cli.errors import ConfigError, NegativeError, UsageError
from starcoder_cli.settings import decode_config


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration file is to be, in a folder that is not there; and no editor."""
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "folder" / "config.toml"
    monkeypatch.setenv("STARCODER_CONFIG", str(path))
    return path


def edited(editor: str) -> tuple[str, int | None]:
    """What `config edit` says at a terminal with an editor, and its exit code."""
    process = pexpect.spawn(
        sys.executable,
        ["-m", "starcoder_cli", "config", "edit"],
        env={**os.environ, "EDITOR": editor, "COLUMNS": "300"},
        encoding="utf-8",
        timeout=60,
    )
    process.expect(pexpect.EOF)
    process.close()
    return str(process.before).replace("\r\n", "\n"), process.exitstatus


def script(folder: Path, text: str) -> str:
    """An editor that does what a shell script says to the file."""
    program = folder / "my editor"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return f"'{program}' --wait"


def test_a_file_is_made_and_edited(tmp_path: Path, path: Path) -> None:
    said, code = edited(script(tmp_path, '[ "$1" = --wait ] && echo "max_tokens = 3" >> "$2"'))
    assert (said, code) == (f"{path} is in order\n", 0)
    assert path.read_text() == NEW_FILE + "max_tokens = 3\n"


def test_a_mistake_is_told_with_its_line_and_stays(tmp_path: Path, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("# mine\n")
    said, code = edited(script(tmp_path, 'echo "colour = 1" >> "$2"'))
    expected = f"error: {path}:2 sets 'colour', which is not an option; did you mean color?\n"
    assert (said, code) == (expected, 78)
    assert path.read_text() == "# mine\ncolour = 1\n"
    said, code = edited(script(tmp_path, 'echo "model = \'echo\'" > "$2"'))
    assert (said, code) == (f"{path} is in order\n", 0)


def test_an_editor_has_ctrl_c_to_itself(tmp_path: Path, path: Path) -> None:
    said, code = edited(script(tmp_path, 'kill -INT $PPID; echo "raw = true" >> "$2"'))
    assert (said, code) == (f"{path} is in order\n", 0)
    assert path.read_text().endswith("raw = true\n")


def test_an_editor_that_fails(tmp_path: Path) -> None:
    editor = script(tmp_path, "exit 3")
    expected = f"error: the editor '{tmp_path}/my editor' exited with status 3; run it again\n"
    assert edited(editor) == (expected, 1)
    expected = (
        "error: the editor 'no-such-editor' cannot be started: No such file or directory; "
        "let EDITOR name another\n"
    )
    assert edited("no-such-editor") == (expected, 2)


def test_no_editor_is_started_without_a_terminal(path: Path) -> None:
    with pytest.raises(UsageError, match="there is no terminal for an editor"):
        edit_config(lambda: None)
    assert not path.exists()


def test_which_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no editor is named; let EDITOR name one"):
        editor_command()
    monkeypatch.setenv("EDITOR", "nano")
    monkeypatch.setenv("VISUAL", " ")
    assert editor_command() == ["nano"]
    monkeypatch.setenv("VISUAL", "code --wait 'a b'")
    assert editor_command() == ["code", "--wait", "a b"]
    monkeypatch.setenv("VISUAL", "'")
    with pytest.raises(UsageError, match="VISUAL cannot be"):
        editor_command()


def test_the_beginning_of_a_new_file_sets_nothing() -> None:
    assert decode_config(NEW_FILE.encode(), Path()) == {}


def test_the_null_device_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARCODER_CONFIG", os.devnull)
    with pytest.raises(ConfigError) as caught:
        ConfigText.read()
    assert str(caught.value) == (
        "/dev/null keeps nothing that is written to it; let STARCODER_CONFIG name another file"
    )


def test_a_file_is_read_and_changed(path: Path) -> None:
    missing = ConfigText.read()
    assert (missing.data, missing.text) == (None, "")
    missing.save(missing.with_value(("a",), 1))
    current = ConfigText.read()
    assert current.text == "a = 1\n"
    assert current.without(("a",)) == ""
    with pytest.raises(UsageError, match="a is a value there, not a table"):
        current.with_value(("a", "b"), 1)
    with pytest.raises(NegativeError, match="does not set b; see `starcoder config`"):
        current.without(("b",))
    path.write_text("a = ")
    with pytest.raises(ConfigError, match="is not TOML"):
        ConfigText.read()

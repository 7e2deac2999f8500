"""Where tools are: programs on the path, what rustup stands in for, and folders beyond the system.

What was found once is remembered, so each test has names and folders of its own.
"""

import os
import sys
from pathlib import Path

import pytest

from starcoder_cli.sandbox.toolpaths import (
    can_run,
    find_interpreter,
    find_rustc,
    find_tool,
    find_tool_folders,
    is_system_path,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is first on the path."""
    folder = tmp_path / "toolkit" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def lay(path: Path, text: str) -> str:
    """A program that is a script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_tool_is_found_on_the_path(folder: Path) -> None:
    path = lay(folder / "tool-4711", "")
    assert find_tool("tool-4711") == Path(path)
    assert find_tool("tool-4712") is None


def test_a_compiler_is_found_behind_what_chooses_it(tmp_path: Path) -> None:
    chooser = lay(tmp_path / "rustc", 'test "$*" = "--print sysroot" && echo /opt/rust/1.80')
    assert find_rustc(chooser) == Path("/opt/rust/1.80/bin/rustc")


@pytest.mark.parametrize("text", ["echo no toolchain >&2; exit 1", None])
def test_where_nothing_can_be_chosen_there_is_no_compiler(text: str | None, tmp_path: Path) -> None:
    chooser = tmp_path / "rustc"
    if text:
        lay(chooser, text)
    assert find_rustc(str(chooser)) is None


@pytest.mark.parametrize(("text", "works"), [("exit 0", True), ("exit 3", False), (None, False)])
def test_a_command_works_that_exits_with_0(text: str | None, works: bool, tmp_path: Path) -> None:
    program = tmp_path / "program"
    if text:
        lay(program, text)
    assert can_run((str(program), "word")) is works


def test_a_command_is_given_no_input_and_shows_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert can_run((lay(tmp_path / "program", 'echo a; echo b >&2; test -z "$(cat)"'),))
    assert capfd.readouterr() == ("", "")


def test_the_folders_of_tools_are_those_above_their_programs_and_above_what_they_lead_to(
    folder: Path, tmp_path: Path
) -> None:
    """Each once; what every sandbox reads anyway is none."""
    lay(folder / "tool-4713", "")
    real = lay(tmp_path / "elsewhere" / "1.2" / "bin" / "tool-4714", "")
    (folder / "tool-4714").symlink_to(real)
    toolkit, elsewhere = str(folder.parent), str(tmp_path / "elsewhere" / "1.2")
    assert find_tool_folders("tool-4713") == (toolkit,)
    assert find_tool_folders("tool-4713", "tool-4714", "tool-4715") == (toolkit, elsewhere)
    assert find_tool_folders("sh") == ()


@pytest.mark.parametrize(
    ("path", "is_system"),
    [
        ("/usr/bin/cc", True),
        ("/bin/sh", True),
        (f"{sys.base_prefix}/bin/python3", True),
        ("/usrlocal/bin/cc", False),
        ("/etc/passwd", False),
        ("/opt/node/bin/node", False),
    ],
)
def test_what_is_of_the_system(path: str, is_system: bool) -> None:
    assert is_system_path(Path(path)) is is_system


def test_a_home_is_no_folder_of_a_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in `~/bin` made all of the home readable in the sandbox."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    real = home / ".local" / "share" / "python" / "bin" / "python4813"
    lay(real, "")
    for folder, name in ((home / "bin", "tool-4814"), (home / ".local" / "bin", "tool-4815")):
        folder.mkdir(parents=True)
        (folder / name).symlink_to(real)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        assert find_tool_folders(name) == (str(folder / name), str(real.parents[1]))
        assert find_interpreter(name) == real


def test_the_interpreter_of_an_environment_is_that_of_its_folder(folder: Path) -> None:
    (folder / "python4816").symlink_to(sys.executable)
    assert find_interpreter("python4816") == Path(sys.executable).resolve()
    (folder.parent / "pyvenv.cfg").write_text("")
    assert find_interpreter("python4816") == folder / "python4816"
    assert find_interpreter("python4817") is None

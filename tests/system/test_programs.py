"""Where programs are found: never where the user happens to be at work."""

import os
from pathlib import Path

import pytest

from starcoder_cli.system.programs import find_program


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder that has programs of its own."""
    folders = ("work", "work/bin", "tools")
    for folder in folders:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "git").write_text("#!/bin/sh\n")
        (tmp_path / folder / "git").chmod(0o755)
    monkeypatch.chdir(tmp_path / "work")


@pytest.mark.parametrize("before", ["", ".", "bin", "..", "./bin"])
def test_a_folder_of_path_without_a_root_counts_for_nothing(
    before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    monkeypatch.setenv("PATH", os.pathsep.join((before, str(tools))))
    assert find_program("git") == str(tools / "git")
    monkeypatch.setenv("PATH", before)
    assert find_program("git") is None


def test_what_is_no_program_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    (tmp_path / "tools" / "git").chmod(0o644)
    assert (find_program("git"), find_program("none")) == (None, None)

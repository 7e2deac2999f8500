"""Modules of a tree come from its copy, those of others from where they are."""

import sys
from pathlib import Path

import pytest

from starcoder_cli.candidates.copied_imports import relocate_imports


class Finder:
    """A finder with tables of its own."""

    known = {"a": "", "b": ""}
    packages: dict[str, list[str]] = {}


def test_paths_and_tables_of_the_tree_are_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, copy = tmp_path / "root", tmp_path / "copy"
    for folder in (root / "lib", root / ".venv", copy / "lib"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", ["", str(root / "lib"), str(root / ".venv"), "/other"])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    Finder.known.update(a=str(root / "lib"), b="/other")
    Finder.packages["c"] = [str(root / "lib"), str(root / ".venv")]
    relocate_imports(str(root), str(copy))
    assert sys.path == ["", str(copy / "lib"), str(root / ".venv"), "/other"]
    assert Finder.known == {"a": str(copy / "lib"), "b": "/other"}
    assert Finder.packages["c"] == [str(copy / "lib"), str(root / ".venv")]

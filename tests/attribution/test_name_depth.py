"""Files in very many folders are left out."""

from pathlib import Path

import pytest

from repositories import lay, repository
from starcoder_cli.attribution import name_depth
from starcoder_cli.attribution.containers import FolderTree
from starcoder_cli.attribution.name_depth import without_deep


@pytest.mark.parametrize("is_repository", [False, True])
def test_files_in_very_many_folders_are_left_out(
    is_repository: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each folder of a name is looked at for each file: a small pack can hold very many."""
    deepest = "d/" * 100
    monkeypatch.setattr(name_depth, "MAX_DEEP_FOLDERS", 1)
    files = {"a.py": "a", f"{deepest}b.py": "b", f"{deepest}d/c.py": "c", f"{deepest}d/d.py": "d"}
    if is_repository:
        repository(tmp_path, files)
    else:
        lay(tmp_path, files)
    notes: list[str] = []
    tree = FolderTree.scan(tmp_path, notes.append)
    assert tree.file_names == ["a.py", f"{deepest}b.py", f"{deepest}d/c.py"]
    assert notes == ["left out: 1 file in more than 100 folders"]


def test_what_is_left_out_is_counted() -> None:
    notes: list[str] = []
    deep = ["d/" * 1900 + f"{number}.py" for number in range(2000)]
    kept = without_deep(["a.py", *deep, "b.py"], notes.append)
    assert kept == ["a.py", *deep[:55], "b.py"]
    assert notes == ["left out: 1,945 files in more than 100 folders"]

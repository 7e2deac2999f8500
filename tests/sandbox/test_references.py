"""Answers that are known to be right, judged by the tests of benchmarks as these are published."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from starcoder_cli.sandbox import Limits, SandboxJob, Verdict, judge, unsupported_reason

pytestmark = pytest.mark.usefixtures("rung")
LIMITS = Limits(seconds=60.0)
EVERY = 12  # `bench/references.py` goes through all of them

ANSWERS = {
    "shell": {
        "HumanEval_102_choose_num": """
    local even=$(($2 - $2 % 2))
    if ((even < $1)); then echo -1; else echo $even; fi
""",
        "HumanEval_104_unique_digits": """
    echo $(tr ' ' '\\n' <<< "$1" | grep -v '[02468]' | sort -n)
""",
        "HumanEval_114_minSubArraySum": """
    local least= sum=0 number
    for number in $1; do
        sum=$((sum < 0 ? sum + number : number))
        [[ -z $least ]] || ((sum < least)) && least=$sum
    done
    echo $least
""",
    },
    "javascript": {
        "HumanEval_102_choose_num": """
    const even = y - y % 2
    return even < x ? -1 : even
}
""",
        "HumanEval_104_unique_digits": """
    return x.filter(number => !/[02468]/.test(number)).sort((a, b) => a - b)
}
""",
        "HumanEval_10_make_palindrome": """
    const isPalindrome = text => text === [...text].reverse().join('')
    let start = 0
    while (!isPalindrome(string.slice(start))) start += 1
    return string + [...string.slice(0, start)].reverse().join('')
}
""",
    },
}
FILES = {"shell": "humaneval-sh-reworded.jsonl", "javascript": "humaneval-js-reworded.jsonl"}


def multipl_e(shared: Path, language: str) -> Mapping[str, Mapping[str, str]]:
    """The problems of MultiPL-E in a language, by name."""
    file = shared / "data" / "multipl-e" / FILES[language]
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {row["name"]: row for row in rows}


def verdict(row: Mapping[str, str], language: str, answer: str) -> Verdict:
    """How an answer to a problem of MultiPL-E is judged."""
    if reason := unsupported_reason(language):
        pytest.skip(reason)
    return judge(SandboxJob(language, row["prompt"] + answer, row["tests"]), LIMITS)


@pytest.mark.parametrize(
    "language, name", [(language, name) for language in ANSWERS for name in ANSWERS[language]]
)
def test_right_answers_to_multipl_e_pass(language: str, name: str, shared: Path) -> None:
    row = multipl_e(shared, language)[name]
    assert verdict(row, language, ANSWERS[language][name]).result == "passed"


@pytest.mark.parametrize(
    "language, answer",
    [
        ("shell", "\n    echo 14\n"),
        ("shell", "\n    :\n"),
        ("shell", "\n    exit 0\n"),
        ("shell", "\n    :\n}\nset() { exit 0; }\nother() {\n    :\n"),
        ("javascript", "\n    return 14\n}\n"),
        ("javascript", "\n}\n"),
        ("javascript", "\n    process.exit(0)\n}\n"),
        ("javascript", "\n}\nprocess.exit(0)\n"),
        ("javascript", "\n}\nsetTimeout(() => process.exit(0), 0); throw null\n"),
    ],
)
def test_wrong_answers_to_multipl_e_do_not(language: str, answer: str, shared: Path) -> None:
    row = multipl_e(shared, language)["HumanEval_102_choose_num"]
    assert not verdict(row, language, answer).passed


def test_references_of_humaneval_pass(shared: Path) -> None:
    with gzip.open(shared / "data" / "humaneval" / "HumanEval.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    chosen = [*rows[::EVERY], rows[32], rows[38], rows[50]]  # the three whose tests call helpers
    assert len(chosen) == 17
    for row in chosen:
        program = row["prompt"] + row["canonical_solution"]
        trial = SandboxJob("python", program, row["test"], row["entry_point"], row["prompt"])
        assert judge(trial, LIMITS).result == "passed", row["task_id"]


def test_references_of_mbpp_pass(shared: Path) -> None:
    rows = json.loads((shared / "data" / "mbpp" / "sanitized-mbpp.json").read_text())
    own_import = next(row for row in rows if row["task_id"] == 596)  # its tests use the program's
    for row in [*rows[:: 2 * EVERY], own_import]:
        tests = "\n".join([*row["test_imports"], *row["test_list"]])
        assert judge(SandboxJob("python", row["code"], tests), LIMITS).passed, row["task_id"]

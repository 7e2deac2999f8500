"""The reference solutions of HumanEval, MBPP and HumanEvalPack, judged in the sandbox: all pass?

    python bench/references.py DATA [SET ...]

DATA holds the data sets. Prints a row for each set and each available sandbox, and every solution
that did not pass. HumanEvalPack's Go tests want testify's `assert`, its Rust programs name crates
that few of them use: a small stand-in replaces the former, and the latter are removed.
"""

import argparse
import gzip
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starcoder_cli.evaluation.benchmarks import find_tested_function
from starcoder_cli.sandbox import Limits, SandboxJob, SandboxKind, judge
from starcoder_cli.sandbox.detect import SANDBOX_VARIABLE, unavailable_reason

LIMITS = Limits(seconds=20.0)
PACK = {"cpp": "c++", "go": "go", "java": "java", "js": "javascript", "python": "python"}
INCLUDES = """\
#include <algorithm>
#include <climits>
#include <cstring>
#include <iostream>
#include <map>
#include <math.h>
#include <set>
#include <stdio.h>
#include <stdlib.h>
#include <string>
#include <vector>
using namespace std;
"""
GO_ASSERT = """
type asserting struct{ t *testing.T }

func (a asserting) Equal(wanted, got interface{}, _ ...interface{}) {
    if !reflect.DeepEqual(wanted, got) {
        a.t.Errorf("%v, not %v", got, wanted)
    }
}
"""
GO_PACKAGES = ("math", "reflect", "sort", "strings", "testing")
TESTIFY = "github.com/stretchr/testify/assert"
IMPORTS = re.compile(r"^import \(.*?^\)", re.M | re.S)
CRATES = re.compile(r"^use (rand::Rng|regex::Regex|md5);\n", re.M)

Row = Mapping[str, str]


def main() -> None:
    """Print how many references of each set pass in each sandbox, and which do not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("sets", nargs="*", default=[*SETS])
    options = parser.parse_args()
    print("| set | sandbox | pass | of | seconds |\n|---|---|---|---|---|")
    for name in options.sets:
        trials = dict(SETS[name](options.data))
        for rung in SandboxKind:
            if not unavailable_reason(rung):
                os.environ[SANDBOX_VARIABLE] = rung
                print("\n".join(rows(name, rung, trials)), flush=True)


def rows(name: str, rung: SandboxKind, trials: Mapping[str, SandboxJob]) -> Iterator[str]:
    """Yield the row of a set in a sandbox, and a line for each reference that does not pass."""
    began = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(lambda trial: judge(trial, LIMITS), trials.values()))
    seconds = time.monotonic() - began
    passed = sum(verdict.passed for verdict in verdicts)
    yield f"| {name} | {rung} | {passed} | {len(trials)} | {seconds:.1f} |"
    for task, verdict in zip(trials, verdicts, strict=True):
        if not verdict.passed:
            yield f"  {task}: {verdict.result}: {verdict.detail[:120]}"


def humaneval(data: Path) -> Iterator[tuple[str, SandboxJob]]:
    """HumanEval: the prompt's helpers are the tests' own."""
    with gzip.open(data / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            program = row["prompt"] + row["canonical_solution"]
            yield (
                row["task_id"],
                SandboxJob("python", program, row["test"], row["entry_point"], row["prompt"]),
            )


def mbpp(data: Path) -> Iterator[tuple[str, SandboxJob]]:
    """The sanitized part of MBPP."""
    rows = json.loads((data / "mbpp" / "sanitized-mbpp.json").read_text(encoding="utf-8"))
    for row in rows:
        tests = "\n".join([*row["test_imports"], *row["test_list"]])
        tested = find_tested_function(row["code"], row["test_list"][0])
        yield f"MBPP/{row['task_id']}", SandboxJob("python", row["code"], tests, tested)


def pack(name: str) -> Callable[[Path], Iterator[tuple[str, SandboxJob]]]:
    """One language of HumanEvalPack."""

    def trials(data: Path) -> Iterator[tuple[str, SandboxJob]]:
        file = data / "humanevalpack" / f"humanevalpack-{name}.jsonl"
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            language = PACK.get(name, name)
            yield row["task_id"], SandboxJob(language, program(name, row), tests(name, row))

    return trials


def program(name: str, row: Row) -> str:
    """A reference preceded by what it needs."""
    if name == "cpp":
        return INCLUDES + row["prompt"] + row["canonical_solution"]
    if name == "go":
        solution = IMPORTS.sub("", row["prompt"]) + row["canonical_solution"]
        named = re.findall(r'"([^"]+)"', row["import"] + row["test_setup"])
        text = re.sub("//.*", "", GO_ASSERT + solution + row["test"])
        used = {path for path in (*named, *GO_PACKAGES) if f"{Path(path).name}." in text}
        imports = "\n".join(f'    "{path}"' for path in sorted(used - {TESTIFY}))
        return f"package main\n\nimport (\n{imports}\n)\n{GO_ASSERT}{solution}"
    if name == "rust":
        return "fn main() {}\n" + CRATES.sub("", row["declaration"]) + row["canonical_solution"]
    return row["prompt"] + row["canonical_solution"]


def tests(name: str, row: Row) -> str:
    """The tests of a reference."""
    return row["test"].replace("assert.New(t)", "asserting{t}") if name == "go" else row["test"]


SETS: Mapping[str, Callable[[Path], Iterator[tuple[str, SandboxJob]]]] = {
    "humaneval": humaneval,
    "mbpp": mbpp,
    **{name: pack(name) for name in (*PACK, "rust")},
}

if __name__ == "__main__":
    main()

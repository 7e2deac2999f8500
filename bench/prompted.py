"""What `--prompted` does for whole functions, on the default model, through the command line.

    python bench/prompted.py DATA ANSWERS [--every N] [--model NAME]

DATA holds the data sets, ANSWERS is a folder for the files of answers: a run that was stopped
resumes where it ended. Prints how many of HumanEval's functions pass their tests either way, and
how many pass only one way, with the chance of a difference that large if the flag did nothing
(McNemar's exact test).
"""

import argparse
from math import comb
from pathlib import Path

from starcoder_cli.catalog import SMALL_MODEL
from tasks import ask, functions, passes

MAX_TOKENS = 256
WAYS = {"plain": [], "prompted": ["--prompted"]}


def main() -> None:
    """Ask for what has not been answered yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--every", type=int, default=1, help="only each task of so many")
    parser.add_argument("--model", default=SMALL_MODEL)
    options = parser.parse_args()
    options.answers.mkdir(parents=True, exist_ok=True)
    tasks = functions(options.data)[:: options.every]
    words = ["-m", options.model, "--max-tokens", str(MAX_TOKENS)]
    passed: dict[str, list[bool]] = {}
    for way, flags in WAYS.items():
        answers = ask("complete", tasks, options.answers / f"{way}.jsonl", [*words, *flags])
        passed[way] = list(map(passes, tasks, answers))
    print(f"{options.model}, greedy, {len(tasks)} functions\n\n| way | pass@1 |\n|---|---|")
    for way, found in passed.items():
        print(f"| {way} | {sum(found) / len(tasks):.3f} |")
    pairs = list(zip(passed["plain"], passed["prompted"], strict=True))
    without, with_it = pairs.count((True, False)), pairs.count((False, True))
    chance = probability(without, with_it)
    print(f"\nOnly without it: {without}; only with it: {with_it}; p = {chance:.2f}")


def probability(one: int, other: int) -> float:
    """The chance that a fair coin's sides differ by this much or more."""
    tosses, fewer = one + other, min(one, other)
    chance: float = 2 * sum(comb(tosses, heads) for heads in range(fewer + 1)) / 2**tosses
    return min(1.0, chance)


if __name__ == "__main__":
    main()

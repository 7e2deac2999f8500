"""Fills on the default model through the command line, against simpler ways on the same tasks.

    python bench/infilling.py DATA ANSWERS [--set NAME] [--first N] [--way NAME] [--model NAME]
        [--without-examples]

DATA holds the data sets, ANSWERS is a folder for the files of answers: a run that was stopped
resumes where it ended. Prints for each set how many of the programs pass their tests: with the
model's text to its own end, with that text cut by a rule of thumb, with `starcoder fill`, and with
the best of several answers. The candidates are also run to choose among them with `--way checked`,
for which examples in the docstrings would give the hidden tests away.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from starcoder_cli.catalog import SMALL_MODEL
from starcoder_cli.evaluation.problems import Problem
from tasks import SETS, ask, passes, without_examples

MAX_TOKENS = 256
SINGLE = "single lines"
WAYS = {
    "raw": (["to its own end", "rule of thumb"], ["--raw"]),
    "ours": (["starcoder fill"], []),
    "several": (["starcoder fill -n 5"], ["-n", "5", "--seed", "1"]),
    "checked": (["starcoder fill -n 5 --check"], ["-n", "5", "--seed", "1", "--check"]),
}


def main() -> None:
    """Ask for what has not been answered yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--set", action="append", choices=SETS)
    parser.add_argument("--first", type=int, help="only so many tasks of each set")
    parser.add_argument("--way", action="append", choices=WAYS)
    parser.add_argument("--model", default=SMALL_MODEL)
    parser.add_argument("--without-examples", action="store_true", help="take them out of docs")
    options = parser.parse_args()
    options.answers.mkdir(parents=True, exist_ok=True)
    ways = options.way or ["raw", "ours", "several"]
    print(f"{options.model}, greedy, at most {MAX_TOKENS} tokens; pass@1\n")
    print(f"| set | tasks | {' | '.join(title for way in ways for title in WAYS[way][0])} |")
    print("|---" * (2 + sum(len(WAYS[way][0]) for way in ways)) + "|")
    for name in options.set or SETS:
        tasks = SETS[name](options.data)[: options.first]
        if options.without_examples:
            tasks = [without_examples(task) for task in tasks]
        one = ["--lines", "one"] if name == SINGLE else []
        words = ["-m", options.model, "--max-tokens", str(MAX_TOKENS), *one]
        cells = []
        for way in ways:
            titles, flags = WAYS[way]
            place = options.answers / f"{name.replace(' ', '-')}.{way}.jsonl"
            answers = ask("fill", tasks, place, [*words, *flags])
            cells.append(share(tasks, answers))
            if len(titles) > 1:
                cut = [rule_of_thumb(name, *each) for each in zip(tasks, answers, strict=True)]
                cells.append(share(tasks, cut))
        print(f"| {name} | {len(tasks)} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")


def rule_of_thumb(name: str, task: Problem, text: str) -> str:
    """The first line of a text, or all of it up to a repetition of the suffix's first line."""
    if name == SINGLE:
        return text.partition("\n")[0]
    following = task.suffix.strip("\n").partition("\n")[0]
    return text.partition(following)[0] if following.strip() else text


def share(tasks: Sequence[Problem], answers: Sequence[str]) -> float:
    """The share of the tasks whose answer passes."""
    return sum(map(passes, tasks, answers)) / len(tasks)


if __name__ == "__main__":
    main()

"""What the command line costs compared with the library: the same holes through both, in turns.

    python bench/library.py [--holes N] [--turns N] [--model NAME]

Prints the seconds of each way, medians of the turns, and their ratio; the texts must agree. The
holes are lines cut out of this repository by the evaluation's own cutter.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import starcoder_cli
from starcoder_cli.catalog import SMALL_MODEL
from starcoder_cli.evaluation.holes import sample_problems
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.model import Hole

MAX_TOKENS = 48


def through_library(problems: Sequence[Problem], model_name: str) -> list[str]:
    """The library's answers."""
    holes = [Hole(problem.prefix, problem.suffix) for problem in problems]
    with starcoder_cli.load(model_name, window=4096) as model:
        answers = model.batch(holes, max_tokens=MAX_TOKENS, lines="one", lang="python")
        return [answer.text for answer in answers]


def through_command(problems: Sequence[Problem], model_name: str) -> list[str]:
    """The answers of `starcoder fill --batch`."""
    rows = [
        json.dumps({"prefix": each.prefix, "suffix": each.suffix, "lang": "python"})
        for each in problems
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("\n".join(rows) + "\n")
        file.flush()
        words = ["fill", "--batch", file.name, "-m", model_name, "--lines", "one", "--no-server"]
        words += ["--no-context", "--max-tokens", str(MAX_TOKENS)]
        command = [sys.executable, "-m", "starcoder_cli", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line)["text"] for line in done.stdout.splitlines()]


def main() -> None:
    """Run both ways in turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holes", type=int, default=12)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--model", default=SMALL_MODEL)
    options = parser.parse_args()
    root = Path(__file__).parents[1]
    sampled = sample_problems(root, 1, options.holes, ("python",))
    problems = [each for each in sampled if each.group == "line"]
    ways = {"library": through_library, "command": through_command}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    texts: dict[str, list[str]] = {}
    for _ in range(options.turns):
        for name, way in ways.items():
            begin = time.perf_counter()
            texts[name] = way(problems, options.model)
            seconds[name].append(time.perf_counter() - begin)
    same = sum(one == other for one, other in zip(*texts.values(), strict=True))
    print(f"{options.model}, {len(problems)} holes; {same} texts agree\n")
    print("| way | seconds |\n|---|---|")
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"| {name} | {value:.2f} |")
    print(f"\ncommand / library: {medians['command'] / medians['library']:.2f}")


if __name__ == "__main__":
    main()

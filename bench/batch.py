"""Many holes: `starcoder fill --batch` compared with the same holes one by one.

    python bench/batch.py DATA [--first N] [--runs N]

DATA holds the data sets. The holes are single lines of HumanEval, each from a different program.
One by one means a process for each, as a loop in a shell would do it; medians of interleaved runs,
and ratios turn by turn.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from starcoder_cli.evaluation.problems import Problem
from tasks import single_lines

STARCODER = [sys.executable, "-m", "starcoder_cli", "fill", "--lines", "one", "--lang", "python"]
MARKER = "<FILL>"


def main() -> None:
    """Time both ways, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--first", type=int, default=12)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    programs = {task.name.partition("/L")[0]: task for task in single_lines(options.data)}
    tasks = list(programs.values())[: options.first]
    ways: dict[str, Callable[[Sequence[Problem]], object]] = {
        "one by one": one_by_one,
        "--batch": together,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.runs):
        for name, way in ways.items():
            begin = time.perf_counter()
            way(tasks)
            seconds[name].append(time.perf_counter() - begin)
    pairs = zip(seconds["one by one"], seconds["--batch"], strict=True)
    print(f"{len(tasks)} holes\n\n| way | seconds a hole | throughput |\n|---|---|---|")
    gain = statistics.median(alone / batch for alone, batch in pairs)
    for name, ratio in (("one by one", 1.0), ("--batch", gain)):
        print(f"| {name} | {statistics.median(seconds[name]) / len(tasks):.2f} | {ratio:.2f} |")


def one_by_one(tasks: Sequence[Problem]) -> None:
    """Run a process for each hole."""
    for task in tasks:
        text = f"{task.prefix}{MARKER}{task.suffix}"
        command = [*STARCODER, "-q", "--at", MARKER, "-"]
        subprocess.run(command, input=text.encode(), stdout=subprocess.DEVNULL, check=True)


def together(tasks: Sequence[Problem]) -> None:
    """Run one process for all of them."""
    with TemporaryDirectory() as folder:
        holes = Path(folder) / "holes"
        fields = ({"prefix": task.prefix, "suffix": task.suffix} for task in tasks)
        holes.write_text("".join(f"{json.dumps(each)}\n" for each in fields), encoding="utf-8")
        command = [*STARCODER, "-q", "--batch", str(holes)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()

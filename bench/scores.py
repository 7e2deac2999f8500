"""The default model in the benchmarks that StarCoder is known by, through `starcoder eval`.

    python bench/scores.py DATA RUNS RESULTS [--model NAME]

DATA holds the data sets and RUNS the folders of the runs, which go on where they ended; what the
model wrote is run in the sandbox. Prints the scores beside StarCoder's published ones, and writes
into RESULTS a picture of them and the page of each run, without the answers: these repeat the data.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from starcoder_cli.catalog import SMALL_MODEL
from starcoder_cli.evaluation.benchmarks import BENCHMARKS
from starcoder_cli.evaluation.charts import render_score_chart
from starcoder_cli.evaluation.summary import ScoreRow

WANTED: Mapping[str, tuple[tuple[str, ...], int]] = {
    "humaneval": (("humaneval/HumanEval.jsonl.gz",), 164),
    "mbpp": (("mbpp/sanitized-mbpp.json",), 200),
    "multipl-e": (
        ("multipl-e/humaneval-js-reworded.jsonl", "multipl-e/humaneval-sh-reworded.jsonl"),
        50,
    ),
    "infilling": (("humaneval-infilling/HumanEval-SingleLineInfilling.jsonl.gz",), 300),
}
FAST = ("-q", "--parallel", "4")
ANSWERS = re.compile('<section id="answers">.*</section>\n', re.DOTALL)


def main() -> None:
    """Run what has not been run, print the table, and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "runs", "results"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--model", default=SMALL_MODEL)
    options = parser.parse_args()
    marks: list[ScoreRow] = []
    print("| benchmark | language | problems | score | per cent | 95 % within | StarCoder |")
    print("|---|---|---|---|---|---|---|")
    for name, (files, limit) in WANTED.items():
        folder = options.runs / name
        data = [word for file in files for word in ("--data", str(options.data / file))]
        words = ["eval", name, *data, "--limit", str(limit), "-m", options.model, *FAST]
        told = evaluated([*words, "--run-code", "--report", "--out", str(folder)])
        page = (folder / "report.html").read_text(encoding="utf-8")
        place = options.results / f"{name}.html"
        place.write_text(ANSWERS.sub("", page), encoding="utf-8")
        for group in told["groups"]:
            print("\n".join(rows(name, group)))
            marks += compared(name, options.model, group)
    (options.results / "scores.svg").write_text(render_score_chart(marks), encoding="utf-8")


def evaluated(words: list[str]) -> dict[str, Any]:
    """What a run says of itself."""
    command = [sys.executable, "-m", "starcoder_cli", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def starcoder(group: Mapping[str, Any]) -> float | None:
    """What StarCoder's authors measured of a group."""
    values = (row["value"] for row in group["published"] if row["model"] == "starcoder")
    return next(values, None)


def rows(name: str, group: Mapping[str, Any]) -> Iterator[str]:
    """The scores of a group as rows of the table."""
    for metric, score in group["scores"].items():
        value, low, high = (f"{100 * score[key]:.1f}" for key in ("value", "low", "high"))
        theirs = starcoder(group) if metric == "pass@1" else None
        beside = "" if theirs is None else f"{100 * theirs:.1f}"
        title = BENCHMARKS[name].title
        cells = (title, group["group"], group["problems"], metric, value, f"{low} to {high}")
        yield f"| {' | '.join(map(str, cells))} | {beside} |"


def compared(name: str, model: str, group: Mapping[str, Any]) -> Iterator[ScoreRow]:
    """Our pass@1 in a group and StarCoder's."""
    score, theirs = group["scores"]["pass@1"], starcoder(group)
    title = f"{BENCHMARKS[name].title}, {group['group']}"
    yield ScoreRow(title, "pass@1", score["value"], model, score["low"], score["high"])
    if theirs is not None:
        yield ScoreRow(title, "pass@1", theirs, "starcoder", source="published")


if __name__ == "__main__":
    main()

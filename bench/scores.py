"""Models in the benchmarks that StarCoder is known by, and in gaps, through the command line.

    python bench/scores.py DATA RUNS RESULTS [--model NAME]...

DATA holds the data sets and RUNS the folders of the runs, which resume where they ended; what a
model wrote is run in the sandbox. Prints the scores of each model beside StarCoder's published
ones, and writes a picture of them into RESULTS, with the page of each run of the first model, but
without the answers, because these repeat the data.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from starcoder_cli.catalog import DEFAULT_MODEL, SMALL_MODEL
from starcoder_cli.evaluation.benchmarks import BENCHMARKS
from starcoder_cli.evaluation.charts import render_score_chart
from starcoder_cli.evaluation.summary import ScoreRow
from tasks import SETS, ask, passes

LANGUAGES = ("js", "java", "cpp", "go", "sh", "rs")
WANTED: Mapping[str, tuple[tuple[str, ...], int]] = {
    "humaneval": (("humaneval/HumanEval.jsonl.gz",), 164),
    "mbpp": (("mbpp/sanitized-mbpp.json",), 257),
    "multipl-e": (tuple(f"multipl-e/humaneval-{name}-reworded.jsonl" for name in LANGUAGES), 50),
    "infilling": (("humaneval-infilling/HumanEval-SingleLineInfilling.jsonl.gz",), 300),
    "santacoder-fim": (("santacoder-fim/santacoder-fim.parquet",), 100),
}
GAPS = ("random spans", "several lines")
FAST = ("-q", "--parallel", "4")
ANSWERS = re.compile('<section id="answers">.*</section>\n', re.DOTALL)
COLUMNS = ("benchmark", "language", "problems", "score")


def main() -> None:
    """Run what has not been run, print the table, and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "runs", "results"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--model", action="append")
    options = parser.parse_args()
    models = options.model or [DEFAULT_MODEL, SMALL_MODEL]
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    marks: list[ScoreRow] = []
    for model in models:
        for name in WANTED:
            told = evaluated(options.data, options.runs / model / name, name, model)
            for group in told["groups"]:
                for key, cell, theirs in scores(name, group):
                    cells.setdefault(key, {"StarCoder": theirs})[model] = cell
                marks += compared(name, model, group, is_last=model == models[-1])
            if model == models[0]:
                page = (options.runs / model / name / "report.html").read_text(encoding="utf-8")
                place = options.results / f"{name}.html"
                place.write_text(ANSWERS.sub("", page), encoding="utf-8")
        for name in GAPS:
            key, cell = filled(name, options.data, options.runs / model, model)
            cells.setdefault(key, {})[model] = cell
    print(f"| {' | '.join((*COLUMNS, *models, 'StarCoder'))} |")
    print("|---" * (len(COLUMNS) + len(models) + 1) + "|")
    for key, found in cells.items():
        values = (found.get(each, "") for each in (*models, "StarCoder"))
        print(f"| {' | '.join((*key, *values))} |")
    (options.results / "scores.svg").write_text(render_score_chart(marks), encoding="utf-8")


def evaluated(data: Path, folder: Path, name: str, model: str) -> dict[str, Any]:
    """The report of a run, which is run first if necessary."""
    files, limit = WANTED[name]
    words = [word for file in files for word in ("--data", str(data / file))]
    runs_code = ["--run-code"] if BENCHMARKS[name].runs_tests else []
    asked = ["eval", name, *words, "--limit", str(limit), "-m", model, *FAST, *runs_code]
    command = [sys.executable, "-m", "starcoder_cli", *asked, "--report", "--json"]
    done = subprocess.run([*command, "--out", str(folder)], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def filled(name: str, data: Path, folder: Path, model: str) -> tuple[tuple[str, ...], str]:
    """How many of the gaps of a set are filled so that the tests pass."""
    tasks = SETS[name](data)
    place = folder / f"{name.replace(' ', '-')}.ours.jsonl"
    answers = ask("fill", tasks, place, ["-m", model, "--max-tokens", "256"])
    passed = sum(map(passes, tasks, answers))
    cell = f"{100 * passed / len(tasks):.1f}"
    return ("HumanEval infilling", f"python, {name}", str(len(tasks)), "pass@1"), cell


def starcoder(group: Mapping[str, Any]) -> float | None:
    """StarCoder's score for a group, as measured by its authors."""
    values = (row["value"] for row in group["published"] if row["model"] == "starcoder")
    return next(values, None)


def scores(name: str, group: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield the scores of a group: what was measured, its value, and StarCoder's."""
    for metric, score in group["scores"].items():
        value, low, high = (f"{100 * score[key]:.1f}" for key in ("value", "low", "high"))
        is_published = metric == "pass@1" or name == "santacoder-fim" and metric == "exact match"
        theirs = starcoder(group) if is_published else None
        key = (BENCHMARKS[name].title, group["group"], str(group["problems"]), metric)
        yield key, f"{value} ({low} to {high})", "" if theirs is None else f"{100 * theirs:.1f}"


def compared(
    name: str, model: str, group: Mapping[str, Any], *, is_last: bool
) -> Iterator[ScoreRow]:
    """Yield a model's pass@1 in a group and, after the last model's, StarCoder's."""
    score, theirs = group["scores"].get("pass@1"), starcoder(group)
    if score is None:
        return
    title = f"{BENCHMARKS[name].title}, {group['group']}"
    yield ScoreRow(title, "pass@1", score["value"], model, score["low"], score["high"])
    if is_last and theirs is not None:
        yield ScoreRow(title, "pass@1", theirs, "starcoder", source="published")


if __name__ == "__main__":
    main()

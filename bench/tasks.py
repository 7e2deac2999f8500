"""Tasks that come with tests (HumanEval, MBPP), the answers, and whether these pass.

Single lines and random spans are the sets of Bavarian et al. 2022 (arXiv:2207.14255). The lines of
the third set are cut here from HumanEval's own solutions: two lines or more, never the whole body,
chosen at random with the task's name as the seed. So are the spans of MBPP (arXiv:2108.07732), out
of the solutions that its authors went over; what a program is for is before it, no test is.
"""

import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from starcoder_cli.evaluation.benchmarks import (
    parse_humaneval,
    parse_humaneval_infilling,
    parse_mbpp,
)
from starcoder_cli.evaluation.datasets import DatasetRow, parse_rows
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.sandbox import SandboxJob, judge

SINGLE = "humaneval-infilling/HumanEval-SingleLineInfilling.jsonl.gz"
SPANS = "humaneval-infilling/HumanEval-RandomSpanInfillingLight.jsonl.gz"
WHOLE = "humaneval/HumanEval.jsonl.gz"
MBPP = "mbpp/sanitized-mbpp.json"
MIN_BODY_CHARACTERS = 20
EXAMPLES = re.compile(r"^[ \t]*>>>.*\n(?:[ \t]*(?!>>>|\"\"\"|''')\S.*\n)*", re.MULTILINE)
"""Examples as a Python session shows them, with what it prints."""


def read(path: Path) -> list[DatasetRow]:
    """The rows of one of the sets."""
    return parse_rows(path.read_bytes(), path.name)


def single_lines(data: Path) -> list[Problem]:
    """The first 300 single lines."""
    return [parse_humaneval_infilling(row) for row in read(data / SINGLE)][:300]


def spans(data: Path) -> list[Problem]:
    """All 164 random spans."""
    return [parse_humaneval_infilling(row) for row in read(data / SPANS)]


def several_lines(data: Path) -> list[Problem]:
    """Lines cut out of each solution that is long enough."""
    return [cut for task in functions(data) if (cut := cut_out(task))]


def functions(data: Path) -> list[Problem]:
    """The 164 functions of Chen et al. 2021 (arXiv:2107.03374), up to where their bodies begin."""
    return [parse_humaneval(row) for row in read(data / WHOLE)]


def cut_out(task: Problem) -> Problem | None:
    """Cut two or more lines, beginning and ending with code, out of a solution."""
    lines = task.reference.rstrip("\n").split("\n")
    ranges = [
        (start, end)
        for start in range(len(lines))
        for end in range(start + 2, len(lines) + 1)
        if lines[start].strip() and lines[end - 1].strip() and (start, end) != (0, len(lines))
        if sum(bool(line.strip()) for line in lines[start:end]) > 1
    ]
    if not ranges:
        return None
    start, end = random.Random(task.name).choice(ranges)
    before, middle, after = (
        "".join(f"{line}\n" for line in part)
        for part in (lines[:start], lines[start:end], lines[end:])
    )
    name = f"{task.name}/L{start + 1}-{end}"
    return replace(task, name=name, prefix=task.prefix + before, suffix=after, reference=middle)


def mbpp_spans(data: Path) -> list[Problem]:
    """A span cut out of each function of MBPP's test set that is long enough."""
    tasks = filter(None, map(parse_mbpp, read(data / MBPP)))
    return [cut for task in tasks if (cut := cut_span(task))]


def cut_span(task: Problem) -> Problem | None:
    """Cut a span out of the body of a solution's last function."""
    code = task.reference.strip() + "\n"
    head = max(code.rfind("def "), 0)
    body = code.find("\n", head) + 1
    if len(code) - body < MIN_BODY_CHARACTERS:
        return None
    start, end = sorted(random.Random(task.name).sample(range(body, len(code)), 2))
    text = task.prefix.split("\n")[1]
    return replace(
        task,
        name=f"{task.name}/{start}-{end}",
        prefix=f'"""\n{text}\n"""\n{code[:start]}',
        suffix=code[end:],
        reference=code[start:end],
        lines="auto",
        stop=(),
    )


def without_examples(task: Problem) -> Problem:
    """A task whose docstrings hold no examples that could be run."""
    return replace(task, prefix=EXAMPLES.sub("", task.prefix), suffix=EXAMPLES.sub("", task.suffix))


SETS: Mapping[str, Callable[[Path], list[Problem]]] = {
    "single lines": single_lines,
    "random spans": spans,
    "several lines": several_lines,
    "spans of MBPP": mbpp_spans,
}


def ask(command: str, tasks: Sequence[Problem], answers: Path, flags: Sequence[str]) -> list[str]:
    """The answer to each task, by the command line; those already in the file are kept."""
    holes = answers.with_suffix(".holes")
    fields = [
        {"id": task.name, "prefix": task.prefix, "suffix": task.suffix, "lang": "python"}
        for task in tasks
    ]
    holes.write_text("".join(f"{json.dumps(each)}\n" for each in fields), encoding="utf-8")
    words = [sys.executable, "-m", "starcoder_cli", command, "--batch", str(holes)]
    subprocess.run([*words, "-o", str(answers), *flags], check=True)
    with answers.open(encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def passes(task: Problem, answer: str) -> bool:
    """Whether the program with an answer in its hole passes its tests, in the sandbox."""
    program = task.program(answer)
    trial = SandboxJob("python", program, task.tests, task.entry_point, task.prefix)
    return judge(trial).passed

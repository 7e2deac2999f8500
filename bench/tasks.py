"""Tasks that come with tests (HumanEval, MIT licence), the answers, and whether these pass.

Single lines and random spans are the sets of Bavarian et al. 2022 (arXiv:2207.14255). The lines of
the third set are cut here from HumanEval's own solutions: two lines or more, never the whole body,
chosen by chance with the task's name as the seed.
"""

import gzip
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SINGLE = "humaneval-infilling/HumanEval-SingleLineInfilling.jsonl.gz"
SPANS = "humaneval-infilling/HumanEval-RandomSpanInfillingLight.jsonl.gz"
WHOLE = "humaneval/HumanEval.jsonl.gz"
SECONDS = 15
CPU_SECONDS = 8
MEMORY = 2 << 30


@dataclass(frozen=True)
class Task:
    """A hole, the answer that its author gave, and code that tells whether another is right."""

    name: str
    prefix: str
    suffix: str
    middle: str
    check: str


def task(row: Mapping[str, str]) -> Task:
    """A task from a row of one of the sets."""
    check = f"{row['test']}\ncheck({row['entry_point']})\n"
    return Task(row["task_id"], row["prompt"], row["suffix"], row["canonical_solution"], check)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The objects of a compressed JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def single_lines(data: Path) -> list[Task]:
    """The first 300 single lines."""
    return [task(row) for row in rows(data / SINGLE)][:300]


def spans(data: Path) -> list[Task]:
    """All 164 random spans."""
    return [task(row) for row in rows(data / SPANS)]


def several_lines(data: Path) -> list[Task]:
    """Lines cut out of each solution that is long enough."""
    return [cut for row in rows(data / WHOLE) if (cut := cut_out(row))]


def functions(data: Path) -> list[Task]:
    """The 164 functions of Chen et al. 2021 (arXiv:2107.03374), up to where their bodies begin."""
    return [task({**row, "suffix": ""}) for row in rows(data / WHOLE)]


def cut_out(row: Mapping[str, str]) -> Task | None:
    """Two lines or more out of a solution, which begin and end with code."""
    lines = row["canonical_solution"].rstrip("\n").split("\n")
    ranges = [
        (start, end)
        for start in range(len(lines))
        for end in range(start + 2, len(lines) + 1)
        if lines[start].strip() and lines[end - 1].strip() and (start, end) != (0, len(lines))
        if sum(bool(line.strip()) for line in lines[start:end]) > 1
    ]
    if not ranges:
        return None
    start, end = random.Random(row["task_id"]).choice(ranges)
    before, middle, after = (
        "".join(f"{line}\n" for line in part)
        for part in (lines[:start], lines[start:end], lines[end:])
    )
    name = f"{row['task_id']}/L{start + 1}-{end}"
    found = {"task_id": name, "prompt": row["prompt"] + before, "suffix": after}
    return task({**row, **found, "canonical_solution": middle})


SETS: Mapping[str, Callable[[Path], list[Task]]] = {
    "single lines": single_lines,
    "random spans": spans,
    "several lines": several_lines,
}


def ask(command: str, tasks: Sequence[Task], answers: Path, flags: Sequence[str]) -> list[str]:
    """The answer to each task, by the command line; those that are in the file already stay."""
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


def passes(task: Task, middle: str) -> bool:
    """Whether the program with an answer in its hole passes its tests.

    It runs in a process of its own with little time and memory, and can write no file. That keeps a
    model's accidents away, not an attacker.
    """
    program = f"{task.prefix}{middle}{task.suffix}\n{task.check}"
    child = os.fork()
    if not child:
        execute(program)
    deadline = time.monotonic() + SECONDS
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.003)


def execute(program: str) -> None:
    """Run a program and end this process: with 0 where it came to its end."""
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nowhere, descriptor)
        exec(compile(program, "program", "exec"), {"__name__": "program"})
    except BaseException:  # whatever it is, the answer is wrong
        os._exit(1)
    os._exit(0)

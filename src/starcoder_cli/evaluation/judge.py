"""Answers run against their tests, in the sandbox, as many at a time as there are processors."""

import os
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.run import answer_text
from starcoder_cli.files.batch import Line
from starcoder_cli.sandbox import Trial, judge, rung

Record = Mapping[str, object]


def verdicts(
    rows: Sequence[Line], problems: Sequence[Problem], answers: Sequence[Record]
) -> Generator[Record]:
    """The verdict on each answer as a line of a file, in order; closing this stops the rest.

    Raises MachineError where this machine has no sandbox.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield from pool.map(verdict, rows, problems, answers)
    finally:
        pool.shutdown(cancel_futures=True)


def verdict(row: Line, problem: Problem, answer: Record) -> Record:
    """The verdict on one answer; one that there is not fails."""
    told = {**row.record(), "prompt": answer.get("digest"), "text": answer_text(answer)}
    if "error" in answer:
        return {**told, "passed": False, "result": "no answer", "detail": str(answer["error"])}
    trial = Trial(
        problem.language,
        problem.program(answer_text(answer)),
        problem.tests,
        problem.entry_point,
        problem.imports + problem.prefix,
    )
    found = judge(trial)
    return {
        **told,
        "passed": found.passed,
        "result": found.result,
        "detail": found.detail,
        "seconds": round(found.seconds, 3),
        "sandbox": str(rung()),
    }

"""Run answers against their tests in the sandbox, one per processor at a time."""

import os
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor

from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.run import answer_text
from starcoder_cli.evaluation.summary import JsonObject
from starcoder_cli.files.batch import BatchLine
from starcoder_cli.sandbox import SandboxJob, detect_sandbox, judge


def judge_answers(
    lines: Sequence[BatchLine], problems: Sequence[Problem], answers: Sequence[JsonObject]
) -> Generator[JsonObject]:
    """Yield the verdict on each answer as a record, in order; closing this stops the rest.

    Raises MachineError if this machine has no sandbox.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield from pool.map(judge_answer, lines, problems, answers)
    finally:
        pool.shutdown(cancel_futures=True)


def judge_answer(line: BatchLine, problem: Problem, answer: JsonObject) -> JsonObject:
    """Judge one answer."""
    fields = {**line.record(), "prompt": answer.get("digest"), "text": answer_text(answer)}
    job = SandboxJob(
        problem.language,
        problem.program(answer_text(answer)),
        problem.tests,
        problem.entry_point,
        problem.imports + problem.prefix,
    )
    outcome = judge(job)
    return {
        **fields,
        "passed": outcome.passed,
        "result": outcome.result,
        "detail": outcome.detail,
        "seconds": round(outcome.seconds, 3),
        "sandbox": str(detect_sandbox()),
    }

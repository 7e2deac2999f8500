"""Python programs: the program in one sandbox, its tests in another, and values between them.

A completion never meets the tests, the values that it is compared with, or the verdict: it is
asked for answers, and these arrive as new values of real built-in types. What is not seen: what
a function did to its arguments, and answers of types that have no form as JSON (a class of the
program's own, a Decimal), which equal only themselves.
"""

import json
import os
import time
from contextlib import ExitStack
from selectors import EVENT_READ, DefaultSelector
from typing import IO

from starcoder_cli.sandbox.isolation import SandboxKind
from starcoder_cli.sandbox.process import (
    JobPayload,
    ProcessRequirements,
    build_confinement,
    pick_unused_uid,
    run_in_sandbox,
)
from starcoder_cli.sandbox.trial import Limits, SandboxJob, Verdict

CANDIDATE_MODULES = ("values", "channel", "candidate")
TESTER_MODULES = ("values", "channel", "tester")
MAX_RESULT_BYTES = 1 << 14


def judge_python(kind: SandboxKind, job: SandboxJob, limits: Limits) -> Verdict:
    """Judge a Python program in sandboxes of this kind."""
    started = time.monotonic()
    with ExitStack() as stack:
        output = start_both_sides(kind, job, limits, stack)
        data = read_output(output, started + limits.seconds)
    seconds = time.monotonic() - started
    if data is None:
        return Verdict(False, "timeout", f"not done within {limits.seconds:g} s", seconds)
    result, detail = parse_tester_output(data)
    return Verdict(result == "passed", result, detail, seconds)


def start_both_sides(
    kind: SandboxKind, job: SandboxJob, limits: Limits, stack: ExitStack
) -> IO[bytes]:
    """Start both sides, stopped with `stack`; return the output of the tests' side."""
    requirements = ProcessRequirements(user=pick_unused_uid())
    rules = build_confinement(kind, limits, requirements)
    with ExitStack() as passed_ends:
        call_pipe, answer_pipe = os.pipe(), os.pipe()
        for end in (*call_pipe, *answer_pipe):
            passed_ends.callback(os.close, end)
        payload: JobPayload = {
            "confinement": rules,
            "program": job.program,
            "reads": call_pipe[0],
            "writes": answer_pipe[1],
        }
        stack.enter_context(run_in_sandbox(kind, CANDIDATE_MODULES, payload, requirements))
        payload = {
            "confinement": rules,
            "tests": job.tests,
            "prompt": job.prompt,
            "entry_point": job.entry_point,
            "reads": answer_pipe[0],
            "writes": call_pipe[1],
        }
        tester = stack.enter_context(run_in_sandbox(kind, TESTER_MODULES, payload, requirements))
    assert tester.stdout
    return tester.stdout


def read_output(output: IO[bytes], deadline: float) -> bytes | None:
    """What a process prints until it ends, or None if that takes too long."""
    data = b""
    with DefaultSelector() as selector:
        selector.register(output, EVENT_READ)
        while len(data) < MAX_RESULT_BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            chunk = os.read(output.fileno(), MAX_RESULT_BYTES)
            if not chunk:
                break
            data += chunk
    return data


def parse_tester_output(data: bytes) -> tuple[str, str]:
    """The result and the detail that the tests' side has printed."""
    try:
        result, detail = json.loads(data)
    except ValueError:
        last = data.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return "crashed", last[:500] or "the tests ended early"
    return str(result), str(detail)

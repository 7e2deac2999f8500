"""Python programs: the program in one sandbox, its tests in another, and values between them.

A completion never meets the tests, the values that it is compared with, or the verdict: it is
asked for answers, and these arrive as new values of honest built-in types. What is not seen: what
a function did to its arguments, and answers of types that have no form as JSON (a class of the
program's own, a Decimal), which equal nothing but themselves.
"""

import json
import os
import time
from contextlib import ExitStack
from selectors import EVENT_READ, DefaultSelector
from typing import IO

from starcoder_cli.sandbox.isolation import Rung
from starcoder_cli.sandbox.process import Job, Wants, confinement, running, stranger
from starcoder_cli.sandbox.trial import Limits, Trial, Verdict

CANDIDATE = ("values", "channel", "candidate")
TESTER = ("values", "channel", "tester")
MOST_BYTES = 1 << 14


def run(rung: Rung, trial: Trial, limits: Limits) -> Verdict:
    """Judge a Python program in sandboxes of this kind."""
    began = time.monotonic()
    with ExitStack() as stack:
        output = begin(rung, trial, limits, stack)
        data = printed(output, began + limits.seconds)
    seconds = time.monotonic() - began
    if data is None:
        return Verdict(False, "timeout", f"not done within {limits.seconds:g} s", seconds)
    result, detail = told(data)
    return Verdict(result == "passed", result, detail, seconds)


def begin(rung: Rung, trial: Trial, limits: Limits, stack: ExitStack) -> IO[bytes]:
    """Start both sides, to be stopped with `stack`: what the side of the tests will print."""
    wants = Wants(user=stranger())
    allowed = confinement(rung, limits, wants)
    with ExitStack() as passing:
        calls, answers = os.pipe(), os.pipe()
        for end in (*calls, *answers):
            passing.callback(os.close, end)
        job: Job = {
            "confinement": allowed,
            "program": trial.program,
            "reads": calls[0],
            "writes": answers[1],
        }
        stack.enter_context(running(rung, CANDIDATE, job, wants))
        job = {
            "confinement": allowed,
            "tests": trial.tests,
            "prompt": trial.prompt,
            "entry_point": trial.entry_point,
            "reads": answers[0],
            "writes": calls[1],
        }
        tester = stack.enter_context(running(rung, TESTER, job, wants))
    assert tester.stdout
    return tester.stdout


def printed(output: IO[bytes], deadline: float) -> bytes | None:
    """What a process prints until its end; None where that takes too long."""
    data = b""
    with DefaultSelector() as selector:
        selector.register(output, EVENT_READ)
        while len(data) < MOST_BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            read = os.read(output.fileno(), MOST_BYTES)
            if not read:
                break
            data += read
    return data


def told(data: bytes) -> tuple[str, str]:
    """The result and the detail that the side of the tests has printed."""
    try:
        result, detail = json.loads(data)
    except ValueError:
        last = data.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return "crashed", last[:500] or "the tests ended early"
    return str(result), str(detail)

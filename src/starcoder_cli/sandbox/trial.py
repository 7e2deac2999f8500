"""A program that a model wrote, its limits, and its outcome."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a program may use; one that wants more is ended, or refused more.

    Seconds are of wall-clock time. Memory is per process and for all of them together, `disk` per
    file and for all of them; both are in bytes.
    """

    seconds: float = 10.0
    memory: int = 1 << 30
    processes: int = 64
    disk: int = 64 << 20


@dataclass(frozen=True)
class SandboxJob:
    """A whole program, usually a prompt and its completion, and the tests that judge it.

    `language` is a name from the table of languages in lower case. `tests` are HumanEval's
    `check` function, MBPP's assertions, or what MultiPL-E appends. `entry_point` is the function
    that they test and pass to `check(candidate)`: the program's own even if Python has one of the
    same name, unlike all other names. `prompt` is the part of a Python program that the benchmark
    wrote: its helpers are honest, so tests call these and not what the completion made of them.
    """

    language: str
    program: str
    tests: str
    entry_point: str | None = None
    prompt: str = ""


@dataclass(frozen=True)
class Verdict:
    """How a job ended: `detail` is at most 500 characters, some of them the program's own.

    `result` is `passed`, `wrong` (an answer or the way it was given), `crashed` (an exception, an
    exit, a program that does not compile), `timeout`, `memory`, `disk`, `processes`, or `refused`
    (an answer that is too long or not in an agreed form).
    """

    passed: bool
    result: str
    detail: str
    seconds: float

"""A run of HumanEval as it is on disk: its settings, two problems, their answers and verdicts."""

from dataclasses import replace

from starcoder_cli.evaluation.benchmarks import BENCHMARKS
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.run import RunSettings
from starcoder_cli.evaluation.summary import ProblemGroup, ProblemResult, Scores

SETTINGS = RunSettings(
    benchmark="humaneval",
    model="tiny",
    samples=2,
    max_tokens=512,
    temperature=0.2,
    top_p=0.95,
    seed=7,
    prompted=False,
    raw=False,
    order="auto",
    quantize="auto",
    adapter="",
)
ADD = Problem(
    name="HumanEval/0",
    group="python",
    language="python",
    prefix="def add(a, b):\n",
    reference="    return a + b\n",
    tests="def check(candidate):\n    assert candidate(7, 3) == 10\n",
    entry_point="add",
    stop=("\ndef",),
    lines="block",
)
SUBTRACT = replace(ADD, name="HumanEval/1", reference="    return a - b\n")


def answer(text: str) -> dict[str, object]:
    """An answer as its line has it."""
    return {
        "text": text,
        "engine": "echo",
        "digest": "0123",
        "tokens": {"completion": 5},
        "seconds": {"total": 0.5},
    }


def verdict(result: str, detail: str = "") -> dict[str, object]:
    """A verdict as its line has it."""
    return {"passed": result == "passed", "result": result, "detail": detail}


RIGHT, WRONG = answer("    return a + b\n"), answer("    return a - b")
RESULTS = (
    ProblemResult(ADD, (RIGHT, WRONG), (verdict("passed"), verdict("wrong", "assert 4 == 10"))),
    ProblemResult(SUBTRACT, (RIGHT, RIGHT), (verdict("wrong"), verdict("timeout"))),
)
GROUP = ProblemGroup("python", RESULTS)
SCORES = Scores(BENCHMARKS["humaneval"], SETTINGS, (GROUP,), "eval/run", {"lua": "not here"})

"""Answers run against their tests in the sandbox, each with its verdict, in order."""

from dataclasses import replace

import pytest

from runs import ADD, RIGHT, SETTINGS, WRONG
from starcoder_cli.errors import InputError
from starcoder_cli.evaluation.judge import judge_answer, judge_answers
from starcoder_cli.evaluation.run import verdict_lines
from starcoder_cli.sandbox.isolation import SandboxKind


def test_verdicts_are_in_the_order_of_the_answers(rung: SandboxKind) -> None:
    answers = [RIGHT, WRONG]
    lines = verdict_lines([ADD], answers, 2)
    passed, wrong = judge_answers(lines, [ADD] * 2, answers)
    assert {key: value for key, value in passed.items() if key != "seconds"} == {
        "line": 1,
        "digest": lines[0].digest,
        "id": "HumanEval/0",
        "prompt": "0123",
        "text": "    return a + b\n",
        "passed": True,
        "result": "passed",
        "detail": "",
        "sandbox": str(rung),
    }
    assert (wrong["line"], wrong["passed"], wrong["result"]) == (2, False, "wrong")
    assert str(wrong["detail"]).startswith("assert candidate(7, 3) == 10")


@pytest.mark.usefixtures("rung")
def test_imports_and_what_a_prompt_defines_are_there_for_the_answer_and_its_tests() -> None:
    problem = replace(
        ADD,
        imports="import math\n",
        prefix=f"def half(a):\n    return math.floor(a / 2)\n\n{ADD.prefix}    'Both.'\n",
        tests="def check(candidate):\n    assert half(candidate(7, 3)) == 5\n",
    )
    answer = {"text": "    return half(2 * a) + math.floor(b)\n"}
    (line,) = verdict_lines([problem], [answer], SETTINGS.samples)
    assert judge_answer(line, problem, answer)["passed"] is True


@pytest.mark.usefixtures("rung")
def test_whoever_stops_reading_stops_the_rest() -> None:
    lines = verdict_lines([ADD], [RIGHT] * 3, 3)
    verdicts = judge_answers(lines, [ADD] * 3, [RIGHT] * 3)
    assert next(verdicts)["passed"] is True
    verdicts.close()
    assert list(verdicts) == []


@pytest.mark.usefixtures("rung")
def test_a_language_that_cannot_be_judged_is_an_error() -> None:
    problem = replace(ADD, language="racket")
    (line,) = verdict_lines([problem], [RIGHT], 1)
    with pytest.raises(InputError, match="^racket cannot be judged here"):
        list(judge_answers([line], [problem], [RIGHT]))

"""The side of a program: what it defines, what its functions answer, and what they raise."""

import json
import os
import subprocess
import sys
from types import ModuleType

import pytest

from starcoder_cli.sandbox.inside.candidate import (
    answer_call,
    describe_exception,
    list_definitions,
)
from starcoder_cli.sandbox.inside.channel import Channel

PROGRAM = """
import math as m, os.path

class Pair:
    def __init__(self, a):
        self.a = a

class Silent(Exception):
    def __str__(self):
        raise ValueError

def same(*positional, **named):
    return [*positional, named]

def taken(pair):
    return pair.a

def fail():
    raise KeyError("a")

def silent():
    raise Silent

def leave():
    raise SystemExit(3)

def endless():
    inner = outer = []
    for _ in range(100_000):
        inner.append([])
        inner = inner[0]
    return outer
"""


@pytest.fixture
def module() -> ModuleType:
    """The program after it was run."""
    module = ModuleType("program")
    exec(PROGRAM, module.__dict__)
    return module


def call(name: str, *positional: object, **named: object) -> dict[str, object]:
    """A request as the tests send it."""
    pairs = [[key, value] for key, value in named.items()]
    return {"call": name, "arguments": {"tuple": [list(positional), {"dict": pairs}]}}


def test_names_and_modules_are_told_and_nothing_of_their_values(module: ModuleType) -> None:
    module.__dict__[1] = "a name that is none"  # type: ignore[index]
    told = list_definitions(module)
    assert json.loads(json.dumps(told)) == {
        "names": [name for name in module.__dict__ if isinstance(name, str)],
        "modules": ["os"],
    }


def test_a_call_is_answered_with_its_value(module: ModuleType) -> None:
    assert answer_call(call("same", 1, {"tuple": [2]}, b=3), module, []) == {
        "value": [1, {"tuple": [2]}, {"dict": [["b", 3]]}]
    }


def test_an_object_stays_here_and_can_be_given_back(module: ModuleType) -> None:
    objects: list[object] = []
    assert answer_call(call("Pair", 7), module, objects) == {"value": {"object": 0}}
    assert answer_call(call("Pair", 8), module, objects) == {"value": {"object": 1}}
    assert answer_call(call("taken", {"object": 1}), module, objects) == {"value": 8}
    assert answer_call(call("taken", {"object": 0}), module, objects) == {"value": 7}


@pytest.mark.parametrize(
    ("request_", "kind", "text"),
    [
        (call("fail"), "KeyError", "'a'"),
        (call("silent"), "Silent", ""),
        (call("leave"), "SystemExit", "3"),
        (call("absent"), "AttributeError", "module 'program' has no attribute 'absent'"),
        (call("m"), "TypeError", "'module' object is not callable"),
        (call("taken", {"object": 5}), "IndexError", "list index out of range"),
        ({}, "KeyError", "'call'"),
        ({"call": "same", "arguments": {"Program": []}}, "ValueError", "no such kind of value"),
    ],
)
def test_whatever_is_raised_is_the_answer(
    request_: dict[str, object], kind: str, text: str, module: ModuleType
) -> None:
    answer = answer_call(request_, module, [])
    assert isinstance(answer, dict)
    assert (answer["raised"][0], answer["raised"][-1], answer["text"]) == (kind, "object", text)


def test_a_value_that_no_json_can_tell_is_an_error_here(module: ModuleType) -> None:
    answer = answer_call(call("endless"), module, [])
    assert isinstance(answer, dict) and answer["raised"][0] == "RecursionError"


def test_an_exception_is_its_kinds_and_the_beginning_of_its_text() -> None:
    assert describe_exception(UnicodeError("x" * 900)) == {
        "raised": ["UnicodeError", "ValueError", "Exception", "BaseException", "object"],
        "text": "x" * 500,
    }


MAIN = """
import json, sys
from starcoder_cli.sandbox.inside import candidate
candidate.main()
"""
CONFINEMENT = {
    "seconds": 30.0,
    "memory": 1 << 30,
    "reserves": False,
    "processes": 4,
    "user": None,
    "shared": True,
    "disk": 1 << 20,
    "readable": ["/"],
    "writable": ["/dev/null"],
    "denied": ["processes"],
    "landlock": False,
}


@pytest.mark.parametrize(
    ("program", "first"),
    [
        ("print('a'); f = len", ["names", "modules"]),
        ("import sys; sys.exit(0)", ["raised", "text"]),
        ("def f(:", ["raised", "text"]),
    ],
)
def test_a_program_is_run_once_and_then_answers_until_nobody_asks(
    program: str, first: list[str]
) -> None:
    """What it prints goes nowhere; its own end is an answer too."""
    calls, asks = os.pipe()
    replies, answers = os.pipe()
    job = {"confinement": CONFINEMENT, "program": program, "reads": calls, "writes": answers}
    with subprocess.Popen(
        [sys.executable, "-c", MAIN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(calls, answers),
    ) as process:
        os.close(calls)
        os.close(answers)
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
        side = Channel(replies, asks)
        told = side.receive()
        assert isinstance(told, dict) and list(told) == first
        for _ in range(2):
            side.send(call("f", [1, 2, 3]))
            answer = side.receive()
            assert answer == {"value": 3} or isinstance(answer, dict) and "raised" in answer
            assert ("value" in answer) == ("names" in told)
        os.close(asks)
        assert process.stdout.read() == b""
        assert process.wait(60) == 1
    os.close(replies)

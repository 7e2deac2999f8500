"""The side of the tests: what they take from the program, which may say any bytes to them."""

import ast
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.sandbox.inside.channel import Channel
from starcoder_cli.sandbox.inside.tester import (
    CandidateError,
    RemoteObject,
    RemoteProgram,
    convert_exception,
    define_prompt,
    find_failing_line,
    judge_tests,
    rebuild_exception,
    undefined_names,
)
from starcoder_cli.sandbox.inside.values import UNPACKERS

SECRET = "('no program', 'knows this', 8191.0625)"
TESTS = (
    f"assert f(1) == {SECRET}",
    f"assert not f(1) != {SECRET}",
    f"for item in f(1):\n    assert item in {SECRET}\n    break\nelse:\n    assert False\n",
    "assert abs(f(1) - 8191.0625) < 1e-9",
    "assert f(*range(3))['key'].upper() == 'VALUE 8191'",
    f"try:\n    assert f(1) == {SECRET}\nexcept ZeroDivisionError:\n    assert f(2) == {SECRET}\n",
)
# These pass with a program that ends or says nonsense, if that may be caught.
CATCHING = "try:\n    f(1)\nexcept BaseException:\n    pass\n"
NAMES = {"names": ["f", "abs", "len", "check"], "modules": ["math", "os", "f"]}


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe; whoever closes one before the end may do so."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            try:
                os.close(end)
            except OSError:
                continue


def outcome(said: bytes, tests: str) -> tuple[str, str]:
    """How tests end where the program's side has said some bytes and is gone."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        with pipe() as (reads, writes):
            os.set_blocking(writes, False)
            os.write(writes, said[:65536])
            os.close(writes)
            job = {"tests": tests, "prompt": "", "entry_point": ""}
            return judge_tests(job, RemoteProgram(Channel(reads, nothing)))
    finally:
        os.close(nothing)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
kinds = st.sampled_from(
    [*UNPACKERS, "bytes", "object", "value", "raised", "text", "names", "nothing"]
)
forms = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(kinds | st.text(max_size=3), inner, max_size=3)
        | st.builds(lambda kind, content: {kind: content}, kinds, st.lists(inner, max_size=3))
    ),
    max_leaves=12,
)
replies = (
    forms
    | st.builds(lambda form: {"value": form}, forms)
    | st.builds(lambda names, text: {"raised": names, "text": text}, forms, forms)
    | st.sampled_from([{"raised": [name], "text": ""} for name in ("AssertionError", "KeyError")])
)
lines = replies.map(lambda form: json.dumps(form).encode()) | st.binary(max_size=64)


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(TESTS))
def test_any_bytes_fail(said: bytes, tests: str) -> None:
    result, detail = outcome(said, tests)
    assert result in ("wrong", "crashed", "refused", "memory")
    assert isinstance(detail, str)


@settings(deadline=None)
@given(st.lists(lines, max_size=4), st.sampled_from(TESTS))
def test_any_answers_fail(answers: list[bytes], tests: str) -> None:
    said = b"\n".join([json.dumps(NAMES).encode(), *answers, b""])
    assert outcome(said, tests)[0] in ("wrong", "crashed", "refused", "memory")


@settings(deadline=None)
@given(st.binary(max_size=64).filter(lambda said: b"\n" not in said))
def test_a_broken_answer_cannot_be_caught(said: bytes) -> None:
    for ending in (b"", b'[1]\n{"value": 1, "value"'):
        begun = json.dumps(NAMES).encode() + b"\n" + ending
        assert outcome(begun + said, CATCHING)[0] in ("crashed", "refused")


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 60000,
        b'{"value": ' + b'{"tuple": [' * 4000 + b"]}" * 4000 + b"}",
        b'{"value": ' + b"9" * 60000 + b"}",
        b'{"value": {"range": [0, 1e999, 1]}}',
        b'{"value": {"set": [[1]]}}',
        b'{"value": {"dict": [1, 2]}}',
        b'{"value": {"complex": ["a", "b"]}}',
        b'{"value": {"bytes": "zz"}}',
        b'{"value": {"bytes": 1}}',
        b'{"value": {"object": "0"}}',
        b'{"value": {"object": true}}',
        b'{"value": {"Program": []}}',
        b'{"value": {"set": [1], "list": []}}',
        b"{}",
        b"null",
        b"\xff\xfe",
    ],
)
def test_answers_of_no_form_are_refused(line: bytes) -> None:
    said = json.dumps(NAMES).encode() + b"\n" + line + b"\n"
    assert outcome(said, TESTS[0])[0] == "refused"


ANSWERING = [{"names": ["f", "math", "abs", "cmath"], "modules": ["math"]}]


def answered(
    tests: str, *replies: object, prompt: str = "", entry_point: str = ""
) -> tuple[tuple[str, str], list[dict[str, Any]]]:
    """How tests end where the program's side gives these answers, and what it was asked."""
    said = b"".join(json.dumps(reply).encode() + b"\n" for reply in (*ANSWERING, *replies))
    with pipe() as (reads, writes), pipe() as (asked, asks):
        os.write(writes, said)
        os.close(writes)
        job = {"tests": tests, "prompt": prompt, "entry_point": entry_point}
        ended = judge_tests(job, RemoteProgram(Channel(reads, asks)))
        os.close(asks)
        with os.fdopen(os.dup(asked), "rb") as lines:
            return ended, [json.loads(line) for line in lines]


CALL = {"call": "f", "arguments": {"tuple": [[1], {"dict": [["b", 2]]}]}}


def test_only_calls_and_values_cross() -> None:
    assert answered("assert f(1, b=2) == (3,)", {"value": {"tuple": [3]}}) == (
        ("passed", ""),
        [CALL],
    )


def test_an_object_of_the_program_is_given_back_as_its_number() -> None:
    """It is the same one whenever it comes, and no other."""
    tests = "a, b, c = f(), f(), f()\nassert a == b != c\nassert f(a, [c]) == 1\n"
    numbers = [{"value": {"object": number}} for number in (7, 7, 8)]
    ended, asked = answered(tests, *numbers, {"value": 1})
    assert ended == ("passed", "")
    assert asked[-1]["arguments"]["tuple"][0] == [{"object": 7}, [{"object": 8}]]


@pytest.mark.parametrize(
    ("tests", "reply", "ended"),
    [
        ("assert f(1) == 2", {"value": 3}, ("wrong", "assert f(1) == 2")),
        ("assert f(1) == 2, 'why'", {"value": 3}, ("wrong", "assert f(1) == 2, 'why' why")),
        ("assert math.pi > 3", {}, ("wrong", "the tests called nothing")),
        ("f(1)", {"raised": ["KeyError"], "text": "'a'"}, ("crashed", "KeyError: \"'a'\"")),
        ("f(1)", {"raised": ["MemoryError"], "text": ""}, ("memory", "MemoryError")),
        ("f(lambda: 1)", {}, ("crashed", "TypeError: function cannot be given to the program")),
    ],
)
def test_how_tests_end(tests: str, reply: object, ended: tuple[str, str]) -> None:
    assert answered(tests, reply)[0] == ended


def test_a_check_is_called_with_the_function_and_helpers_are_the_prompts() -> None:
    """The program has a `helper` too, which nobody asks for."""
    prompt = "def helper(x):\n    return x + 1\n\ndef f(x):\n    'Nothing yet.'\n"
    tests = "def check(candidate):\n    assert helper(candidate(1)) == 3\n"
    ended, asked = answered(tests, {"value": 2}, prompt=prompt, entry_point="f")
    assert (ended, [each["call"] for each in asked]) == (("passed", ""), ["f"])


def test_a_name_of_pythons_is_never_the_programs() -> None:
    """A module is the tester's own, or no module at all; only the tested function is excepted."""
    for tests in ("assert abs(f() - 8) < 1", "assert math.floor(f()) == 8"):
        assert answered(tests, {"value": 1}, {"value": 0})[0] == ("wrong", tests)
        assert answered(tests, {"value": 8.0})[0] == ("passed", "")
    assert answered("f()\ncmath.pi", {"value": 1})[0][0] == "crashed"
    assert answered("assert abs(1) == 2", {"value": 2}, entry_point="abs")[0] == ("passed", "")
    assert answered("assert abs(1) == 2", {"value": 2})[0][0] == "wrong"


@pytest.mark.parametrize(
    "definitions",
    [
        {"names": "f", "modules": []},
        {"names": ["f"], "modules": {"f": "f"}},
        {"names": [["f"]], "modules": []},
        {"names": ["f"], "modules": [None]},
        {"names": ["f"]},
    ],
)
def test_definitions_of_no_form_are_refused(definitions: object) -> None:
    said = json.dumps(definitions).encode() + b'\n{"value": 1}\n'
    assert outcome(said, "assert f() == 1")[0] == "refused"


@pytest.mark.parametrize("kind", ["StopIteration", "StopAsyncIteration", "GeneratorExit"])
def test_a_loop_of_the_tests_does_not_end_where_the_program_says(kind: str) -> None:
    tests = "assert all(value == 2 for value in map(f, [1, 2]))"
    ended, _ = answered(tests, {"raised": [kind, "Exception"], "text": ""})
    assert ended == ("crashed", f"Exception: {kind}: ")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"raised": ["ValueError", "Exception"], "text": "no"}, ValueError("no")),
        ({"raised": ["Odd", "KeyError", "Exception"], "text": "x"}, KeyError("Odd: x")),
        (
            {"raised": ["UnicodeDecodeError", "ValueError"], "text": "x"},
            ValueError("UnicodeDecodeError: x"),
        ),
        ({"raised": ["SystemExit", "BaseException"], "text": "0"}, RuntimeError("SystemExit: 0")),
        ({"raised": ["print"], "text": ""}, RuntimeError("print: ")),
        ({"raised": [], "text": "x"}, RuntimeError("an exception: x")),
        ({"raised": 1}, RuntimeError("an exception: None")),
        ({"raised": ["ValueError"], "text": "x" * 900}, ValueError("x" * 500)),
    ],
)
def test_what_a_program_raised_is_an_honest_exception(
    reply: dict[str, object], expected: Exception
) -> None:
    found = rebuild_exception(reply)
    assert (type(found), found.args) == (type(expected), expected.args)


def test_an_exception_ends_a_job() -> None:
    ended = [convert_exception(error) for error in (MemoryError(), ValueError("no"))]
    assert [(each.result, each.detail) for each in ended] == [
        ("memory", "MemoryError"),
        ("crashed", "ValueError: no"),
    ]
    assert not issubclass(CandidateError, Exception)  # or tests could catch it


@pytest.mark.parametrize(
    ("tests", "undefined"),
    [
        ("f(1)", {"f"}),
        ("f(abs(1))", {"f"}),
        ("abs(1)", set()),
        ("x + tuple(1)", {"x"}),
        ("def check(candidate):\n    assert abs(candidate(1)) == 1", {"candidate"}),
    ],
)
def test_what_tests_take_of_the_program(tests: str, undefined: set[str]) -> None:
    assert undefined_names(ast.parse(tests)) == undefined


@pytest.mark.parametrize(
    ("prompt", "defined"),
    [
        ("x = 1", {"x"}),
        ("def f(:", set()),
        ("x = 1\n1 / 0", {"x"}),
        ("def helper():\n    pass\n\ndef f(x):\n    while x:\n", {"helper"}),
        ("import os\n\n@os.fspath\ndef f(x):\n    '''Text\nat the margin\n", {"os"}),
        ("", set()),
    ],
)
def test_a_prompt_defines_what_is_whole_in_it(prompt: str, defined: set[str]) -> None:
    namespace: dict[str, object] = {}
    define_prompt(prompt, namespace)
    assert namespace.keys() - {"__builtins__"} == defined


def test_only_a_check_of_the_tests_is_called() -> None:
    """A program's own function may have that name."""
    assert answered("assert check(1) == 2", {"value": 2}, entry_point="check")[0][0] == "passed"


def test_the_line_of_the_tests_that_failed_is_the_last_of_theirs() -> None:
    tests = "def inner():\n    raise KeyError\ninner()\n"
    with pytest.raises(KeyError) as caught:
        exec(compile(tests, "tests", "exec"), ModuleType("tests").__dict__)
    assert find_failing_line(caught.value, tests) == "raise KeyError"
    assert find_failing_line(caught.value, "short") == ""
    assert find_failing_line(KeyError(), tests) == ""


def test_an_object_of_the_program_has_nothing_but_its_number() -> None:
    assert vars(RemoteObject(7)) == {"number": 7}

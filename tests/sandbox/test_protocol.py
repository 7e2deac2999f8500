"""What a hostile program may say to the side of its tests: any bytes, and never a pass."""

import json
import os
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.sandbox.inside.channel import MOST_BYTES, Channel
from starcoder_cli.sandbox.inside.tester import Program, judged
from starcoder_cli.sandbox.inside.values import KINDS, pack, unpack

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
NAMES = {"names": ["f", "abs", "len", "check"], "modules": {"math": "cmath", "other": "os"}}


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
            return judged(job, Program(Channel(reads, nothing)))
    finally:
        os.close(nothing)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
kinds = st.sampled_from([*KINDS, "bytes", "object", "value", "raised", "text", "names", "nothing"])
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


@given(st.binary(max_size=300), st.sampled_from(TESTS))
def test_any_bytes_fail(said: bytes, tests: str) -> None:
    result, detail = outcome(said, tests)
    assert result in ("wrong", "crashed", "refused", "memory")
    assert isinstance(detail, str)


@given(st.lists(lines, max_size=4), st.sampled_from(TESTS))
def test_any_answers_fail(answers: list[bytes], tests: str) -> None:
    said = b"\n".join([json.dumps(NAMES).encode(), *answers, b""])
    assert outcome(said, tests)[0] in ("wrong", "crashed", "refused", "memory")


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


def test_an_endless_answer_takes_no_memory() -> None:
    def flood(writes: int) -> None:
        try:
            for _ in range(1000):
                os.write(writes, b" " * (1 << 16))
        except OSError:
            return

    with pipe() as (reads, writes):
        thread = threading.Thread(target=flood, args=(writes,))
        thread.start()
        tracemalloc.start()
        with pytest.raises(ValueError, match="longer than 1 MiB"):
            Channel(reads, writes).receive()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        os.close(reads)
        thread.join()
    assert peak < 3 * MOST_BYTES


plain = st.recursive(
    scalars.filter(lambda value: value == value)
    | st.binary(max_size=8)
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4)
        | st.frozensets(st.integers() | st.text(max_size=4), max_size=4)
        | st.sets(st.integers(), max_size=4)
    ),
    max_leaves=12,
)


@given(plain)
def test_values_come_back_as_they_were(value: object) -> None:
    def nothing(_: object) -> int:
        raise AssertionError("no object")

    found = unpack(json.loads(json.dumps(pack(value, nothing))), nothing)
    assert (found, type(found)) == (value, type(value))

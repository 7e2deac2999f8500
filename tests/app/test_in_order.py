"""Answers made in threads: in order, a few ahead at most, and none once nobody wants them."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from starcoder_cli.app.in_order import (
    QUEUED_PER_SLOT,
    BatchClosedError,
    in_order,
    while_open,
)
from starcoder_cli.stream import Chunk, Stream


def test_answers_come_in_order_and_few_are_made_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    closed = threading.Event()
    with closing(in_order(lambda number: number * 2, items(), 3, closed)) as results:
        for expected in range(0, 20, 2):
            assert next(results) == expected
            assert len(taken) <= expected // 2 + 3 * QUEUED_PER_SLOT + 1
        assert not closed.is_set()
    assert closed.is_set()
    assert list(in_order(str, [1, 2], 1, threading.Event())) == ["1", "2"]


def test_an_answer_ends_when_nobody_wants_it() -> None:
    closed, ended = threading.Event(), threading.Event()

    def chunks() -> Stream:
        try:
            yield Chunk("a")
            yield Chunk("b")
        finally:
            ended.set()

    answer = while_open(chunks(), closed)
    assert next(answer).text == "a"
    closed.set()
    with pytest.raises(BatchClosedError):
        next(answer)
    assert ended.is_set()

"""Answers made in threads, several at a time, and yielded in the order they were asked for."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

from starcoder_cli.stream import Stream

QUEUED_PER_SLOT = 4  # answers per slot that may wait for an earlier one

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    answer: Callable[[Item], Result], items: Iterable[Item], slots: int, closed: threading.Event
) -> Generator[Result]:
    """Yield the answers in order, making several at a time; closing this sets `closed`."""
    pool = ThreadPoolExecutor(slots)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            if len(waiting) == slots * QUEUED_PER_SLOT:
                yield waiting.popleft().result()
            waiting.append(pool.submit(answer, item))
        while waiting:
            yield waiting.popleft().result()
    finally:
        closed.set()
        pool.shutdown(wait=False, cancel_futures=True)


class BatchClosedError(Exception):
    """Nobody wants the answer any more."""


def while_open(chunks: Stream, closed: threading.Event) -> Stream:
    """Yield the chunks while somebody waits for them, then raise BatchClosedError."""
    with closing(chunks):
        for chunk in chunks:
            if closed.is_set():
                raise BatchClosedError
            yield chunk

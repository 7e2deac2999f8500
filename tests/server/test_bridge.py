"""An answer that a thread makes: its chunks, its errors, and who leaves before its end."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest

from starcoder_cli.errors import DataError
from starcoder_cli.server.bridge import stream_in_thread
from starcoder_cli.stream import Chunk, Stream


class Slow:
    """An answer with a token in a hundredth of a second, which may break off."""

    def __init__(self, tokens: int = 1000, error: Exception | None = None) -> None:
        self.made = 0
        self.ended = threading.Event()
        self.thread = 0
        self._tokens = tokens
        self._error = error

    def stream(self) -> Stream:
        """Tokens."""
        self.thread = threading.get_ident()
        try:
            for number in range(self._tokens):
                self.made += 1
                yield Chunk(str(number))
                time.sleep(0.01)
            if self._error:
                raise self._error
            yield Chunk("", 0, "stop")
        finally:
            self.ended.set()


def run(
    open_stream: Callable[[], Stream], use: Callable[[AsyncGenerator[Chunk, None]], Awaitable[None]]
) -> None:
    """Use an answer on an event loop."""

    async def whole() -> None:
        with ThreadPoolExecutor(2) as pool:
            async with aclosing(stream_in_thread(lambda _: open_stream(), pool)) as answer:
                await use(answer)

    asyncio.run(whole())


def test_chunks_come_in_their_order_from_another_thread() -> None:
    slow, found = Slow(5), list[Chunk]()

    async def read(answer: AsyncGenerator[Chunk, None]) -> None:
        found.extend([chunk async for chunk in answer])

    run(slow.stream, read)
    assert found == [*map(Chunk, "01234"), Chunk("", 0, "stop")]
    assert slow.thread not in (0, threading.get_ident())


def test_an_error_comes_behind_the_chunks_before_it() -> None:
    slow, found = Slow(2, DataError("no numbers")), list[str]()

    async def read(answer: AsyncGenerator[Chunk, None]) -> None:
        async for chunk in answer:
            found.append(chunk.text)

    with pytest.raises(DataError, match="no numbers"):
        run(slow.stream, read)
    assert found == ["0", "1"]


def test_an_answer_that_cannot_begin_is_an_error_at_once() -> None:
    def refuse() -> Stream:
        raise DataError("no room")

    async def read(answer: AsyncGenerator[Chunk, None]) -> None:
        await anext(answer)

    with pytest.raises(DataError, match="no room"):
        run(refuse, read)


def test_who_leaves_at_the_third_token_stops_the_model_within_two() -> None:
    slow = Slow()

    async def leave(answer: AsyncGenerator[Chunk, None]) -> None:
        for _ in range(3):
            await anext(answer)
        await answer.aclose()
        assert slow.ended.is_set()

    run(slow.stream, leave)
    assert 3 <= slow.made <= 5


def test_a_task_that_is_cancelled_ends_when_the_thread_has() -> None:
    """The slot is not free while the model still works in it."""
    working, release, closed = threading.Event(), threading.Event(), threading.Event()

    def stuck() -> Stream:
        try:
            yield Chunk("a")
            working.set()
            release.wait(30)
            yield Chunk("b")
        finally:
            closed.set()

    async def leave(answer: AsyncGenerator[Chunk, None]) -> None:
        async def read() -> None:
            async with aclosing(answer):
                async for _ in answer:
                    pass

        task = asyncio.create_task(read())
        await asyncio.to_thread(working.wait, 30)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=0.1)
        assert not done and not closed.is_set()
        release.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert closed.is_set()

    run(stuck, leave)

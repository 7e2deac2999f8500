"""Answers made in a thread, for an event loop that hands them on."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import closing

import anyio

from starcoder_cli.stream import Chunk, Stream


async def chunks(begin: Callable[[], Stream], pool: Executor) -> AsyncGenerator[Chunk, None]:
    """The chunks of an answer that a thread makes; where they are left, the thread ends too.

    Only then: the slot is not free while the model still works in it.
    """
    loop, arrived = asyncio.get_running_loop(), asyncio.Queue[Chunk | None]()
    left = threading.Event()

    def make() -> None:
        try:
            with closing(begin()) as stream:
                for chunk in stream:
                    loop.call_soon_threadsafe(arrived.put_nowait, chunk)
                    if left.is_set():
                        return
        finally:
            loop.call_soon_threadsafe(arrived.put_nowait, None)

    making = loop.run_in_executor(pool, make)
    try:
        while (chunk := await arrived.get()) is not None:
            yield chunk
        await making
    finally:
        left.set()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([making])

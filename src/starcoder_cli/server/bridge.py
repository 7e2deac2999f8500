"""Answers made in a thread, for an event loop that hands them on."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import closing

import anyio

from starcoder_cli.stream import Chunk, Stream


async def stream_in_thread(
    open_stream: Callable[[], Stream], executor: Executor
) -> AsyncGenerator[Chunk, None]:
    """The chunks of an answer that a thread makes; if the caller stops early, the thread ends too.

    Only then: the slot is not free while the model still works in it.
    """
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[Chunk | None]()
    abandoned = threading.Event()

    def produce() -> None:
        try:
            with closing(open_stream()) as stream:
                for chunk in stream:
                    loop.call_soon_threadsafe(queue.put_nowait, chunk)
                    if abandoned.is_set():
                        return
        finally:
            loop.call_soon_threadsafe(queue.put_nowait, None)

    producer = loop.run_in_executor(executor, produce)
    try:
        while (chunk := await queue.get()) is not None:
            yield chunk
        await producer
    finally:
        abandoned.set()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([producer])

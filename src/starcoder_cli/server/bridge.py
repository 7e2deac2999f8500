"""Run generation in a thread and stream its chunks to an event loop."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import closing
from typing import TypeAlias

import anyio

from starcoder_cli.model import Model, Question, Sampling
from starcoder_cli.stream import Chunk, Stream, closing_source

OpenStream: TypeAlias = Callable[[Callable[[], bool]], Stream]
"""Starts an answer; its argument is a callable that says whether the client has gone."""


async def stream_in_thread(
    open_stream: OpenStream, executor: Executor
) -> AsyncGenerator[Chunk, None]:
    """Stream the chunks of an answer made in a thread; stopping early ends the thread too.

    It waits for the thread: the slot is not free while the model is still working.
    """
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[Chunk | None]()
    abandoned = threading.Event()

    def produce() -> None:
        try:
            with closing(open_stream(abandoned.is_set)) as stream:
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


class AbandonableModel:
    """A model whose answers stop at the next step once nobody is waiting for them."""

    def __init__(self, model: Model, is_abandoned: Callable[[], bool]) -> None:
        self._model, self._is_abandoned = model, is_abandoned
        self.engine, self.window, self.spells = model.engine, model.window, model.spells
        self.chat_template = model.chat_template
        self.count, self.has_token, self.close = model.count, model.has_token, model.close

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """The model's answer, cut short once it is abandoned."""
        with closing_source(self._model.stream(question, sampling)) as chunks:
            for chunk in chunks:
                if self._is_abandoned():
                    return
                yield chunk

"""Run only the latest work: earlier work is cancelled at once."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Generic, TypeVar

from starcoder_cli.net.cancellation import AbandonedError, Cancellation

Result = TypeVar("Result")


async def run_in_thread(
    call: Callable[[Cancellation], Result], executor: Executor, seconds: float | None = None
) -> Result:
    """Run a call in a thread; when the caller stops waiting, what it waits for is cancelled.

    Raises TimeoutError after `seconds`, and whatever the call raises.
    """
    cancellation = Cancellation()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            return await loop.run_in_executor(executor, call, cancellation)
    except AbandonedError:
        raise asyncio.CancelledError from None
    finally:
        cancellation.cancel()


class Latest(Generic[Result]):
    """Runs one piece of work at a time; its caller gets None if other work has replaced it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Result] | None = None
        self._topic = ""

    async def run(self, topic: str, work: Coroutine[Any, Any, Result]) -> Result | None:
        """Run some work and return its result; None if it was abandoned for other work.

        Cancelling the caller cancels the work too.
        """
        self.give_up()
        task = self._task = asyncio.ensure_future(work)
        self._topic = topic
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            raise
        return None if task.cancelled() else task.result()

    def give_up(self, topic: str | None = None) -> None:
        """Cancel the current work if it is about a topic; without a topic always."""
        if self._task and topic in (None, self._topic):
            self._task.cancel()

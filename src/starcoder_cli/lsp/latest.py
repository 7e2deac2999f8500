"""Work of which only the latest is wanted: what was begun before is given up at once."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Generic, TypeVar

from starcoder_cli.net.cancellation import AbandonedError, Cancellation

Result = TypeVar("Result")


async def run_in_thread(
    call: Callable[[Cancellation], Result], executor: Executor, seconds: float | None = None
) -> Result:
    """What a call in a thread returns; once nobody waits for it, what it waits for breaks off.

    Raises TimeoutError after so many seconds, and what the call raises.
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
    """Runs one thing at a time for its caller, who gets None for one that another has replaced."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Result] | None = None
        self._topic = ""

    async def run(self, topic: str, work: Coroutine[Any, Any, Result]) -> Result | None:
        """What some work results in; None where it was given up for other work.

        Where its caller is cancelled so is the work.
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
        """End the work that is being done, where it is about a topic; without one in any case."""
        if self._task and topic in (None, self._topic):
            self._task.cancel()

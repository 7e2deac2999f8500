"""Work of which the latest counts, and calls in threads that nobody waits for any more."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from starcoder_cli.lsp.latest import Latest, run_in_thread
from starcoder_cli.net.cancellation import Cancellation


async def forever() -> str:
    """Work that never ends by itself."""
    await asyncio.Event().wait()
    return "never"


async def soon(text: str) -> str:
    """Work that ends."""
    await asyncio.sleep(0)
    return text


def test_only_the_latest_work_has_a_result() -> None:
    async def session() -> None:
        latest: Latest[str] = Latest()
        first = asyncio.ensure_future(latest.run("a", forever()))
        second = asyncio.ensure_future(latest.run("a", forever()))
        await asyncio.sleep(0)
        assert await latest.run("b", soon("c")) == "c"
        assert (await first, await second) == (None, None)

    asyncio.run(session())


def test_work_about_one_thing_is_given_up_alone() -> None:
    async def session() -> None:
        latest: Latest[str] = Latest()
        asked = asyncio.ensure_future(latest.run("a", soon("c")))
        await asyncio.sleep(0)
        latest.give_up("b")
        assert await asked == "c"
        asked = asyncio.ensure_future(latest.run("a", forever()))
        await asyncio.sleep(0)
        latest.give_up("a")
        assert await asked is None

    asyncio.run(session())


def test_work_ends_with_its_caller() -> None:
    async def session() -> None:
        latest: Latest[str] = Latest()
        work = asyncio.ensure_future(forever())

        async def wrapped() -> str:
            return await work

        asked = asyncio.ensure_future(latest.run("a", wrapped()))
        await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await asyncio.wait([work])
        assert work.cancelled()

    asyncio.run(session())


def test_an_error_is_the_callers() -> None:
    async def wrong() -> str:
        raise KeyError("a")

    with pytest.raises(KeyError):
        asyncio.run(Latest[str]().run("a", wrong()))


def wait_until_cancelled(cancellation: Cancellation, ended: threading.Event) -> None:
    """What a thread does with a model: it looks whether it is still wanted, step by step."""
    try:
        while True:
            cancellation.check()
            threading.Event().wait(0.005)
    finally:
        ended.set()


def test_a_thread_ends_once_nobody_waits_for_it() -> None:
    ended = threading.Event()

    async def session() -> None:
        call = asyncio.ensure_future(
            run_in_thread(lambda cancellation: wait_until_cancelled(cancellation, ended), pool)
        )
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(session())
        assert ended.wait(60)


def test_a_thread_has_its_time() -> None:
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(TimeoutError):
            asyncio.run(
                run_in_thread(
                    lambda cancellation: wait_until_cancelled(cancellation, ended), pool, 0.02
                )
            )
        assert ended.wait(60)
        assert asyncio.run(run_in_thread(lambda cancellation: 3, pool, 60.0)) == 3

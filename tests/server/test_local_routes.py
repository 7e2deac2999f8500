"""Answers on their way out of the server: where they are left, and what becomes of errors."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from starcoder_cli.errors import BusyError, DataError
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.net.sockets import listen
from starcoder_cli.server import timeouts
from starcoder_cli.server.bridge import chunks
from starcoder_cli.server.http_server import Beside
from starcoder_cli.server.local_routes import Routes
from starcoder_cli.server.model_pool import QUEUE, SLOTS, Held, Holding
from starcoder_cli.server.process import configuration
from starcoder_cli.server.timeouts import Timed
from starcoder_cli.stream import Chunk, Stream
from starcoder_cli.wire import local_protocol

PROMPT, SAMPLING = Prompt(("a",)), Sampling(100)


class Slow:
    """A model that makes a token in a hundredth of a second, and fails at the `broken` one."""

    engine = "llamacpp"
    chat_template = ""
    window = 512

    def __init__(self, broken: int = -1) -> None:
        self.made = 0
        self.ended = threading.Event()
        self._broken = broken

    def stream(self, prompt: Prompt, sampling: Sampling) -> Stream:
        """Tokens."""
        try:
            for number in range(sampling.max_tokens):
                if number == self._broken:
                    raise DataError("the model computes no numbers")
                self.made += 1
                yield Chunk("a")
                time.sleep(0.01)
        finally:
            self.ended.set()

    def count(self, text: str) -> int:
        """One for each character."""
        return len(text)

    def token(self, text: str) -> int | None:
        """None."""
        return None

    def close(self) -> None:
        """Nothing."""


def held(model: Slow) -> Held:
    """The model, as the server holds it."""
    return Held("m#1", (), "m", model, 0, asyncio.Semaphore(SLOTS), [], 512)


def test_who_leaves_at_the_third_token_stops_the_model_within_two() -> None:
    model = Slow()

    async def leave() -> None:
        with ThreadPoolExecutor(2) as pool:
            answer = chunks(lambda: model.stream(PROMPT, SAMPLING), pool)
            for _ in range(3):
                await anext(answer)
            await answer.aclose()
            assert model.ended.is_set()

    asyncio.run(leave())
    assert 3 <= model.made <= 5


def asked(model: Held) -> list[bytes]:
    """The events of an answer."""

    async def ask() -> list[bytes]:
        with ThreadPoolExecutor(2) as pool:
            holding = Holding(pool)
            holding._held[model.id] = model
            routes = Routes(holding, pool, lambda: None)
            writer = local_protocol.Writer({}, False)
            return [event async for event in routes._events(model, PROMPT, SAMPLING, writer)]

    return asyncio.run(ask())


def test_a_model_that_fails_says_so_at_once() -> None:
    *texts, last = asked(held(Slow(broken=4)))
    assert len(texts) == 4
    with pytest.raises(DataError, match="computes no numbers"):
        local_protocol.Reader().read(local_protocol.decode(last.removeprefix(b"data: ")))


def test_a_connection_that_asks_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose answer takes longer than it may ask for is not."""
    monkeypatch.setattr(timeouts, "READ_SECONDS", 0.3)

    async def ask(path: Path, data: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(data)
        with closing(writer):
            return await asyncio.wait_for(reader.read(), 20)

    async def test(path: Path) -> list[bytes]:
        with ThreadPoolExecutor(4) as pool, closing(listen(path)) as listener:
            holding = Holding(pool)
            holding._held["m#1"] = held(Slow())
            routes = Routes(holding, pool, lambda: None)
            server = Beside(configuration(routes.app(), Timed))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            question = local_protocol.encode(local_protocol.asked("m#1", PROMPT, SAMPLING))
            head = "POST /v1/completions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            whole = f"{head}Content-Length: {len(question)}\r\n\r\n".encode() + question
            answers = await asyncio.gather(ask(path, b""), ask(path, whole[:-1]), ask(path, whole))
            server.should_exit = True
            await serving
            return list(answers)

    with TemporaryDirectory(dir="/tmp") as name:
        idle, half, whole = asyncio.run(test(Path(name) / "s"))
    assert (idle, half) == (b"", b"")
    assert b"[DONE]" in whole


def test_one_more_than_may_wait_is_told_to_try_again() -> None:
    full = held(Slow())
    full.busy = SLOTS + QUEUE
    (event,) = asked(full)
    with pytest.raises(BusyError) as raised:
        local_protocol.Reader().read(local_protocol.decode(event.removeprefix(b"data: ")))
    assert raised.value.exit_code == 75

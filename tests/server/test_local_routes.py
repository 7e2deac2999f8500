"""Answers on their way out of the server: what becomes of errors."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from starcoder_cli.errors import BusyError, DataError
from starcoder_cli.model import SPELLS_NOTHING, Prompt, Question, Sampling
from starcoder_cli.server.local_routes import LocalApi
from starcoder_cli.server.model_pool import MAX_QUEUED_ANSWERS, MAX_SLOTS, ModelPool, PooledModel
from starcoder_cli.stream import Chunk, Stream
from starcoder_cli.wire import local_protocol

PROMPT, SAMPLING = Prompt(("a",)), Sampling(100)


class Slow:
    """A model that makes a token in a hundredth of a second, and fails at the `broken` one."""

    engine = "llamacpp"
    chat_template = ""
    spells = SPELLS_NOTHING
    window = 512

    def __init__(self, broken: int = -1) -> None:
        self.made = 0
        self.ended = threading.Event()
        self._broken = broken

    def stream(self, question: Question, sampling: Sampling) -> Stream:
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

    def has_token(self, text: str) -> bool:
        """None."""
        return False

    def close(self) -> None:
        """Nothing."""


def held(model: Slow) -> PooledModel:
    """The model, as the server holds it."""
    return PooledModel("m#1", (), "m", model, 0, asyncio.Semaphore(MAX_SLOTS), MAX_SLOTS, [], 512)


def asked(model: PooledModel) -> list[bytes]:
    """The events of an answer."""

    async def ask() -> list[bytes]:
        with ThreadPoolExecutor(2) as pool:
            holding = ModelPool(pool)
            holding._loaded[model.id] = model
            routes = LocalApi(holding, pool, lambda: None)
            writer = local_protocol.ChunkEncoder({}, False)
            return [event async for event in routes._stream_events(model, PROMPT, SAMPLING, writer)]

    return asyncio.run(ask())


def test_a_model_that_fails_says_so_at_once() -> None:
    *texts, last = asked(held(Slow(broken=4)))
    assert len(texts) == 4
    with pytest.raises(DataError, match="computes no numbers"):
        local_protocol.ChunkDecoder().decode(
            local_protocol.decode_json(last.removeprefix(b"data: "))
        )


def test_one_more_than_may_wait_is_told_to_try_again() -> None:
    full = held(Slow())
    full.pending_answers = MAX_SLOTS + MAX_QUEUED_ANSWERS
    (event,) = asked(full)
    with pytest.raises(BusyError) as raised:
        local_protocol.ChunkDecoder().decode(
            local_protocol.decode_json(event.removeprefix(b"data: "))
        )
    assert raised.value.exit_code == 75

"""The routes of the server: what is asked comes in as JSON, what is answered goes out so."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from functools import partial
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from starcoder_cli.errors import RefusedError, StarcoderError
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.net.daemon import PROGRAM
from starcoder_cli.server.bridge import chunks
from starcoder_cli.server.model_pool import Held, Holding
from starcoder_cli.wire import local_protocol
from starcoder_cli.wire.errors import STATUS

MOST_BYTES = 64 << 20
"""Bytes of a request: what a client may have read is far less."""

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]


class Routes:
    """What the server answers, with the models that it holds."""

    def __init__(self, holding: Holding, pool: Executor, leave: Callable[[], None]) -> None:
        """`leave` makes the server end after the answers that it is making."""
        self._holding = holding
        self._pool = pool
        self._leave = leave
        self._numbers = itertools.count(1)
        self.used = time.monotonic()

    def app(self) -> Starlette:
        """The application."""
        routes: list[tuple[str, str, Answer]] = [
            ("GET", "/health", self.health),
            ("GET", "/models", self.models),
            ("POST", "/open", self.open),
            ("POST", "/tokenize", self.tokenize),
            ("POST", "/v1/completions", self.completions),
            ("POST", "/stop", self.stop),
        ]
        return Starlette(
            routes=[
                Route(path, failing(answer), methods=[method]) for method, path, answer in routes
            ]
        )

    async def health(self, request: Request) -> Response:
        """That the server is there, and of which installation."""
        return reply(local_protocol.encode({"program": PROGRAM}))

    async def models(self, request: Request) -> Response:
        """The models that are held."""
        now = time.monotonic()
        held = [vars(each.running(now)) for each in self._holding]
        return reply(local_protocol.encode({"models": held}))

    async def open(self, request: Request) -> Response:
        """Load a model, or keep one that is."""
        self.used = time.monotonic()
        opening = local_protocol.opening_of(await body(request))
        return reply(local_protocol.encode(await self._holding.open(opening)))

    async def tokenize(self, request: Request) -> Response:
        """How many tokens a text has, and which control token it is, if it is one."""
        asked = await body(request)
        with local_protocol.expected("request"):
            held, text = self._holding.get(str(asked["model"])), str(asked["text"])
        loop = asyncio.get_running_loop()
        with self._holding.keeping(held):
            count = await loop.run_in_executor(self._pool, held.model.count, text)
            token = await loop.run_in_executor(self._pool, held.model.token, text)
        return reply(local_protocol.encode({"count": count, "token": token}))

    async def completions(self, request: Request) -> Response:
        """The answer to a prompt, as events."""
        name, prompt, sampling = local_protocol.question_of(await body(request))
        held = self._holding.get(name)
        number = f"cmpl-{next(self._numbers)}"
        head = {"id": number, "object": "text_completion", "model": held.name}
        events = self._events(
            held, prompt, sampling, local_protocol.Writer(head, sampling.logprobs)
        )
        return StreamingResponse(events, media_type="text/event-stream")

    async def stop(self, request: Request) -> Response:
        """End the server."""
        self._leave()
        return reply(local_protocol.encode({"stopping": True}))

    async def _events(
        self, held: Held, prompt: Prompt, sampling: Sampling, writer: local_protocol.Writer
    ) -> AsyncIterator[bytes]:
        """The events of an answer; an error is the last one."""
        try:
            async with self._holding.turn(held):
                make = partial(held.model.stream, prompt, sampling)
                async with aclosing(chunks(make, self._pool)) as made:
                    async for chunk in made:
                        yield writer.write(chunk)
            yield local_protocol.DONE
        except StarcoderError as error:
            yield local_protocol.event(local_protocol.error_record(error))
        finally:
            self.used = time.monotonic()


def failing(answer: Answer) -> Answer:
    """An answer whose errors are answers too; what is in a prompt is in none of them."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except StarcoderError as error:
            return reply(
                local_protocol.encode(local_protocol.error_record(error)),
                STATUS.get(error.exit_code, 500),
            )
        except Exception as error:  # a bug: the client hears of it, and the server goes on
            told = StarcoderError(f"this is a bug in the server: {type(error).__name__}: {error}")
            return reply(local_protocol.encode(local_protocol.error_record(told)), 500)

    return answered


def reply(data: bytes, status: int = 200) -> Response:
    """JSON as it goes out."""
    return Response(data, status, {"X-Content-Type-Options": "nosniff"}, "application/json")


async def body(request: Request) -> dict[str, object]:
    """The JSON object in a request; RefusedError for one that is too large."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MOST_BYTES:
            raise RefusedError("the request is too large", "ask for less at once")
    return dict(local_protocol.decode(bytes(data)))

"""The routes of the HTTP API: OpenAI's completions and chat, llama.cpp's infill, and what is told
about the server itself.

The models are fixed when it starts. None is loaded by a path or a name that a client gives.
"""

import asyncio
import os
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Mapping,
    Sequence,
)
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive

from starcoder_cli.candidates.ranking import draws
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.files.source import Hole
from starcoder_cli.model import Sampling
from starcoder_cli.server.bridge import chunks
from starcoder_cli.server.completions import Question, pose
from starcoder_cli.server.metrics import CONTENT_TYPE, GONE, Metrics
from starcoder_cli.server.model_pool import Held, Holding
from starcoder_cli.stream import Chunk
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.local_protocol import WAITING, Opening, encode, event
from starcoder_cli.wire.requests import Asked, chat_of, completion_of, infill_of
from starcoder_cli.wire.responses import (
    ChatStyle,
    Choice,
    CompletionStyle,
    Head,
    InfillStyle,
    Style,
    Usage,
    model_record,
    models_record,
    piece,
)

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Offer:
    """A model that clients may ask: what they call it, and how it is opened."""

    name: str
    spec: ModelSpec
    opening: Opening


@dataclass(frozen=True)
class Turn:
    """A question to a model, and how its answer is spelled."""

    asked: Asked
    offer: Offer
    held: Held
    question: Question
    style: Style
    head: Head


class Api:
    """What the HTTP API answers, with the models that are offered; the first is the usual one."""

    def __init__(
        self, holding: Holding, pool: Executor, offers: Sequence[Offer], metrics: Metrics
    ) -> None:
        self._holding = holding
        self._pool = pool
        self._offers: Mapping[str, Offer] = {offer.name: offer for offer in offers}
        self._usual = offers[0]
        self._ids: dict[str, str] = {}
        self._metrics = metrics
        self._created = int(time.time())

    def app(self) -> Starlette:
        """The application, which nothing guards yet."""
        styled: Mapping[str, tuple[Callable[[bytes], Asked], Style]] = {
            "/v1/completions": (completion_of, CompletionStyle()),
            "/v1/chat/completions": (chat_of, ChatStyle()),
            "/infill": (infill_of, InfillStyle()),
        }
        routes: list[tuple[str, str, Answer]] = [
            ("GET", "/health", self.health),
            ("GET", "/metrics", self.metrics),
            ("GET", "/v1/models", self.models),
            ("GET", "/v1/models/{name:path}", self.model),
            *(("POST", path, partial(self.answer, *how)) for path, how in styled.items()),
        ]
        app = Starlette(
            routes=[
                Route(path, failing(answer), methods=[method]) for method, path, answer in routes
            ],
            exception_handlers={HTTPException: no_route},
        )
        app.router.redirect_slashes = False
        return app

    async def load(self) -> None:
        """Load every model that is offered."""
        for offer in self._offers.values():
            await self.held(offer)

    async def health(self, request: Request) -> Response:
        """That the server is there."""
        return reply({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """What it has done."""
        return Response(self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def models(self, request: Request) -> Response:
        """The models that may be asked."""
        return reply(models_record(list(self._offers), self._created))

    async def model(self, request: Request) -> Response:
        """One of them."""
        offer = self.offer(request.path_params["name"])
        return reply(model_record(offer.name, self._created))

    async def answer(
        self, read: Callable[[bytes], Asked], style: Style, request: Request
    ) -> Response:
        """The answer to a question, whole or as events."""
        asked = read(await request.body())
        turn = await self.turn(asked, style)
        if asked.stream:
            return StreamingResponse(self.events(turn), media_type="text/event-stream")
        return await unless_gone(request.receive, self.whole(turn))

    async def turn(self, asked: Asked, style: Style) -> Turn:
        """A question to the model that is asked for; raises what is wrong with it."""
        offer = self.offer(asked.model or self._usual.name)
        held, question = await self.posed(offer, asked)
        head = Head(f"cmpl-{os.urandom(12).hex()}", offer.name, int(time.time()))
        return Turn(asked, offer, held, question, style, head)

    async def posed(self, offer: Offer, asked: Asked) -> tuple[Held, Question]:
        """A model as it is held, and a question to it."""
        held = await self.held(offer)
        if held.full:
            raise ApiError(429, "too many answers are wanted at once", code="queue_full")
        loop = asyncio.get_running_loop()
        with self._holding.keeping(held):
            question = await loop.run_in_executor(self._pool, pose, held.model, offer.spec, asked)
        return held, question

    def offer(self, name: str) -> Offer:
        """The model of a name; ApiError where it is not offered."""
        if name not in self._offers:
            raise ApiError(404, "there is no such model here", "model", "model_not_found")
        return self._offers[name]

    async def held(self, offer: Offer) -> Held:
        """A model as it is held; loaded anew where it had to make room for another."""
        known = self._ids.get(offer.name)
        found = next((held for held in self._holding if held.id == known), None)
        if found:
            return found
        opened = await self._holding.open(offer.opening)
        self._ids[offer.name] = opened.id
        return self._holding.get(opened.id)

    async def whole(self, turn: Turn) -> Response:
        """An answer as one object."""
        logprobs = () if turn.asked.sampling.logprobs else None
        choices = [Choice(index, logprobs=logprobs) for index in range(turn.asked.n)]
        usage = Usage(cut=turn.question.cut)
        async with aclosing(self.pieces(turn)) as pieces:
            async for index, chunk in pieces:
                choices[index], usage = choices[index].more(chunk), usage.more(chunk)
        return reply(turn.style.whole(turn.head, choices, usage))

    async def events(self, turn: Turn) -> AsyncIterator[bytes]:
        """An answer as events; an error is the last one."""
        usage, begun = Usage(cut=turn.question.cut), set[int]()
        logprobs = turn.asked.sampling.logprobs
        try:
            async with aclosing(self.pieces(turn)) as pieces:
                async for index, chunk in pieces:
                    usage = usage.more(chunk)
                    if not chunk.text and not chunk.reason and index in begun:
                        yield WAITING
                        continue
                    choice = piece(index, chunk, logprobs, index not in begun)
                    begun.add(index)
                    yield event(turn.style.part(turn.head, choice, usage))
            if turn.asked.with_usage:
                yield event(turn.style.last(turn.head, usage))
            yield turn.style.done
        except Exception as error:  # a bug too: the head of the answer is out already
            yield event(ApiError.of(error).record())

    async def pieces(self, turn: Turn) -> AsyncGenerator[tuple[int, Chunk], None]:
        """The chunks of all answers to a question, one answer after the other, each with its index.

        They take one turn: the prompt is read once. A model that had to make room for another since
        it was asked is loaded again.
        """
        held, question = turn.held, turn.question
        while held not in self._holding:
            held, question = await self.posed(turn.offer, turn.asked)
        subject = turn.asked.subject
        echoed = subject.prefix if turn.asked.echo and isinstance(subject, Hole) else ""
        async with self._holding.turn(held):
            for index, sampling in enumerate(drawn(turn.asked)):
                read = 0
                if echoed:
                    yield index, Chunk(echoed, 0)
                answer = partial(question.answer, sampling)
                async with aclosing(chunks(answer, self._pool)) as made:
                    async for chunk in made:
                        self._metrics.read(max(chunk.prompt_tokens - read, 0))
                        read = max(chunk.prompt_tokens, read)
                        self._metrics.wrote(chunk)
                        yield index, chunk


def drawn(asked: Asked) -> list[Sampling]:
    """How each answer is drawn: by chance from a seed that is new unless the client gave one."""
    sampling = asked.sampling
    if sampling.seed is None and (asked.n > 1 or sampling.temperature):
        sampling = replace(sampling, seed=int.from_bytes(os.urandom(4), "big") >> 1)
    return [replace(each, logprobs=sampling.logprobs) for each in draws(sampling, asked.n)]


def failing(answer: Answer) -> Answer:
    """An answer whose errors are answers too."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except Exception as error:  # a bug too: the client hears of it, and the server goes on
            return failed(ApiError.of(error))

    return answered


def failed(error: ApiError) -> Response:
    """An error as an answer."""
    return reply(error.record(), error.status, error.headers())


def no_route(request: Request, error: Exception) -> Response:
    """The answer where there is no such route, or not with this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return failed(ApiError(status, HTTPStatus(status).phrase.lower(), code="no_such_route"))


def reply(
    record: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON as it goes out."""
    return Response(encode(record), status, headers, "application/json")


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, Response]) -> Response:
    """What the work gives; where the client leaves before, the work ends too."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else Response(status_code=GONE)
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait({working, leaving})


async def left(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass

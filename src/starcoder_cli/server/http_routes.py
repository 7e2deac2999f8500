"""The routes of the HTTP API: OpenAI's completions and chat, llama.cpp's infill, and others.

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

from starcoder_cli.candidates.ranking import sampling_schedule
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.model import Hole, Sampling
from starcoder_cli.server.bridge import stream_in_thread
from starcoder_cli.server.completions import CompletionPlan, plan_completion
from starcoder_cli.server.metrics import CLIENT_CLOSED_REQUEST, METRICS_CONTENT_TYPE, Metrics
from starcoder_cli.server.model_pool import ModelPool, PooledModel
from starcoder_cli.stream import Chunk
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.local_protocol import HEARTBEAT, LoadRequest, encode_event, encode_json
from starcoder_cli.wire.requests import CompletionRequest, read_chat, read_completion, read_infill
from starcoder_cli.wire.responses import (
    ChatStyle,
    Choice,
    CompletionStyle,
    InfillStyle,
    ResponseInfo,
    ResponseStyle,
    Usage,
    choice_from_chunk,
    model_list_record,
    model_record,
)

ApiHandler: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class ModelOffer:
    """A model that clients may ask: what they call it, and how it is loaded."""

    name: str
    spec: ModelSpec
    load_request: LoadRequest


@dataclass(frozen=True)
class CompletionJob:
    """A request to a loaded model, what the model is asked for it, and the form of the response."""

    request: CompletionRequest
    offer: ModelOffer
    loaded: PooledModel
    plan: CompletionPlan
    style: ResponseStyle
    info: ResponseInfo


class HttpApi:
    """The HTTP API with the models that are offered; the first is the default."""

    def __init__(
        self, models: ModelPool, executor: Executor, offers: Sequence[ModelOffer], metrics: Metrics
    ) -> None:
        self._models = models
        self._executor = executor
        self._offers: Mapping[str, ModelOffer] = {offer.name: offer for offer in offers}
        self._default = offers[0]
        self._loaded_ids: dict[str, str] = {}
        self._metrics = metrics
        self._created = int(time.time())

    def build_app(self) -> Starlette:
        """The application, which nothing guards yet."""
        completions: Mapping[str, tuple[Callable[[bytes], CompletionRequest], ResponseStyle]] = {
            "/v1/completions": (read_completion, CompletionStyle()),
            "/v1/chat/completions": (read_chat, ChatStyle()),
            "/infill": (read_infill, InfillStyle()),
        }
        routes: list[tuple[str, str, ApiHandler]] = [
            ("GET", "/health", self.get_health),
            ("GET", "/metrics", self.get_metrics),
            ("GET", "/v1/models", self.list_models),
            ("GET", "/v1/models/{name:path}", self.get_model),
            *(("POST", path, partial(self.complete, *args)) for path, args in completions.items()),
        ]
        app = Starlette(
            routes=[
                Route(path, handle_api_errors(handler), methods=[method])
                for method, path, handler in routes
            ],
            exception_handlers={HTTPException: no_route_response},
        )
        app.router.redirect_slashes = False
        return app

    async def load_models(self) -> None:
        """Load every model that is offered."""
        for offer in self._offers.values():
            await self.get_loaded(offer)

    async def get_health(self, request: Request) -> Response:
        """That the server is there."""
        return api_response({"status": "ok"})

    async def get_metrics(self, request: Request) -> Response:
        """What it has done."""
        return Response(self._metrics.to_text(), headers={"Content-Type": METRICS_CONTENT_TYPE})

    async def list_models(self, request: Request) -> Response:
        """The models that may be asked."""
        return api_response(model_list_record(list(self._offers), self._created))

    async def get_model(self, request: Request) -> Response:
        """One of them."""
        offer = self.find_offer(request.path_params["name"])
        return api_response(model_record(offer.name, self._created))

    async def complete(
        self, parse: Callable[[bytes], CompletionRequest], style: ResponseStyle, request: Request
    ) -> Response:
        """The answer to a request, whole or as events."""
        completion_request = parse(await request.body())
        job = await self.create_job(completion_request, style)
        if completion_request.stream:
            return StreamingResponse(self.stream_events(job), media_type="text/event-stream")
        return await cancel_on_disconnect(request.receive, self.build_response(job))

    async def create_job(self, request: CompletionRequest, style: ResponseStyle) -> CompletionJob:
        """The job for a request to the model that it names; raises what is wrong with it."""
        offer = self.find_offer(request.model or self._default.name)
        loaded, plan = await self.planned(offer, request)
        info = ResponseInfo(f"cmpl-{os.urandom(12).hex()}", offer.name, int(time.time()))
        return CompletionJob(request, offer, loaded, plan, style, info)

    async def planned(
        self, offer: ModelOffer, asked: CompletionRequest
    ) -> tuple[PooledModel, CompletionPlan]:
        """A loaded model, and what it is asked for a request."""
        held = await self.get_loaded(offer)
        if held.is_full:
            raise ApiError(429, "too many answers are wanted at once", code="queue_full")
        loop = asyncio.get_running_loop()
        with self._models.pinned(held):
            work = partial(plan_completion, held.model, offer.spec, asked)
            plan = await loop.run_in_executor(self._executor, work)
        return held, plan

    def find_offer(self, name: str) -> ModelOffer:
        """The model of a name; ApiError where it is not offered."""
        if name not in self._offers:
            raise ApiError(404, "there is no such model here", "model", "model_not_found")
        return self._offers[name]

    async def get_loaded(self, offer: ModelOffer) -> PooledModel:
        """A loaded model; loaded anew where it had to make room for another."""
        loaded_id = self._loaded_ids.get(offer.name)
        loaded = next((candidate for candidate in self._models if candidate.id == loaded_id), None)
        if loaded:
            return loaded
        info = await self._models.load(offer.load_request)
        self._loaded_ids[offer.name] = info.id
        return self._models.get(info.id)

    async def build_response(self, job: CompletionJob) -> Response:
        """An answer as one object."""
        logprobs = () if job.request.sampling.logprobs else None
        choices = [Choice(index, logprobs=logprobs) for index in range(job.request.n)]
        usage = Usage(truncated=job.plan.truncated, warnings=job.plan.notes)
        async with aclosing(self.stream_chunks(job)) as chunks:
            async for index, chunk in chunks:
                choices[index], usage = choices[index].with_chunk(chunk), usage.with_chunk(chunk)
        return api_response(job.style.full_record(job.info, choices, usage))

    async def stream_events(self, job: CompletionJob) -> AsyncIterator[bytes]:
        """An answer as events; an error is the last one."""
        usage = Usage(truncated=job.plan.truncated, warnings=job.plan.notes)
        started = set[int]()
        logprobs = job.request.sampling.logprobs
        try:
            async with aclosing(self.stream_chunks(job)) as chunks:
                async for index, chunk in chunks:
                    usage = usage.with_chunk(chunk)
                    said = chunk.text or chunk.reasoning_content or chunk.reason
                    if not said and index in started:
                        yield HEARTBEAT
                        continue
                    choice = choice_from_chunk(index, chunk, logprobs, index not in started)
                    started.add(index)
                    yield encode_event(job.style.chunk_record(job.info, choice, usage))
            if job.request.include_usage:
                yield encode_event(job.style.usage_record(job.info, usage))
            yield job.style.end_event
        except Exception as error:  # a bug too: the head of the answer is out already
            yield encode_event(ApiError.from_exception(error).to_record())

    async def stream_chunks(self, job: CompletionJob) -> AsyncGenerator[tuple[int, Chunk], None]:
        """The chunks of all answers of a job, one answer after the other, each with its index.

        They take one slot: the prompt is read once. A model that had to make room for another since
        it was asked is loaded again.
        """
        loaded, plan = job.loaded, job.plan
        while loaded not in self._models:
            loaded, plan = await self.planned(job.offer, job.request)
        content = job.request.content
        echo = content.prefix if job.request.echo and isinstance(content, Hole) else ""
        async with self._models.slot(loaded):
            for index, sampling in enumerate(choice_samplings(job.request)):
                read_tokens = 0
                if echo:
                    yield index, Chunk(echo, 0)
                open_stream = partial(plan.answer, sampling)
                async with aclosing(stream_in_thread(open_stream, self._executor)) as generated:
                    async for chunk in generated:
                        self._metrics.count_read_tokens(max(chunk.prompt_tokens - read_tokens, 0))
                        read_tokens = max(chunk.prompt_tokens, read_tokens)
                        self._metrics.count_written_tokens(chunk)
                        yield index, chunk


def choice_samplings(request: CompletionRequest) -> list[Sampling]:
    """The sampling of each answer: from a seed that is new unless the client gave one."""
    sampling = request.sampling
    if sampling.seed is None and (request.n > 1 or sampling.temperature):
        sampling = replace(sampling, seed=int.from_bytes(os.urandom(4), "big") >> 1)
    return [
        replace(each, logprobs=sampling.logprobs) for each in sampling_schedule(sampling, request.n)
    ]


def handle_api_errors(handler: ApiHandler) -> ApiHandler:
    """A handler whose errors become responses."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:  # a bug too: the client hears of it, and the server goes on
            return error_response(ApiError.from_exception(error))

    return handle


def error_response(error: ApiError) -> Response:
    """An error as a response."""
    return api_response(error.to_record(), error.status, error.headers())


def no_route_response(request: Request, error: Exception) -> Response:
    """The response where there is no such route, or not with this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return error_response(ApiError(status, HTTPStatus(status).phrase.lower(), code="no_such_route"))


def api_response(
    record: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response."""
    return Response(encode_json(record), status, headers, "application/json")


async def cancel_on_disconnect(receive: Receive, work: Coroutine[Any, Any, Response]) -> Response:
    """The response that the work gives; where the client leaves before, the work ends too."""
    response, leaving = asyncio.ensure_future(work), asyncio.ensure_future(wait_disconnect(receive))
    try:
        await asyncio.wait({response, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return await response if response.done() else Response(status_code=CLIENT_CLOSED_REQUEST)
    finally:
        for task in (response, leaving):
            task.cancel()
        await asyncio.wait({response, leaving})


async def wait_disconnect(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass

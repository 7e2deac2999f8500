"""HTTP API answers: from a request to a response, whole or as events."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive

from starcoder_cli.candidates.ranking import sampling_schedule
from starcoder_cli.model import Hole, Sampling, Tokenizing
from starcoder_cli.server.bridge import OpenStream, stream_in_thread
from starcoder_cli.server.completions import CompletionPlan, plan_completion
from starcoder_cli.server.metrics import CLIENT_CLOSED_REQUEST, Metrics
from starcoder_cli.server.model_pool import PooledModel
from starcoder_cli.server.offers import ModelOffer, ModelOffers
from starcoder_cli.stream import Chunk
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.llamacpp_responses import select_fields
from starcoder_cli.wire.local_protocol import HEARTBEAT, encode_event, encode_json
from starcoder_cli.wire.requests import CompletionRequest
from starcoder_cli.wire.responses import (
    Choice,
    ResponseInfo,
    ResponseStyle,
    Usage,
    choice_from_chunk,
)


@dataclass(frozen=True)
class CompletionJob:
    """A request to a loaded model, the plan for each of its contents, and the response format.

    Answers are numbered consecutively: `n` for the first content, then `n` for the next.
    """

    request: CompletionRequest
    offer: ModelOffer
    loaded: PooledModel
    plans: tuple[CompletionPlan, ...]
    style: ResponseStyle
    info: ResponseInfo

    @property
    def usage(self) -> Usage:
        """The usage before anything has been read."""
        notes = (note for plan in self.plans for note in plan.notes)
        warnings = tuple(dict.fromkeys((*self.request.warnings, *notes)))
        return Usage(truncated=any(plan.truncated for plan in self.plans), warnings=warnings)

    def first_choices(self) -> list[Choice]:
        """The answers before any text has arrived."""
        logprobs = () if self.request.sampling.logprobs else None
        count = len(self.plans) * self.request.n
        return [Choice(index, logprobs=logprobs, is_first=True) for index in range(count)]


@dataclass(frozen=True)
class HttpAnswers:
    """Answers requests with the models on offer."""

    offers: ModelOffers
    executor: Executor
    metrics: Metrics

    async def respond(
        self, request: CompletionRequest, style: ResponseStyle, receive: Receive
    ) -> Response:
        """Respond to a request; stops working if the client disconnects first.

        The headers of a stream go out with its first event, so that an earlier error gets its own
        status.
        """
        job = await self.create_job(request, style)
        work = self.begin_stream(job) if request.stream else self.build_response(job)
        return await cancel_on_disconnect(receive, work)

    async def create_job(self, request: CompletionRequest, style: ResponseStyle) -> CompletionJob:
        """Create the job for a request to the model it names; raises whatever is wrong with it."""
        offer = self.offers.choose(request.model)
        loaded, plans = await self.plan(offer, request)
        info = ResponseInfo(
            f"{style.id_prefix}{os.urandom(12).hex()}",
            offer.name,
            int(time.time()),
            request.stream and request.include_usage,
        )
        return CompletionJob(request, offer, loaded, plans, style, info)

    async def plan(
        self, offer: ModelOffer, request: CompletionRequest
    ) -> tuple[PooledModel, tuple[CompletionPlan, ...]]:
        """Load a model and plan what to ask it for each content of a request."""
        loaded = await self.offers.load(offer)
        if loaded.is_full:
            raise ApiError(429, "too many answers are wanted at once", code="queue_full")
        work = partial(plan_completion, loaded.model, offer.spec, request)
        with self.offers.pool.pinned(loaded):
            plans = await asyncio.get_running_loop().run_in_executor(self.executor, work)
        return loaded, plans

    async def tokenize(self, text: str) -> Mapping[str, object]:
        """The tokens of a text, according to the default model."""
        loaded = await self.offers.load(self.offers.choose(""))
        model = loaded.model
        if not isinstance(model, Tokenizing):
            raise ApiError(501, f"{model.engine} cannot return tokens", code="not_supported")
        with self.offers.pool.pinned(loaded):
            loop = asyncio.get_running_loop()
            tokens = await loop.run_in_executor(self.executor, model.tokenize, text)
        return {"tokens": tokens}

    async def build_response(self, job: CompletionJob) -> Response:
        """Build the whole answer as one object."""
        choices, usage, begin = job.first_choices(), job.usage, time.monotonic()
        async with aclosing(self.stream_chunks(job)) as chunks:
            async for index, chunk in chunks:
                choices[index] = choices[index].with_chunk(chunk)
                usage = usage.with_chunk(chunk, time.monotonic() - begin)
        record = job.style.full_record(job.info, choices, usage)
        names = job.request.response_fields
        if names is not None:
            record = select_from(record, names)
        return api_response(record)

    async def begin_stream(self, job: CompletionJob) -> Response:
        """Start an answer as events once the first is ready; raises any error before it."""
        events = self.stream_events(job)
        first = await anext(events)

        async def all_events() -> AsyncIterator[bytes]:
            async with aclosing(events):
                yield first
                async for event in events:
                    yield event

        return StreamingResponse(all_events(), media_type="text/event-stream")

    async def stream_events(self, job: CompletionJob) -> AsyncGenerator[bytes, None]:
        """Stream an answer as events; an error after the first becomes the last event."""
        choices, usage, begin = job.first_choices(), job.usage, time.monotonic()
        has_begun = False
        try:
            async with aclosing(self.stream_chunks(job)) as chunks:
                async for index, chunk in chunks:
                    usage = usage.with_chunk(chunk, time.monotonic() - begin)
                    whole = choices[index]
                    said = chunk.text or chunk.reasoning_content or chunk.reason
                    if not said and not whole.is_first:
                        yield HEARTBEAT
                        continue
                    piece = choice_from_chunk(index, chunk, whole.logprobs is not None)
                    piece = replace(piece, before=whole.text, is_first=whole.is_first)
                    choices[index] = replace(whole.with_chunk(chunk), is_first=False)
                    has_begun = True
                    yield encode_event(job.style.chunk_record(job.info, piece, usage))
            if job.request.include_usage:
                yield encode_event(job.style.usage_record(job.info, usage))
            yield job.style.end_event
        except Exception as error:  # even for a bug: the headers are already sent
            if not has_begun:
                raise
            yield encode_event(ApiError.from_exception(error).to_record())

    async def stream_chunks(self, job: CompletionJob) -> AsyncGenerator[tuple[int, Chunk], None]:
        """Stream the chunks of all answers of a job, in order, each with its index.

        They share one slot, so the prompt is read once. A model evicted since the request was
        planned is loaded again.
        """
        loaded, plans, request = job.loaded, job.plans, job.request
        while loaded not in self.offers.pool:
            loaded, plans = await self.plan(job.offer, request)
        async with self.offers.pool.slot(loaded):
            for number, (content, plan) in enumerate(zip(request.contents, plans, strict=True)):
                for choice, sampling in enumerate(choice_samplings(request, plan.max_tokens)):
                    index = number * request.n + choice
                    if request.echo and isinstance(content, Hole):
                        yield index, Chunk(content.prefix, 0)
                    open_stream = partial(plan.open_stream, loaded.model, sampling)
                    async with aclosing(self.count_chunks(open_stream)) as chunks:
                        async for chunk in chunks:
                            yield index, chunk

    async def count_chunks(self, open_stream: OpenStream) -> AsyncGenerator[Chunk, None]:
        """Stream the chunks of an answer and count them in the metrics."""
        read_tokens = 0
        async with aclosing(stream_in_thread(open_stream, self.executor)) as generated:
            async for chunk in generated:
                self.metrics.count_read_tokens(max(chunk.prompt_tokens - read_tokens, 0))
                read_tokens = max(chunk.prompt_tokens, read_tokens)
                self.metrics.count_written_tokens(chunk)
                yield chunk


def choice_samplings(request: CompletionRequest, max_tokens: int) -> list[Sampling]:
    """The sampling for each answer; the seed is random unless the client gave one."""
    sampling = replace(request.sampling, max_tokens=max(max_tokens, 1))
    if sampling.seed is None and (request.n > 1 or sampling.temperature):
        sampling = replace(sampling, seed=int.from_bytes(os.urandom(4), "big") >> 1)
    return [
        replace(each, logprobs=sampling.logprobs) for each in sampling_schedule(sampling, request.n)
    ]


def select_from(
    record: Mapping[str, object] | Sequence[Mapping[str, object]], names: Sequence[str]
) -> Mapping[str, object] | Sequence[Mapping[str, object]]:
    """Select the fields a client wants from an answer, or from each of several."""
    if isinstance(record, Mapping):
        return select_fields(record, names)
    return [select_fields(each, names) for each in record]


def api_response(
    record: Mapping[str, object] | Sequence[Mapping[str, object]],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Build a JSON response."""
    return Response(encode_json(record), status, headers, "application/json")


async def cancel_on_disconnect(receive: Receive, work: Coroutine[Any, Any, Response]) -> Response:
    """Await the response from `work`, or cancel it if the client disconnects first."""
    response, leaving = asyncio.ensure_future(work), asyncio.ensure_future(wait_disconnect(receive))
    try:
        await asyncio.wait({response, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return await response if response.done() else Response(status_code=CLIENT_CLOSED_REQUEST)
    finally:
        for task in (response, leaving):
            task.cancel()
        await asyncio.wait({response, leaving})


async def wait_disconnect(receive: Receive) -> None:
    """Wait until the client disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass

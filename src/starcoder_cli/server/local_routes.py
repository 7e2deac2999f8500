"""The routes of the local server: JSON in, JSON or events out."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from starcoder_cli.errors import RefusedError, StarcoderError
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.net.daemon import INSTALLATION_ID
from starcoder_cli.server.bridge import AbandonableModel, stream_in_thread
from starcoder_cli.server.model_pool import ModelPool, PooledModel
from starcoder_cli.stream import Stream
from starcoder_cli.wire import local_protocol
from starcoder_cli.wire.errors import HTTP_STATUS_BY_EXIT_CODE

MAX_LOCAL_REQUEST_BYTES = 64 << 20
"""Maximum bytes of a request, far more than a client may have read."""

LocalHandler: TypeAlias = Callable[[Request], Awaitable[Response]]


class LocalApi:
    """The server's own API for the models it holds."""

    def __init__(
        self, models: ModelPool, executor: Executor, shut_down: Callable[[], None]
    ) -> None:
        """`shut_down` makes the server stop after the answers in progress."""
        self._models = models
        self._executor = executor
        self._shut_down = shut_down
        self._request_numbers = itertools.count(1)
        self.last_used = time.monotonic()

    def build_app(self) -> Starlette:
        """Build the application."""
        routes: list[tuple[str, str, LocalHandler]] = [
            ("GET", "/health", self.get_health),
            ("GET", "/models", self.list_models),
            ("POST", "/open", self.load_model),
            ("POST", "/tokenize", self.tokenize),
            ("POST", "/v1/completions", self.stream_completion),
            ("POST", "/stop", self.stop_server),
        ]
        return Starlette(
            routes=[
                Route(path, handle_local_errors(handler), methods=[method])
                for method, path, handler in routes
            ]
        )

    async def get_health(self, request: Request) -> Response:
        """Report that the server is up, and which installation it belongs to."""
        return local_response(local_protocol.encode_json({"program": INSTALLATION_ID}))

    async def list_models(self, request: Request) -> Response:
        """List the loaded models."""
        now = time.monotonic()
        statuses = [vars(loaded.status(now)) for loaded in self._models]
        return local_response(local_protocol.encode_json({"models": statuses}))

    async def load_model(self, request: Request) -> Response:
        """Load a model, or keep it if it is already loaded."""
        self.last_used = time.monotonic()
        load_request = local_protocol.parse_load_request(await read_local_request(request))
        return local_response(local_protocol.encode_json(await self._models.load(load_request)))

    async def tokenize(self, request: Request) -> Response:
        """Count the tokens of a text, and say whether it is a control token."""
        fields = await read_local_request(request)
        with local_protocol.reject_malformed("request"):
            loaded, text = self._models.get(str(fields["model"])), str(fields["text"])
        loop = asyncio.get_running_loop()
        with self._models.pinned(loaded):
            count = await loop.run_in_executor(self._executor, loaded.model.count, text)
            control = await loop.run_in_executor(self._executor, loaded.model.has_token, text)
        return local_response(local_protocol.encode_json({"count": count, "control": control}))

    async def stream_completion(self, request: Request) -> Response:
        """Stream the answer to a prompt as events."""
        model_id, prompt, sampling = local_protocol.parse_prompt_request(
            await read_local_request(request)
        )
        loaded = self._models.get(model_id)
        completion_id = f"cmpl-{next(self._request_numbers)}"
        common_fields = {"id": completion_id, "object": "text_completion", "model": loaded.name}
        events = self._stream_events(
            loaded, prompt, sampling, local_protocol.ChunkEncoder(common_fields, sampling.logprobs)
        )
        return StreamingResponse(events, media_type="text/event-stream")

    async def stop_server(self, request: Request) -> Response:
        """Stop the server."""
        self._shut_down()
        return local_response(local_protocol.encode_json({"stopping": True}))

    async def _stream_events(
        self,
        loaded: PooledModel,
        prompt: Prompt,
        sampling: Sampling,
        encoder: local_protocol.ChunkEncoder,
    ) -> AsyncIterator[bytes]:
        """Stream the events of an answer; an error becomes the last one."""
        try:
            async with self._models.slot(loaded):

                def open_stream(is_abandoned: Callable[[], bool]) -> Stream:
                    return AbandonableModel(loaded.model, is_abandoned).stream(prompt, sampling)

                async with aclosing(stream_in_thread(open_stream, self._executor)) as generated:
                    async for chunk in generated:
                        yield encoder.encode(chunk)
            yield local_protocol.DONE_EVENT
        except StarcoderError as error:
            yield local_protocol.encode_event(local_protocol.error_record(error))
        finally:
            self.last_used = time.monotonic()


def handle_local_errors(handler: LocalHandler) -> LocalHandler:
    """Wrap a handler so that its errors become responses, which never quote a prompt."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except StarcoderError as error:
            return local_response(
                local_protocol.encode_json(local_protocol.error_record(error)),
                HTTP_STATUS_BY_EXIT_CODE.get(error.exit_code, 500),
            )
        except Exception as error:  # a bug: the client is informed and the server keeps running
            bug = StarcoderError(f"this is a bug in the server: {type(error).__name__}: {error}")
            return local_response(local_protocol.encode_json(local_protocol.error_record(bug)), 500)

    return handle


def local_response(data: bytes, status: int = 200) -> Response:
    """Build a JSON response."""
    return Response(data, status, {"X-Content-Type-Options": "nosniff"}, "application/json")


async def read_local_request(request: Request) -> dict[str, object]:
    """Read the JSON object in a request; raises RefusedError if it is too large."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MAX_LOCAL_REQUEST_BYTES:
            raise RefusedError("the request is too large", "ask for less at once")
    return dict(local_protocol.decode_json(bytes(data)))

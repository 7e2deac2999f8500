"""The routes of the HTTP API: those of OpenAI, of llama.cpp's server, of Mistral and of TGI."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from http import HTTPStatus
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from starcoder_cli.server.http_answers import HttpAnswers, api_response
from starcoder_cli.server.metrics import METRICS_CONTENT_TYPE, Metrics
from starcoder_cli.server.middleware import PUBLIC_ROUTES
from starcoder_cli.server.model_pool import ModelPool
from starcoder_cli.server.offers import ModelOffer, ModelOffers
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.llamacpp_requests import (
    read_infill,
    read_llama_completion,
    read_tokenize,
)
from starcoder_cli.wire.llamacpp_responses import InfillStyle, props_record, slot_record
from starcoder_cli.wire.openai_requests import read_chat, read_completion, read_fim
from starcoder_cli.wire.openai_responses import (
    ChatStyle,
    CompletionStyle,
    model_list_record,
    model_record,
)
from starcoder_cli.wire.requests import CompletionRequest
from starcoder_cli.wire.responses import ResponseStyle
from starcoder_cli.wire.tgi import GenerateStyle, read_generate, read_generate_stream

ApiHandler: TypeAlias = Callable[[Request], Awaitable[Response]]

COMPLETION_ROUTES: Mapping[str, tuple[Callable[[bytes], CompletionRequest], ResponseStyle]] = {
    "/v1/completions": (read_completion, CompletionStyle()),
    "/v1/chat/completions": (read_chat, ChatStyle()),
    "/v1/fim/completions": (read_fim, ChatStyle()),
    "/infill": (read_infill, InfillStyle()),
    "/completion": (read_llama_completion, InfillStyle()),
    "/completions": (read_llama_completion, InfillStyle()),
    "/generate": (read_generate, GenerateStyle()),
    "/generate_stream": (read_generate_stream, GenerateStyle()),
}

HTTP_ROUTES = (
    *PUBLIC_ROUTES,
    "/metrics",
    "/v1/models",
    "/props",
    "/slots",
    "/tokenize",
    *COMPLETION_ROUTES,
)
"""The paths named in metrics and log lines; any other may be made up by a client."""


NO_ROUTE_MESSAGES = {
    404: "there is nothing at this path: the models are at /v1/models",
    405: "this path does not take {method}",
}


class HttpApi:
    """The HTTP API for the models on offer; the first is the default."""

    def __init__(
        self, models: ModelPool, executor: Executor, offers: Sequence[ModelOffer], metrics: Metrics
    ) -> None:
        self._models = models
        self._offers = ModelOffers(models, offers)
        self.answers = HttpAnswers(self._offers, executor, metrics)
        self._metrics = metrics
        self._created = int(time.time())

    def build_app(self) -> Starlette:
        """Build the application, without access checks."""
        gets: Mapping[str, ApiHandler] = {
            "/health": self.get_health,
            "/v1/health": self.get_health,
            "/metrics": self.get_metrics,
            "/v1/models": self.list_models,
            "/v1/models/{name:path}": self.get_model,
            "/props": self.get_props,
            "/slots": self.list_slots,
        }
        posts: Mapping[str, ApiHandler] = {
            "/tokenize": self.tokenize,
            **{path: partial(self.complete, *args) for path, args in COMPLETION_ROUTES.items()},
        }
        app = Starlette(
            routes=[
                Route(path, handle_api_errors(handler), methods=[method])
                for method, handlers in (("GET", gets), ("POST", posts))
                for path, handler in handlers.items()
            ],
            exception_handlers={HTTPException: no_route_response},
        )
        app.router.redirect_slashes = False
        return app

    async def load_models(self) -> None:
        """Load every model on offer."""
        for offer in self._offers:
            await self._offers.load(offer)

    async def get_health(self, request: Request) -> Response:
        """Report that the server is up."""
        return api_response({"status": "ok"})

    async def get_metrics(self, request: Request) -> Response:
        """Report the metrics."""
        return Response(self._metrics.to_text(), headers={"Content-Type": METRICS_CONTENT_TYPE})

    async def list_models(self, request: Request) -> Response:
        """List the models on offer."""
        windows = {offer.name: self._offers.window(offer) for offer in self._offers}
        return api_response(model_list_record(windows, self._created))

    async def get_model(self, request: Request) -> Response:
        """Describe one of the models on offer."""
        offer = self._offers.find(request.path_params["name"])
        return api_response(model_record(offer.name, self._created, self._offers.window(offer)))

    async def get_props(self, request: Request) -> Response:
        """Describe the default model."""
        offer = self._offers.choose("")
        loaded = await self._offers.load(offer)
        return api_response(props_record(offer.name, loaded.model.window, loaded.slot_count))

    async def list_slots(self, request: Request) -> Response:
        """List the default model's slots, and which of them are busy."""
        loaded = await self._offers.load(self._offers.choose(""))
        return api_response(
            [
                slot_record(number, loaded.model.window, number < loaded.running_answers)
                for number in range(loaded.slot_count)
            ]
        )

    async def tokenize(self, request: Request) -> Response:
        """Tokenize a text."""
        text = read_tokenize(await request.body())
        return api_response(await self.answers.tokenize(text))

    async def complete(
        self, parse: Callable[[bytes], CompletionRequest], style: ResponseStyle, request: Request
    ) -> Response:
        """Answer a request, whole or as events."""
        return await self.answers.respond(parse(await request.body()), style, request.receive)


def handle_api_errors(handler: ApiHandler) -> ApiHandler:
    """Wrap a handler so that its errors become responses."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:  # a bug too: the client is informed and the server keeps running
            return error_response(ApiError.from_exception(error))

    return handle


def error_response(error: ApiError) -> Response:
    """Build the response for an error."""
    return api_response(error.to_record(), error.status, error.headers())


def no_route_response(request: Request, error: Exception) -> Response:
    """The response for an unknown route, or for a method the route does not support."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    phrase = HTTPStatus(status).phrase.lower()
    message = NO_ROUTE_MESSAGES.get(status, phrase).format(method=request.method)
    return error_response(ApiError(status, message, code="no_such_route"))

"""What the HTTP API has done, in numbers that Prometheus reads."""

import time
from collections.abc import Callable, Collection

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from starcoder_cli.server.model_pool import Holding
from starcoder_cli.stream import Chunk

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"
GONE = 499  # nginx's number for a client that did not wait


class Metrics:
    """Counts requests, tokens and seconds; knows who waits."""

    def __init__(self, holding: Holding) -> None:
        # It would tell when each number began, as a number of its own.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "starcoder_requests",
            "Requests by route and status.",
            ("route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "starcoder_request_seconds",
            "Seconds until a request was answered to its end.",
            ("route",),
            registry=self._registry,
        )
        self._tokens = Counter(
            "starcoder_tokens",
            "Tokens that were read and written.",
            ("kind",),
            registry=self._registry,
        )
        self.watch("starcoder_working", "Answers being made.", lambda: working(holding))
        self.watch("starcoder_waiting", "Answers waiting for their turn.", lambda: waiting(holding))

    def watch(self, name: str, what: str, count: Callable[[], int]) -> None:
        """Tell a number as it is when it is asked for."""
        Gauge(name, what, registry=self._registry).set_function(count)

    def read(self, tokens: int) -> None:
        """Count the tokens of a prompt."""
        self._tokens.labels("read").inc(tokens)

    def wrote(self, chunk: Chunk) -> None:
        """Count the tokens of a chunk."""
        self._tokens.labels("written").inc(chunk.tokens)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)


def working(holding: Holding) -> int:
    """How many answers are being made."""
    return sum(held.working for held in holding)


def waiting(holding: Holding) -> int:
    """How many answers wait for their turn."""
    return sum(held.busy - held.working for held in holding)


class Measured:
    """Counts what an application answers, and tells each request without a word of what it said."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        routes: Collection[str],
        tell: Callable[[str], None],
    ) -> None:
        """`tell` is given a line for each request, in which a path that is no route is not told."""
        self._app = app
        self._metrics = metrics
        self._routes = routes
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""
        begin, status = time.perf_counter(), GONE

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - begin
            route = scope["path"] if scope["path"] in self._routes else OTHER
            self._metrics.answered(route, status, seconds)
            self._tell(f"{scope['method'][:8]} {route} {status} {seconds:.3f} s")

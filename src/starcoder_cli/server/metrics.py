"""The HTTP API's counters, in Prometheus format."""

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

from starcoder_cli.server.model_pool import ModelPool
from starcoder_cli.stream import Chunk

METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER_ROUTE = "other"
CLIENT_CLOSED_REQUEST = 499  # nginx's status for a client that disconnected early


class Metrics:
    """Counts requests, tokens and seconds, and reports the queue."""

    def __init__(self, models: ModelPool) -> None:
        # By default the library adds the creation time of each metric as another metric.
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
        self.add_gauge("starcoder_working", "Answers being made.", lambda: count_working(models))
        self.add_gauge(
            "starcoder_waiting", "Answers waiting for their turn.", lambda: count_waiting(models)
        )

    def add_gauge(self, name: str, description: str, count: Callable[[], int]) -> None:
        """Add a gauge whose value is computed when the metrics are read."""
        Gauge(name, description, registry=self._registry).set_function(count)

    def count_read_tokens(self, tokens: int) -> None:
        """Count the tokens of a prompt."""
        self._tokens.labels("read").inc(tokens)

    def count_written_tokens(self, chunk: Chunk) -> None:
        """Count the tokens of a chunk."""
        self._tokens.labels("written").inc(chunk.tokens)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def to_text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


def count_working(models: ModelPool) -> int:
    """The number of answers in progress."""
    return sum(loaded.running_answers for loaded in models)


def count_waiting(models: ModelPool) -> int:
    """The number of answers waiting for their turn."""
    return sum(loaded.pending_answers - loaded.running_answers for loaded in models)


class MetricsMiddleware:
    """Counts what an application answers and logs each request, without any of its content."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        routes: Collection[str],
        log: Callable[[str], None],
    ) -> None:
        """`log` receives one line per request; a path that is not a known route is not named."""
        self._app = app
        self._metrics = metrics
        self._routes = routes
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request and count it."""
        started_at, status = time.perf_counter(), CLIENT_CLOSED_REQUEST

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_status)
        finally:
            seconds = time.perf_counter() - started_at
            route = scope["path"] if scope["path"] in self._routes else OTHER_ROUTE
            self._metrics.count_request(route, status, seconds)
            self._log(f"{scope['method'][:8]} {route} {status} {seconds:.3f} s")

"""Numbers for Prometheus, and a line for each request, without a word of what was asked."""

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.types import Message, Receive, Scope, Send

from starcoder_cli.loading import LoadOptions
from starcoder_cli.server.metrics import (
    Metrics,
    MetricsMiddleware,
    count_waiting,
    count_working,
)
from starcoder_cli.server.model_pool import ModelPool
from starcoder_cli.stream import Chunk
from starcoder_cli.wire.local_protocol import LoadRequest

REQUEST = LoadRequest("echo", "", 100, LoadOptions())


def numbers(metrics: Metrics) -> Mapping[str, float]:
    """The numbers by their names and labels, but for the seconds, which differ."""
    lines = metrics.to_text().decode().splitlines()
    rows = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {
        name: float(value)
        for name, _, value in rows
        if "_bucket" not in name and "_sum" not in name
    }


def test_everything_is_counted_by_its_labels() -> None:
    with ThreadPoolExecutor(1) as executor:
        metrics = Metrics(ModelPool(executor))
    metrics.count_request("/v1/models", 200, 0.1)
    metrics.count_request("/v1/models", 200, 0.2)
    metrics.count_request("/v1/models", 401, 0.3)
    metrics.count_read_tokens(7)
    metrics.count_written_tokens(Chunk("a", 2))
    metrics.count_written_tokens(Chunk("", 0))
    metrics.add_gauge("starcoder_more", "More.", lambda: 5)
    assert numbers(metrics) == {
        'starcoder_requests_total{route="/v1/models",status="200"}': 2.0,
        'starcoder_requests_total{route="/v1/models",status="401"}': 1.0,
        'starcoder_request_seconds_count{route="/v1/models"}': 3.0,
        'starcoder_tokens_total{kind="read"}': 7.0,
        'starcoder_tokens_total{kind="written"}': 2.0,
        "starcoder_working": 0.0,
        "starcoder_waiting": 0.0,
        "starcoder_more": 5.0,
    }
    assert b"_created" not in metrics.to_text()


def test_two_servers_in_one_process_have_numbers_of_their_own() -> None:
    with ThreadPoolExecutor(1) as executor:
        one, other = Metrics(ModelPool(executor)), Metrics(ModelPool(executor))
    one.count_read_tokens(7)
    assert 'starcoder_tokens_total{kind="read"}' not in numbers(other)


def test_who_is_answered_and_who_waits_is_told_when_it_is_read() -> None:
    async def test() -> list[tuple[int, int, float, float]]:
        found = []
        with ThreadPoolExecutor(1) as executor:
            pool = ModelPool(executor)
            metrics = Metrics(pool)
            loaded = pool.get((await pool.load(REQUEST)).id)

            def look() -> None:
                told = numbers(metrics)
                told_now = (told["starcoder_working"], told["starcoder_waiting"])
                found.append((count_working(pool), count_waiting(pool), *told_now))

            async def wait() -> None:
                async with pool.slot(loaded):
                    look()

            async with pool.slot(loaded):  # echo has one slot
                second = asyncio.create_task(wait())
                await asyncio.sleep(0)
                look()
            await second
            look()
        return found

    assert asyncio.run(test()) == [(1, 1, 1.0, 1.0), (1, 0, 1.0, 0.0), (0, 0, 0.0, 0.0)]


def asked(
    path: str, method: str, status: int | None, error: Exception | None = None
) -> tuple[Mapping[str, float], list[str], list[Message]]:
    """The numbers, the lines and the messages of a request to an application with one answer."""
    log, sent = list[str](), list[Message]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if status is not None:
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b"secret"})
        if error:
            raise error

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as executor:
        metrics = Metrics(ModelPool(executor))
    counted = MetricsMiddleware(app, metrics, ("/health", "/infill"), log.append)
    scope = {"type": "http", "method": method, "path": path, "query_string": b"secret"}
    try:
        asyncio.run(counted(scope, receive, send))
    except OSError as raised:
        assert raised is error
    return numbers(metrics), log, sent


@pytest.mark.parametrize(
    ("path", "method", "status", "error", "labels", "line"),
    [
        ("/infill", "POST", 200, None, ("/infill", "200"), r"POST /infill 200 \d+\.\d{3} s"),
        ("/secret", "GET", 404, None, ("other", "404"), r"GET other 404 \d+\.\d{3} s"),
        ("/infill/", "GET", 404, None, ("other", "404"), r"GET other 404 \d+\.\d{3} s"),
        ("/health", "X" * 99, 405, None, ("/health", "405"), r"X{8} /health 405 \d+\.\d{3} s"),
        ("/infill", "POST", None, None, ("/infill", "499"), r"POST /infill 499 \d+\.\d{3} s"),
        ("/infill", "POST", 200, OSError("secret"), ("/infill", "200"), r"POST /infill 200 .*"),
    ],
)
def test_a_request_is_counted_and_logged_once_whatever_becomes_of_it(
    path: str,
    method: str,
    status: int | None,
    error: Exception | None,
    labels: tuple[str, str],
    line: str,
) -> None:
    told, log, sent = asked(path, method, status, error)
    route, code = labels
    assert told[f'starcoder_requests_total{{route="{route}",status="{code}"}}'] == 1.0
    assert sum(value for name, value in told.items() if "requests_total" in name) == 1.0
    (only,) = log
    assert re.fullmatch(line, only) and "secret" not in only
    assert [each["type"] for each in sent] == [
        *(("http.response.start", "http.response.body") if status else ())
    ]

"""What a hub answers to a question, and an answer that is made to take memory."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from httpx2 import Client, MockTransport, Request, Response

from servers import Serving, Site, use
from starcoder_cli.errors import UnavailableError
from starcoder_cli.models.hub_api import ask_hub

QUESTION = "/api/whoami-v2"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A hub."""
    with Serving() as site:
        use(monkeypatch, tmp_path, site.url, "http://127.0.0.1:9")
        yield site


def test_an_answer_is_parsed(site: Site) -> None:
    site.files[QUESTION] = json.dumps({"name": "ada"}).encode()
    assert ask_hub(QUESTION) == {"name": "ada"}


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 100_000, b"\xff"])
def test_what_is_no_answer(site: Site, body: bytes) -> None:
    site.files[QUESTION] = body
    with pytest.raises(UnavailableError, match="^what answers there is not a hub$"):
        ask_hub(QUESTION)


def test_a_packed_answer_is_read(site: Site) -> None:
    site.files[QUESTION] = gzip.compress(b'{"name": "ada"}')
    site.headers["Content-Encoding"] = "gzip"
    assert ask_hub(QUESTION) == {"name": "ada"}


@pytest.fixture
def bomb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """A hub whose answers have a status, and 200 kB that unpack to 200 MB."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    body = gzip.compress(bytes(200_000_000), 1)
    pieces = [body[start : start + 4096] for start in range(0, len(body), 4096)]

    def answer(status: int) -> None:
        def respond(request: Request) -> Response:
            return Response(status, headers={"Content-Encoding": "gzip"}, content=iter(pieces))

        set_client_factory(lambda: Client(transport=MockTransport(respond)))

    yield answer
    set_client_factory(default_client_factory)


@pytest.mark.parametrize(("status", "error"), [(200, "UnavailableError"), (500, "HfHubHTTPError")])
def test_an_answer_that_unpacks_to_much_takes_little(
    bomb: Callable[[int], None], status: int, error: str
) -> None:
    bomb(status)
    tracemalloc.start()
    try:
        with pytest.raises(Exception) as caught:
            ask_hub(QUESTION)
        assert type(caught.value).__name__ == error
        assert tracemalloc.get_traced_memory()[1] < 80_000_000
    finally:
        tracemalloc.stop()

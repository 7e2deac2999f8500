"""A model behind a socket: what the server is asked, what it answers, and when it leaves."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import ClassVar

import pytest

from serving import runtime
from starcoder_cli.engines.server_model import (
    LocalServer,
    LocalServerModel,
    connect_to_server,
)
from starcoder_cli.errors import InputError, ProtocolError, StarcoderError, UnavailableError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Prompt, Sampling, Special
from starcoder_cli.net import daemon
from starcoder_cli.stream import Chunk, collect
from starcoder_cli.system.file_lock import hold_lock
from starcoder_cli.wire.local_protocol import (
    DONE_EVENT,
    ChunkEncoder,
    LoadedInfo,
    LoadRequest,
    error_record,
)

__all__ = ["runtime"]

REQUEST = LoadRequest("tiny", "/tiny", 256, LoadOptions())
INFO = LoadedInfo("tiny#1", "llamacpp", 512, "template", ["<a>"], ["a note"])
PROMPT = Prompt(("x", Special("<a>")))
CHUNKS = [Chunk("one", 1, None, 2), Chunk(" two", 1, "length", 2)]
ENDED = "the server has ended; try again, or use --no-server"


@dataclass
class Site:
    """A server's answers by route, each used once but for the last, and what it was asked."""

    path: Path
    answers: dict[str, list[Callable[["Handler"], None]]] = field(default_factory=dict)
    asked: list[tuple[str, object]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """Answers with what a site has."""

    site: ClassVar[Site]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:  # noqa: N802
        self.do_POST()

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.site.asked.append((self.path, json.loads(body) if body else None))
        answers = self.site.answers[self.path]
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def send(self, data: bytes, status: int = 200, missing: int = 0) -> None:
        """An answer, of which the end may be missing."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) + missing))
        self.end_headers()
        self.wfile.write(data)


Answer = Callable[[Handler], None]


def record(value: object, status: int = 200) -> Answer:
    """An answer that is JSON."""
    return lambda handler: handler.send(json.dumps(value).encode(), status)


def failure(error: StarcoderError) -> Answer:
    """An answer that tells an error."""
    return record(error_record(error), 400)


def events(count: int, end: bytes = DONE_EVENT, missing: int = 0) -> Answer:
    """The first chunks as events."""
    encoder = ChunkEncoder({"id": "1"}, logprobs=False)
    data = b"".join(map(encoder.encode, CHUNKS[:count])) + end
    return lambda handler: handler.send(data, missing=missing)


def hang_up(handler: Handler) -> None:
    """No answer."""
    handler.close_connection = True
    handler.connection.shutdown(2)


@pytest.fixture
def site(runtime: Path) -> Iterator[Site]:
    """A server where this user's is looked for; it holds no lock."""
    runtime.mkdir(mode=0o700)
    site = Site(runtime / daemon.SERVER_SOCKET)
    handler = type("SiteHandler", (Handler,), {"site": site})
    with ThreadingUnixStreamServer(str(site.path), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield site
        server.shutdown()
        thread.join()


def nobody() -> None:
    """No server to go on with."""


def opened(site: Site, reconnect: Callable[[], LocalServer | None] = nobody) -> LocalServerModel:
    """The model that a server says it has loaded."""
    site.answers.setdefault("/open", [record(asdict(INFO))])
    return LocalServerModel(LocalServer(site.path), REQUEST, reconnect)


def test_an_answer_is_an_object_or_the_error_that_it_tells(site: Site) -> None:
    site.answers["/health"] = [
        record({"program": "x"}),
        failure(InputError("no such file", "look again")),
        record([1]),
    ]
    server = LocalServer(site.path)
    assert server.request_json("GET", "/health") == {"program": "x"}
    with pytest.raises(InputError) as caught:
        server.request_json("GET", "/health")
    assert str(caught.value) == "no such file; look again"
    with pytest.raises(ProtocolError, match="not a JSON object"):
        server.request_json("GET", "/health")


def test_a_server_that_is_gone_and_one_that_is_silent(site: Site) -> None:
    over = threading.Event()
    site.answers["/health"] = [hang_up, lambda handler: None if over.wait(60) else None]
    for server in (LocalServer(site.path), LocalServer(site.path.parent / "none")):
        with pytest.raises(UnavailableError) as caught:
            server.request_json("GET", "/health")
        assert str(caught.value) == ENDED
    try:
        with pytest.raises(UnavailableError, match="^the server does not answer; try again"):
            LocalServer(site.path).request_json("GET", "/health", seconds=0.1)
    finally:
        over.set()


def test_without_a_server_there_is_none(runtime: Path) -> None:
    assert connect_to_server(start=False, on_start=nobody) is None
    assert not runtime.exists()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (record({"program": daemon.INSTALLATION_ID}), True),
        (record({"program": "another"}), False),
        (hang_up, False),
    ],
)
def test_a_server_of_this_installation_is_used_and_another_left_alone(
    answer: Answer, found: bool, site: Site
) -> None:
    site.answers["/health"] = [answer]
    assert bool(connect_to_server(start=False, on_start=nobody)) is found
    assert site.asked == [("/health", None)]


def test_another_installations_server_is_asked_to_leave_for_one_of_ours(site: Site) -> None:
    """That one holds the lock already, so that none has to be started."""
    site.answers = {
        "/health": [record({"program": "another"}), record({"program": daemon.INSTALLATION_ID})],
        "/stop": [record({})],
    }
    with hold_lock(site.path.parent / daemon.SERVER_LOCK):
        assert connect_to_server(start=True, on_start=nobody)
    assert [route for route, _ in site.asked] == ["/health", "/stop", "/health"]


def test_what_a_server_has_loaded_is_what_the_model_is(site: Site) -> None:
    site.answers["/tokenize"] = [
        record({"count": 7}),
        record({"count": "many"}),
        record({"control": True}),
        record({"control": 1}),
    ]
    with closing(opened(site)) as model:
        assert (model.engine, model.window, model.chat_template, model.load_messages) == (
            *("llamacpp", 512, "template", ["a note"]),
        )
        assert [model.count("text"), model.count("text")] == [7, 0]
        assert model.has_token("<a>")  # this was told
        assert [model.has_token(text) for text in ("<b>", "<b>", "<c>")] == [True, True, False]
    assert site.asked == [
        ("/open", asdict(REQUEST)),
        *[("/tokenize", {"model": "tiny#1", "text": text}) for text in ("text", "text")],
        *[("/tokenize", {"model": "tiny#1", "text": text}) for text in ("<b>", "<c>")],
    ]


def test_an_answer_comes_chunk_by_chunk(site: Site) -> None:
    site.answers["/v1/completions"] = [events(2)]
    model = opened(site)
    assert list(model.stream(PROMPT, Sampling(2))) == CHUNKS
    route, asked = site.asked[-1]
    assert isinstance(asked, dict) and route == "/v1/completions"
    assert (asked["model"], asked["pieces"]) == ("tiny#1", ["x", {"special": "<a>"}])
    assert (asked["max_tokens"], asked["stream"]) == (2, True)


@pytest.mark.parametrize(
    "lost", [hang_up, failure(InputError("the model was unloaded in the meantime")), events(0, b"")]
)
def test_a_server_that_left_or_let_the_model_go_is_asked_anew(lost: Answer, site: Site) -> None:
    site.answers = {
        "/open": [record(asdict(INFO)), record({**asdict(INFO), "id": "tiny#2"})],
        "/v1/completions": [lost, events(2)],
    }
    model = opened(site, lambda: LocalServer(site.path))
    assert collect(model.stream(PROMPT, Sampling(2))).text == "one two"
    assert [route for route, _ in site.asked] == ["/open", "/v1/completions"] * 2
    last = site.asked[-1][1]
    assert isinstance(last, dict) and last["model"] == "tiny#2"


def test_it_is_asked_anew_once_only_and_not_where_there_is_none(site: Site) -> None:
    site.answers["/v1/completions"] = [hang_up]
    for reconnect, times in ((nobody, 1), (lambda: LocalServer(site.path), 2)):
        site.asked.clear()
        with pytest.raises(UnavailableError) as caught:
            list(opened(site, reconnect).stream(PROMPT, Sampling(2)))
        assert str(caught.value) == ENDED
        assert [route for route, _ in site.asked].count("/v1/completions") == times


@pytest.mark.parametrize("cut", [events(1, b""), events(1, b"data: {", missing=9)])
def test_an_answer_that_is_cut_in_the_middle_is_not_begun_again(cut: Answer, site: Site) -> None:
    """Some of it was shown already."""
    site.answers["/v1/completions"] = [cut]
    seen: list[Chunk] = []
    with pytest.raises(UnavailableError) as caught:
        for chunk in opened(site, lambda: LocalServer(site.path)).stream(PROMPT, Sampling(2)):
            seen.append(chunk)
    assert str(caught.value) == ENDED
    assert seen == CHUNKS[:1]
    assert [route for route, _ in site.asked] == ["/open", "/v1/completions"]

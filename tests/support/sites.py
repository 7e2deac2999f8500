"""A server with OpenAI's API on 127.0.0.1, of several kinds, with the faults of real ones."""

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

from starcoder_cli.engines.endpoint.tokenizer import all_control_tokens

FIRST = 200_000
NAMES = all_control_tokens()
CONTROL = re.compile("|".join(map(re.escape, sorted(NAMES, key=len, reverse=True))))

Fault = Callable[["Handler"], None]


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        """The prompt as text, whichever way it came."""
        prompt = self.body["prompt"]
        return prompt if isinstance(prompt, str) else "".join(map(written, prompt))


@dataclass
class Site:
    """What a server is and says, how it fails next, and what it was asked."""

    owner: str = "vllm"
    model: str = "Qwen/Qwen2.5-Coder-7B"
    window: int = 4096
    pieces: tuple[str, ...] = ("one", " two")
    reason: str = "stop"
    faults: list[Fault] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    key: str = ""
    asked: list[Asked] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    endless: bool = False
    models: str = ""
    unknown: tuple[str, ...] = ()
    url: str = ""

    def last(self, path: str = "/v1/completions") -> Asked:
        """The last request for a path."""
        return [each for each in self.asked if each.path == path][-1]


def written(number: int) -> str:
    """The text of a token."""
    return NAMES[number - FIRST] if number >= FIRST else chr(number)


def tokens(text: str, control: bool) -> list[int]:
    """A token for each character, and one for each control token where these are read."""
    found: list[int] = []
    at = 0
    for match in CONTROL.finditer(text) if control else ():
        found += [*map(ord, text[at : match.start()]), FIRST + NAMES.index(match.group())]
        at = match.end()
    return [*found, *map(ord, text[at:])]


class Handler(BaseHTTPRequestHandler):
    """Answers as vLLM, llama.cpp's server or another one would."""

    site: ClassVar[Site]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:  # noqa: N802
        self.answer()

    def do_POST(self) -> None:  # noqa: N802
        self.answer()

    def answer(self) -> None:
        """Answer as the site would, or with its next fault."""
        site = self.site
        self.path = urlsplit(self.path).path  # a proxy is asked for whole addresses
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parsed = json.loads(body) if body else {}
        site.asked.append(Asked(self.path, dict(self.headers), parsed))
        if site.key and self.headers.get("Authorization") != f"Bearer {site.key}":
            return self.send(401, {"error": "Unauthorized"})
        if site.faults and self.path not in ("/v1/models", "/tokenize", "/props"):
            return site.faults.pop(0)(self)
        if self.path in site.missing:
            return self.send(404, {"error": {"message": "Not Found", "code": 404}})
        if self.path == "/v1/models" and site.models:
            return self.send(200, site.models)
        if self.path == "/v1/models":
            row = {"id": site.model, "owned_by": site.owner, "max_model_len": site.window}
            return self.send(200, {"object": "list", "data": [row]})
        if self.path == "/props":
            return self.send(200, {"default_generation_settings": {"n_ctx": site.window}})
        if self.path == "/tokenize":
            return self.send(200, self.tokenized(parsed))
        if unknown := [name for name in site.unknown if name in parsed]:
            rows = [
                {"loc": ["body", name], "msg": "extra fields not permitted"} for name in unknown
            ]
            return self.send(422, {"detail": rows})
        return self.stream(parsed)

    def tokenized(self, body: dict[str, Any]) -> dict[str, Any]:
        """The tokens of a text, in the server's form."""
        if self.site.owner == "llamacpp":
            ids = tokens(body["content"], body["parse_special"])
            return {"tokens": [{"id": each, "piece": written(each)} for each in ids]}
        ids = tokens(body["prompt"], True)
        return {"count": len(ids), "tokens": ids, "token_strs": list(map(written, ids))}

    def stream(self, body: dict[str, Any]) -> None:
        """An answer in pieces."""
        self.head(200, "text/event-stream")
        try:
            for piece in self.pieces():
                self.event(self.choice(piece, None))
            self.event(self.choice("", self.site.reason))
            made = len(self.site.pieces)
            self.event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": made}})
            self.piece(b"data: [DONE]\n\n")
            self.piece(b"")
        except OSError:
            self.site.left.set()

    def pieces(self) -> Iterator[str]:
        """The texts of an answer; an endless one ends where nobody listens."""
        yield from self.site.pieces
        while self.site.endless:
            time.sleep(0.01)
            yield " more"

    def choice(self, text: str, reason: str | None) -> dict[str, Any]:
        """An event's record."""
        if self.path == "/infill":
            ended = {"stop": True, "stop_type": "eos"} if reason else {"stop": False}
            return {"content": text, **ended}
        if "chat" in self.path:
            return {"choices": [{"delta": {"content": text}, "finish_reason": reason}]}
        probability = {"token_logprobs": [-0.5]} if text else None
        return {"choices": [{"text": text, "finish_reason": reason, "logprobs": probability}]}

    def event(self, record: dict[str, Any]) -> None:
        """Send an event."""
        self.piece(b"data: " + json.dumps(record).encode() + b"\n\n")

    def piece(self, data: bytes) -> None:
        """Send a piece of a body in pieces; an empty one is its end."""
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def head(self, status: int, kind: str, **headers: str) -> None:
        """Begin an answer whose body comes in pieces."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(
        self, status: int, record: object, kind: str = "application/json", **headers: str
    ) -> None:
        """A whole answer: a record as JSON, or a text."""
        data = record.encode() if isinstance(record, str) else json.dumps(record).encode()
        self.head(status, kind, **headers)
        if data:
            self.piece(data)
        self.piece(b"")


def status(number: int, message: str = "so it is", **headers: str) -> Fault:
    """A fault that is an error in OpenAI's form."""
    record = {"error": {"message": message, "type": "x", "code": number}}
    return lambda handler: handler.send(number, record, **headers)


def body(text: str, kind: str = "text/event-stream", number: int = 200) -> Fault:
    """A fault that is another body than an answer has."""
    return lambda handler: handler.send(number, text, kind)


def cut(handler: Handler) -> None:
    """Hang up in the middle of an answer."""
    handler.head(200, "text/event-stream")
    handler.event(handler.choice("half", None))
    handler.close_connection = True
    handler.connection.shutdown(2)


class Quiet(ThreadingHTTPServer):
    """A server that says nothing of clients that leave."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None, **facts: Any) -> Iterator[Site]:
    """A site on a port of its own while the context is open."""
    site = Site(**facts)
    handler = type("SiteHandler", (Handler,), {"site": site})
    server = Quiet(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    site.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield site
    finally:
        site.endless = False
        server.shutdown()
        server.server_close()

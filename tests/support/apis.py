"""Servers of the HTTP API that tests start, and what is asked of them."""

import asyncio
import http.client
import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from processes import COMMAND
from starcoder_cli.catalog import find_model
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import SPELLS_NOTHING, Model, Prompt, Question, Sampling, as_prompt
from starcoder_cli.server.access import Address
from starcoder_cli.server.http_server import FollowingServer, HttpOptions, open_http_listener
from starcoder_cli.server.model_pool import ModelPool
from starcoder_cli.server.offers import ModelOffer
from starcoder_cli.server.process import uvicorn_config
from starcoder_cli.server.timeouts import StrictHttpProtocol
from starcoder_cli.stream import Chunk, Stream
from starcoder_cli.wire.local_protocol import LoadRequest

KEY = "a-key-for-the-tests-alone"
SECONDS = 60


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        """The JSON in it."""
        return json.loads(self.data)

    @property
    def events(self) -> list[Any]:
        """The events in it; `[DONE]` as it is."""
        found = re.findall(rb"^data: (.*)$", self.data, re.MULTILINE)
        return [json.loads(each) if each != b"[DONE]" else "[DONE]" for each in found]

    @property
    def error(self) -> Any:
        """The error in it, which has all of its fields."""
        told = self.json["error"]
        assert set(told) == {"message", "type", "param", "code"}
        return told


@dataclass(frozen=True)
class Server:
    """A server that answers at a port."""

    port: int
    key: str = KEY

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """What it answers; headers are those of a good client unless they are given."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **named}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)) as client:
            client.request(method, path, body, {name: text for name, text in sent.items() if text})
            response = client.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())

    def post(self, path: str, **fields: object) -> Reply:
        """What it answers to a JSON object."""
        return self.request("POST", path, json.dumps(fields).encode())

    def raw(self, data: bytes, seconds: float = 10.0) -> bytes:
        """What it answers to some bytes, to the end of the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as client:
            client.sendall(data)
            received = b""
            with suppress(ConnectionResetError):
                while piece := client.recv(65536):
                    received += piece
            return received

    def begin(self, path: str, **fields: object) -> socket.socket:
        """A connection on which something was asked."""
        body = json.dumps(fields).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        client = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)
        client.sendall(head.encode() + body)
        return client

    def metric(self, name: str) -> float:
        """A number of its metrics; 0 where it is not there yet."""
        text = self.request("GET", "/metrics").data.decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    @property
    def written(self) -> float:
        """How many tokens it has written."""
        return self.metric('starcoder_tokens_total{kind="written"}')


@contextmanager
def serving(*models: str | Path, **variables: str) -> Iterator[Server]:
    """A server in a process of its own, with a runtime folder of its own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "HOME": folder}
        environment |= {"STARCODER_API_KEY": KEY, **variables}
        named = [word for model in models for word in ("-m", str(model))]
        words = [*COMMAND, "serve", "--http", "127.0.0.1:0", "--engine", "llamacpp", *named]
        with Popen(words, env=environment, stderr=PIPE) as child:
            assert child.stderr
            line = child.stderr.readline().decode()
            found = re.search(r"at http://127\.0\.0\.1:([0-9]+);", line)
            assert found, line
            try:
                yield Server(int(found[1]))
            finally:
                child.kill()


@dataclass
class Slow:
    """A model that takes its time for each token, and counts them."""

    seconds: float = 0.02
    fails_at: int = -1
    window: int = 4096
    engine: str = "llamacpp"
    chat_template: str = "<|im_start|> <|im_end|>"
    spells: AbstractSet[type] = SPELLS_NOTHING
    made: int = 0
    prompts: list[Prompt] = field(default_factory=list)

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """A word for each token."""
        self.prompts.append(as_prompt(question))
        for number in range(sampling.max_tokens):
            if number == self.fails_at:
                raise OSError("the secret of the prompt")
            time.sleep(self.seconds)
            self.made += 1
            yield Chunk(f"w{number} ", 1, None, 7, -0.5)
        yield Chunk("", 0, "length", 7)

    def count(self, text: str) -> int:
        """A token for each character."""
        return len(text)

    def has_token(self, text: str) -> bool:
        """It knows every control token."""
        return text.startswith("<")

    def close(self) -> None:
        """Nothing is held."""


@contextmanager
def local(model: Model, told: list[str] | None = None, **given: Any) -> Iterator[Server]:
    """A server in a thread of this process, with a model of the test's own."""
    spec = find_model("qwen2.5-coder-0.5b")
    opening = LoadRequest(spec.name, "", 4096, LoadOptions())
    offer = ModelOffer(spec.name, spec, opening)
    web = HttpOptions(
        Address(port=0),
        (offer,),
        KEY.encode(),
        given.get("allowed", ()),
        (told if told is not None else []).append,
        lambda address, file: None,
    )
    ready, port = threading.Event(), 0
    ends: list[Callable[[], None]] = []

    async def serve() -> None:
        nonlocal port
        with (
            tempfile.TemporaryDirectory() as folder,
            open_http_listener(web, Path(folder)) as opened,
            ThreadPoolExecutor(16) as pool,
        ):
            app = await opened.build_app(ModelPool(pool, lambda *_: model), pool)
            server = FollowingServer(uvicorn_config(app, given.get("protocol", StrictHttpProtocol)))
            ends.append(lambda: setattr(server, "should_exit", True))
            port = opened.address.port
            ready.set()
            await server.serve(sockets=[opened.listener])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield Server(port)
    finally:
        for end in ends:
            end()
        thread.join(30)

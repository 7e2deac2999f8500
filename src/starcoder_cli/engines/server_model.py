"""A model that another process holds: this user's server, reached by its socket."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from starcoder_cli.errors import InputError, UnavailableError
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.net import daemon
from starcoder_cli.net.http import Exchange
from starcoder_cli.net.sockets import connected
from starcoder_cli.stream import Stream
from starcoder_cli.wire import local_protocol

PROBE_SECONDS = 20.0
"""How long a server may take to say that it is there: it says nothing while a model loads."""


GONE = "the server has ended"


class Endpoint:
    """A server, reached by the socket at a path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(
        self, method: str, route: str, body: bytes = b"", seconds: float | None = None
    ) -> Mapping[str, object]:
        """The JSON object that the server answers with.

        Raises the error that it answers with instead, UnavailableError where it does not answer.
        """
        with self.request(method, route, body, seconds) as answer:
            return local_protocol.decode(answer.read())

    @contextmanager
    def request(
        self, method: str, route: str, body: bytes = b"", seconds: float | None = None
    ) -> Iterator[Exchange]:
        """An answer that is read piece by piece; leaving early closes the connection."""
        try:
            with closing(Exchange(connected(f"unix://{self._path}", seconds))) as exchange:
                exchange.ask(method, route, body)
                if exchange.status != 200:
                    raise local_protocol.error_of(local_protocol.decode(exchange.read()))
                yield exchange
        except OSError as error:
            raise UnavailableError(
                "the server does not answer" if isinstance(error, TimeoutError) else GONE,
                "try again, or use --no-server",
            ) from error


def connect(start: bool, started: Callable[[], None]) -> Endpoint | None:
    """This user's server, of this installation; None where there is none and none is to `start`.

    A server of another installation is asked to leave before one is started. `started` is called
    where that was done. Raises UnavailableError where it does not come up, or does not answer.
    """
    deadline = time.monotonic() + daemon.START_SECONDS
    while time.monotonic() < deadline:
        path = daemon.find()
        if path:
            endpoint = Endpoint(path)
            if is_ours(endpoint, start):
                return endpoint
        if not start:
            return None
        if daemon.is_running():
            time.sleep(0.05)  # it is about to listen, or to leave
        elif daemon.start():
            started()
    raise UnavailableError("the server does not come up", "see `starcoder stop`")


def is_ours(endpoint: Endpoint, start: bool) -> bool:
    """Whether the server is of this installation; another one is asked to leave for one to `start`.

    One that ends meanwhile is none. Raises UnavailableError where it does not answer in time.
    """
    try:
        told = endpoint.ask("GET", "/health", seconds=PROBE_SECONDS)
        if told.get("program") == daemon.PROGRAM:
            return True
        if start:
            endpoint.ask("POST", "/stop", seconds=PROBE_SECONDS)
    except UnavailableError as error:
        if isinstance(error.__cause__, TimeoutError):
            raise
    return False


class RemoteModel:
    """A model that a server holds."""

    def __init__(
        self,
        endpoint: Endpoint,
        opening: local_protocol.Opening,
        reach: Callable[[], Endpoint | None],
    ) -> None:
        """Have the server load the model; `reach` finds or starts a server that has left again.

        Raises what loading it raises, and UnavailableError where the server ends meanwhile.
        """
        self._opening = opening
        self._reach = reach
        self._open(endpoint)

    def _open(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        opened = local_protocol.opened_of(
            endpoint.ask("POST", "/open", local_protocol.encode(self._opening))
        )
        self._id, self.told = opened.id, opened.told
        self.engine, self.window = opened.engine, opened.window
        self.chat_template = opened.chat_template
        self._tokens: dict[str, int | None] = dict(opened.tokens)

    def stream(self, prompt: Prompt, sampling: Sampling) -> Stream:
        """The answer, chunk by chunk; closing it closes the connection, and the server stops.

        A server that has left since the last answer, or has let the model go, is asked anew.
        """
        begun = False
        try:
            with closing(self._answer(prompt, sampling)) as chunks:
                for chunk in chunks:
                    begun = True
                    yield chunk
        except (InputError, UnavailableError):
            endpoint = None if begun else self._reach()
            if endpoint is None:
                raise
            self._open(endpoint)
            with closing(self._answer(prompt, sampling)) as chunks:
                yield from chunks

    def _answer(self, prompt: Prompt, sampling: Sampling) -> Stream:
        request = local_protocol.encode(local_protocol.asked(self._id, prompt, sampling))
        with self._endpoint.request("POST", "/v1/completions", request) as answer:
            reader = local_protocol.Reader()
            for record in events(answer):
                yield reader.read(record)

    def count(self, text: str) -> int:
        """How many tokens a text has as user text."""
        return self._numbers("count", text) or 0

    def token(self, text: str) -> int | None:
        """The id of a control token, or None where the text is not exactly one."""
        if text not in self._tokens:
            self._tokens[text] = self._numbers("token", text)
        return self._tokens[text]

    def close(self) -> None:
        """Nothing: the server keeps the model for as long as it was asked to."""

    def _numbers(self, name: str, text: str) -> int | None:
        body = local_protocol.encode({"model": self._id, "text": text})
        value = self._endpoint.ask("POST", "/tokenize", body).get(name)
        return value if isinstance(value, int) else None


def events(answer: Exchange) -> Iterator[Mapping[str, object]]:
    """The JSON objects of an answer's events, each as soon as it is there, up to the last.

    Raises UnavailableError where the answer ends before it is whole.
    """
    for line in answer.lines():
        name, _, value = line.partition(b": ")
        if name == b"data" and value == b"[DONE]":
            return
        if name == b"data":
            yield local_protocol.decode(value)
    raise UnavailableError(GONE, "try again, or use --no-server")

"""A model held by another process: this user's server, reached through its socket."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from starcoder_cli.errors import InputError, UnavailableError
from starcoder_cli.model import SPELLS_NOTHING, Prompt, Question, Sampling, as_prompt
from starcoder_cli.net import daemon
from starcoder_cli.net.daemon import PROBE_SECONDS
from starcoder_cli.net.http import HttpRequest
from starcoder_cli.net.sockets import open_connection
from starcoder_cli.net.sse import DONE, read_events
from starcoder_cli.stream import Stream
from starcoder_cli.wire import local_protocol

SERVER_ENDED_MESSAGE = "the server has ended"


class LocalServer:
    """A server, reached through the socket at a path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def request_json(
        self, method: str, route: str, body: bytes = b"", seconds: float | None = None
    ) -> Mapping[str, object]:
        """Return the JSON object that the server answers with.

        Raises the error that it answers with instead, or UnavailableError if it does not answer.
        """
        with self.open_response(method, route, body, seconds) as response:
            return local_protocol.decode_json(response.read())

    @contextmanager
    def open_response(
        self, method: str, route: str, body: bytes = b"", seconds: float | None = None
    ) -> Iterator[HttpRequest]:
        """Open a response that is read piece by piece; leaving early closes the connection."""
        try:
            with closing(HttpRequest(open_connection(f"unix://{self._path}", seconds))) as exchange:
                exchange.send(method, route, body)
                if exchange.status != 200:
                    raise local_protocol.error_from_record(
                        local_protocol.decode_json(exchange.read())
                    )
                yield exchange
        except OSError as error:
            raise UnavailableError(
                "the server does not answer"
                if isinstance(error, TimeoutError)
                else SERVER_ENDED_MESSAGE,
                "try again, or use --no-server",
            ) from error


def connect_to_server(
    start: bool, on_start: Callable[[], None], seconds: float = PROBE_SECONDS
) -> LocalServer | None:
    """This user's server of this installation; None if there is none and `start` is false.

    A server of another installation is asked to stop before one is started. `on_start` is called
    if one was started. Raises UnavailableError if it does not come up, or does not answer within
    `seconds`.
    """
    deadline = time.monotonic() + daemon.START_SECONDS
    while time.monotonic() < deadline:
        path = daemon.find_socket()
        if path:
            server = LocalServer(path)
            if is_same_installation(server, start, seconds):
                return server
        if not start:
            return None
        if daemon.is_server_running():
            time.sleep(0.05)  # it is about to listen or to exit
        elif daemon.spawn_server():
            on_start()
    raise UnavailableError("the server does not come up", "see `starcoder stop`")


def is_same_installation(server: LocalServer, start: bool, seconds: float) -> bool:
    """Whether the server is of this installation; if `start` is set, another is asked to stop.

    One that ends meanwhile does not count. Raises UnavailableError if it does not answer in time.
    """
    try:
        health = server.request_json("GET", "/health", seconds=seconds)
        if health.get("program") == daemon.INSTALLATION_ID:
            return True
        if start:
            server.request_json("POST", "/stop", seconds=seconds)
    except UnavailableError as error:
        if isinstance(error.__cause__, TimeoutError):
            raise
    return False


class LocalServerModel:
    """A model that a server holds."""

    spells = SPELLS_NOTHING

    def __init__(
        self,
        server: LocalServer,
        load_request: local_protocol.LoadRequest,
        reconnect: Callable[[], LocalServer | None],
    ) -> None:
        """Have the server load the model; `reconnect` finds or starts one if this one has exited.

        Raises what loading it raises, and UnavailableError if the server ends in the meantime.
        """
        self._load_request = load_request
        self._reconnect = reconnect
        self._load(server)

    def _load(self, server: LocalServer) -> None:
        self._server = server
        info = local_protocol.parse_loaded_info(
            server.request_json("POST", "/open", local_protocol.encode_json(self._load_request))
        )
        self._id, self.load_messages = info.id, info.told
        self.engine, self.window = info.engine, info.window
        self.chat_template = info.chat_template
        self._token_ids = dict.fromkeys(info.tokens, True)

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """Stream the answer; closing the stream closes the connection, and the server stops.

        If the server has exited since the last answer, or unloaded the model, it is asked again.
        """
        prompt, has_started = as_prompt(question), False
        try:
            with closing(self._stream_once(prompt, sampling)) as chunks:
                for chunk in chunks:
                    has_started = True
                    yield chunk
        except (InputError, UnavailableError):
            server = None if has_started else self._reconnect()
            if server is None:
                raise
            self._load(server)
            with closing(self._stream_once(prompt, sampling)) as chunks:
                yield from chunks

    def _stream_once(self, prompt: Prompt, sampling: Sampling) -> Stream:
        request = local_protocol.encode_json(
            local_protocol.prompt_request(self._id, prompt, sampling)
        )
        with self._server.open_response("POST", "/v1/completions", request) as response:
            decoder = local_protocol.ChunkDecoder()
            for record in read_event_records(response):
                yield decoder.decode(record)

    def count(self, text: str) -> int:
        """The number of tokens in user text."""
        count = self._tokenize(text).get("count")
        return count if isinstance(count, int) else 0

    def has_token(self, text: str) -> bool:
        """Whether a text is exactly one control token."""
        if text not in self._token_ids:
            self._token_ids[text] = self._tokenize(text).get("control") is True
        return self._token_ids[text]

    def close(self) -> None:
        """Nothing to do: the server keeps the model for as long as it was asked to."""

    def _tokenize(self, text: str) -> Mapping[str, object]:
        body = local_protocol.encode_json({"model": self._id, "text": text})
        return self._server.request_json("POST", "/tokenize", body)


def read_event_records(response: HttpRequest) -> Iterator[Mapping[str, object]]:
    """Yield the JSON objects of a response's events as they arrive, up to the last.

    Raises UnavailableError if the response ends before it is complete.
    """
    for event in read_events(response.pieces()):
        if event.data == DONE:
            return
        yield local_protocol.decode_json(event.data)
    raise UnavailableError(SERVER_ENDED_MESSAGE, "try again, or use --no-server")

"""What goes between the program and its server, in both directions.

Answers have the form of OpenAI's completions API, streamed as server-sent events. Three things are
our own: a prompt goes as `pieces`, in which control tokens are marked, so that text never becomes
one; `begun` is what the answer has to begin with; an error tells its exit code.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from starcoder_cli.errors import ExitCode, ProtocolError, StarcoderError
from starcoder_cli.loading import Loading, Work
from starcoder_cli.model import Prompt, Sampling, Special
from starcoder_cli.stream import Chunk

DONE = b"data: [DONE]\n\n"
WAITING = b": reading\n\n"
"""What is sent while there is nothing to tell: a comment, which tells whether a client left."""


@dataclass(frozen=True)
class Opening:
    """A model that is wanted: its name, the path of its file or folder, and how to load it.

    It is to have room for `room` tokens, and stays for `keep_alive` seconds after the last answer,
    for ever where that is negative, as long as before (or usual) where it is None.
    """

    model: str
    path: str
    room: int
    work: Work
    loading: Loading
    keep_alive: float | None = None


@dataclass(frozen=True)
class Opened:
    """A model that is loaded: what its answers are asked for by, and what is known about it.

    `tokens` has the id of each control token that a prompt may need; `told` is what loading it
    had to say.
    """

    id: str
    engine: str
    window: int
    chat_template: str = ""
    tokens: Mapping[str, int] = field(default_factory=dict)
    told: Sequence[str] = ()


@dataclass(frozen=True)
class Running:
    """A model that the server holds: `since` and `until` are seconds from now, None for ever."""

    model: str
    engine: str
    window: int
    size: int
    since: float
    until: float | None
    answers: int
    busy: int


def encode(value: "Mapping[str, object] | Opening | Opened | Running") -> bytes:
    """A mapping, or one of the values here, as JSON."""
    return json.dumps(value if isinstance(value, Mapping) else asdict(value)).encode()


def decode(data: bytes) -> Mapping[str, object]:
    """A JSON object; ProtocolError for anything else."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ProtocolError("the server's answer is no JSON object", "is it a starcoder server?")
    return value


def asked(model: str, prompt: Prompt, sampling: Sampling) -> Mapping[str, object]:
    """A request for the answer to a prompt."""
    return {
        "model": model,
        "pieces": [marked(piece) for piece in prompt.pieces],
        "stop": [marked(stop) for stop in prompt.stop],
        "begun": prompt.begun,
        "stream": True,
        **asdict(sampling),
    }


def marked(piece: str) -> str | Mapping[str, str]:
    """A piece of a prompt: text as it is, a control token by its name."""
    return {"special": str(piece)} if isinstance(piece, Special) else piece


def pieces(values: Iterable[str | Mapping[str, str]]) -> tuple[str, ...]:
    """The pieces of a prompt again."""
    return tuple(each if isinstance(each, str) else Special(each["special"]) for each in values)


def opening_of(record: Mapping[str, Any]) -> Opening:
    """What is asked for; ProtocolError where a client asks in another form."""
    with expected("request"):
        work, loading = Work(**record["work"]), Loading(**record["loading"])
        return Opening(**{**record, "work": work, "loading": loading})


def opened_of(record: Mapping[str, Any]) -> Opened:
    """The model that was opened; ProtocolError where a server tells it in another form."""
    with expected("answer"):
        return Opened(**record)


def running_of(record: Mapping[str, Any]) -> list[Running]:
    """The models that a server holds; ProtocolError where it tells them in another form."""
    with expected("answer"):
        return [Running(**row) for row in record["models"]]


def question_of(record: Mapping[str, Any]) -> tuple[str, Prompt, Sampling]:
    """The model's id, the prompt and the sampling in a request for an answer."""
    with expected("request"):
        prompt = Prompt(pieces(record["pieces"]), pieces(record["stop"]), record["begun"])
        names = ("max_tokens", "temperature", "top_p", "seed", "logprobs")
        return record["model"], prompt, Sampling(**{name: record[name] for name in names})


@contextmanager
def expected(what: str) -> Iterator[None]:
    """ProtocolError where something was sent in another form."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise ProtocolError(
            f"this {what} has another form", "use the same version of starcoder on both sides"
        ) from error


class Writer:
    """Writes the chunks of an answer as events."""

    def __init__(self, head: Mapping[str, object], logprobs: bool) -> None:
        """`head` is what every event says: the id of the answer, the model."""
        self._head = head
        self._logprobs = logprobs
        self._made = 0

    def write(self, chunk: Chunk) -> bytes:
        """The event of a chunk; a comment for one that says nothing."""
        if not chunk.text and not chunk.tokens and not chunk.reason:
            return WAITING
        self._made += chunk.tokens
        choice = {
            "index": 0,
            "text": chunk.text,
            "finish_reason": chunk.reason,
            "logprobs": {"token_logprobs": [chunk.logprob]} if self._logprobs else None,
        }
        usage = {
            "prompt_tokens": chunk.prompt_tokens,
            "completion_tokens": self._made,
            "total_tokens": chunk.prompt_tokens + self._made,
            "prompt_tokens_details": {"cached_tokens": chunk.cached_tokens},
        }
        return event({**self._head, "choices": [choice], "usage": usage})


def event(record: Mapping[str, object]) -> bytes:
    """A record as one server-sent event."""
    return b"data: " + json.dumps(record).encode() + b"\n\n"


class Reader:
    """Reads the events of an answer as chunks."""

    def __init__(self) -> None:
        self._made = 0

    def read(self, record: Mapping[str, Any]) -> Chunk:
        """The chunk that an event tells of; raises the error that it tells of instead.

        A server that counts nothing is taken to send a token in each. Raises ProtocolError for an
        event of another form.
        """
        if "error" in record:
            raise error_of(record)
        with expected("answer"):
            choice, usage = record["choices"][0], record.get("usage") or {}
            total = usage.get("completion_tokens", self._made + 1)
            step, self._made = total - self._made, total
            details = usage.get("prompt_tokens_details") or {}
            probabilities = (choice.get("logprobs") or {}).get("token_logprobs") or [0.0]
            return Chunk(
                text=choice["text"],
                tokens=step,
                reason=choice.get("finish_reason"),
                prompt_tokens=usage.get("prompt_tokens", 0),
                logprob=sum(probabilities),
                cached_tokens=details.get("cached_tokens"),
            )


def error_record(error: StarcoderError) -> Mapping[str, object]:
    """An error as a server's answer."""
    told = {"message": error.message, "hint": error.hint, "code": int(error.exit_code)}
    return {"error": {**told, "type": type(error).__name__}}


def error_of(record: Mapping[str, object]) -> StarcoderError:
    """The error that a server's answer tells of, as the class that has its exit code."""
    given = record.get("error")
    told: Mapping[str, Any] = given if isinstance(given, dict) else {"message": given}
    kinds: dict[int, type[StarcoderError]] = {
        kind.exit_code: kind for kind in StarcoderError.__subclasses__()
    }
    kinds[StarcoderError.exit_code] = StarcoderError
    kind = kinds.get(told.get("code", ExitCode.PROTOCOL), ProtocolError)
    return kind(str(told.get("message", "the server failed")), str(told.get("hint") or ""))

"""The protocol between the program and its server, in both directions.

Answers have the form of OpenAI's completions API, streamed as server-sent events. Three things are
our own: a prompt is sent as `pieces` with control tokens marked, so that text never becomes one;
`forced_prefix` is what the answer must begin with; an error carries its exit code.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from starcoder_cli.errors import ExitCode, ProtocolError, StarcoderError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Prompt, Sampling, Special
from starcoder_cli.stream import Chunk

DONE_EVENT = b"data: [DONE]\n\n"
HEARTBEAT = b": reading\n\n"
"""Sent while there is nothing to send: writing this comment reveals a client that has left."""


@dataclass(frozen=True)
class LoadRequest:
    """A model to load: its name, the path of its file or folder, and how to load it.

    Its window holds `room` tokens. It stays for `keep_alive` seconds after its last answer: for
    ever if negative, and unchanged (or the default) if None.
    """

    model: str
    path: str
    room: int
    loading: LoadOptions
    keep_alive: float | None = None


@dataclass(frozen=True)
class LoadedInfo:
    """A loaded model: the id that requests use, and what is known about it.

    `tokens` are the control tokens it has, among those that a prompt may need; `told` holds the
    messages from loading it.
    """

    id: str
    engine: str
    window: int
    chat_template: str = ""
    tokens: Sequence[str] = ()
    told: Sequence[str] = ()


@dataclass(frozen=True)
class ModelStatus:
    """A model that the server holds: `since` and `until` are seconds from now, None for ever."""

    model: str
    engine: str
    window: int
    size: int
    since: float
    until: float | None
    answers: int
    busy: int


def encode_json(
    value: "Mapping[str, object] | Sequence[object] | LoadRequest | LoadedInfo | ModelStatus",
) -> bytes:
    """Encode a mapping, a list or one of the values defined here as JSON without spaces."""
    record = value if isinstance(value, Mapping | Sequence) else asdict(value)
    return json.dumps(record, separators=(",", ":")).encode()


def decode_json(data: bytes) -> Mapping[str, object]:
    """Decode a JSON object; raises ProtocolError for anything else."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ProtocolError("the server's answer is not a JSON object", "is it a starcoder server?")
    return value


def prompt_request(model: str, prompt: Prompt, sampling: Sampling) -> Mapping[str, object]:
    """Build a request for the answer to a prompt."""
    return {
        "model": model,
        "pieces": [encode_piece(piece) for piece in prompt.pieces],
        "stop": [encode_piece(stop) for stop in prompt.stop],
        "forced_prefix": prompt.forced_prefix,
        "references": prompt.references,
        "stream": True,
        **asdict(sampling),
    }


def encode_piece(piece: str) -> str | Mapping[str, str]:
    """Encode a piece of a prompt: text as it is, a control token by name."""
    return {"special": str(piece)} if isinstance(piece, Special) else piece


def decode_pieces(encoded: Iterable[str | Mapping[str, str]]) -> tuple[str, ...]:
    """Decode the pieces of a prompt."""
    return tuple(
        piece if isinstance(piece, str) else Special(piece["special"]) for piece in encoded
    )


def parse_load_request(record: Mapping[str, Any]) -> LoadRequest:
    """The model to load; raises ProtocolError if the request is malformed."""
    with reject_malformed("request"):
        return LoadRequest(**{**record, "loading": LoadOptions(**record["loading"])})


def parse_loaded_info(record: Mapping[str, Any]) -> LoadedInfo:
    """The model that was loaded; raises ProtocolError if the answer is malformed."""
    with reject_malformed("answer"):
        return LoadedInfo(**record)


def parse_model_statuses(record: Mapping[str, Any]) -> list[ModelStatus]:
    """The models that a server holds; raises ProtocolError if the answer is malformed."""
    with reject_malformed("answer"):
        return [ModelStatus(**row) for row in record["models"]]


def parse_prompt_request(record: Mapping[str, Any]) -> tuple[str, Prompt, Sampling]:
    """Parse the model's id, the prompt and the sampling from a request for an answer."""
    with reject_malformed("request"):
        prompt = Prompt(
            decode_pieces(record["pieces"]),
            decode_pieces(record["stop"]),
            record["forced_prefix"],
            tuple(record["references"]),
        )
        names = ("max_tokens", "temperature", "top_p", "seed", "logprobs")
        return record["model"], prompt, Sampling(**{name: record[name] for name in names})


@contextmanager
def reject_malformed(what: str) -> Iterator[None]:
    """Raise ProtocolError for malformed data in this context."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise ProtocolError(
            f"this {what} has another form", "use the same version of starcoder on both sides"
        ) from error


class ChunkEncoder:
    """Encodes the chunks of an answer as events."""

    def __init__(self, common_fields: Mapping[str, object], logprobs: bool) -> None:
        """`common_fields` are the same in every event: the id of the answer, the model."""
        self._common_fields = common_fields
        self._logprobs = logprobs
        self._generated_tokens = 0

    def encode(self, chunk: Chunk) -> bytes:
        """Encode a chunk as an event; an empty chunk becomes a comment."""
        if not chunk.text and not chunk.tokens and not chunk.reason:
            return HEARTBEAT
        self._generated_tokens += chunk.tokens
        choice = {
            "index": 0,
            "text": chunk.text,
            "finish_reason": chunk.reason,
            "logprobs": {"token_logprobs": [chunk.logprob]} if self._logprobs else None,
        }
        usage = {
            "prompt_tokens": chunk.prompt_tokens,
            "completion_tokens": self._generated_tokens,
            "total_tokens": chunk.prompt_tokens + self._generated_tokens,
            "prompt_tokens_details": {"cached_tokens": chunk.cached_tokens},
        }
        return encode_event({**self._common_fields, "choices": [choice], "usage": usage})


def encode_event(record: Mapping[str, object]) -> bytes:
    """Encode a record as one server-sent event."""
    return b"data: " + encode_json(record) + b"\n\n"


class ChunkDecoder:
    """Decodes the events of an answer into chunks."""

    def __init__(self) -> None:
        self._generated_tokens = 0

    def decode(self, record: Mapping[str, Any]) -> Chunk:
        """Decode an event into a chunk; raises the error that it reports instead.

        If a server counts no tokens, each event counts as one. Raises ProtocolError for a malformed
        event.
        """
        if "error" in record:
            raise error_from_record(record)
        with reject_malformed("answer"):
            choice, usage = record["choices"][0], record.get("usage") or {}
            total = usage.get("completion_tokens", self._generated_tokens + 1)
            new_tokens, self._generated_tokens = total - self._generated_tokens, total
            details = usage.get("prompt_tokens_details") or {}
            logprobs = (choice.get("logprobs") or {}).get("token_logprobs") or [0.0]
            return Chunk(
                text=choice["text"],
                tokens=new_tokens,
                reason=choice.get("finish_reason"),
                prompt_tokens=usage.get("prompt_tokens", 0),
                logprob=sum(logprobs),
                cached_tokens=details.get("cached_tokens"),
            )


def error_record(error: StarcoderError) -> Mapping[str, object]:
    """Encode an error for an answer."""
    fields = {"message": error.message, "hint": error.hint, "code": int(error.exit_code)}
    return {"error": {**fields, "type": type(error).__name__}}


def error_from_record(record: Mapping[str, object]) -> StarcoderError:
    """The error that an answer reports, as the class with its exit code."""
    value = record.get("error")
    fields: Mapping[str, Any] = value if isinstance(value, dict) else {"message": value}
    error_classes: dict[int, type[StarcoderError]] = {
        error_class.exit_code: error_class for error_class in StarcoderError.__subclasses__()
    }
    error_classes[StarcoderError.exit_code] = StarcoderError
    error_class = error_classes.get(fields.get("code", ExitCode.PROTOCOL), ProtocolError)
    return error_class(
        str(fields.get("message", "the server failed")), str(fields.get("hint") or "")
    )

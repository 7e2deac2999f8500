"""How the HTTP API says what is wrong: in the form of OpenAI's errors."""

import json
from collections.abc import Mapping
from typing import Any

from starcoder_cli.errors import (
    BusyError,
    DataError,
    ExitCode,
    InputError,
    ProtocolError,
    RefusedError,
    StarcoderError,
    UnavailableError,
)

STATUS = {
    ExitCode.USAGE: 400,
    ExitCode.DATA: 400,
    ExitCode.PROTOCOL: 400,
    ExitCode.NO_INPUT: 404,
    ExitCode.REFUSED: 403,
    ExitCode.TRY_AGAIN: 429,
    ExitCode.MACHINE: 507,
}
"""The status of HTTP for the kinds of errors; 500 for all others."""

RETRY_SECONDS = 1


class ApiError(StarcoderError):
    """What a client is told: a status of HTTP, the field that is wrong, a word for programs."""

    def __init__(
        self, status: int, message: str, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    @classmethod
    def of(cls, error: Exception) -> "ApiError":
        """Any error as one for a client; of a bug only its kind, never what was being worked on."""
        if isinstance(error, ApiError):
            return error
        if not isinstance(error, StarcoderError):
            return cls(500, f"this is a bug in the server: {type(error).__name__}")
        status = STATUS.get(error.exit_code, 500)
        return cls(status, error.message, code="queue_full" if status == 429 else None)

    def record(self) -> Mapping[str, object]:
        """The error as a JSON object."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        if self.status == 429:
            kind = "rate_limit_error"
        told = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": told}

    def headers(self) -> Mapping[str, str]:
        """What goes with it in the head of an answer."""
        if self.status == 401:
            return {"WWW-Authenticate": "Bearer"}
        return {"Retry-After": str(RETRY_SECONDS)} if self.status == 429 else {}


LONGEST_MESSAGE = 400


def parsed(data: bytes) -> Mapping[str, Any]:
    """A JSON object; ProtocolError for anything else."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ProtocolError(
            "what the endpoint answers is not of OpenAI's form",
            "does its address end where its /v1 begins?",
        )
    return value


def message_of(body: bytes) -> str:
    """What an error says: in OpenAI's form, that of older vLLMs, or FastAPI's; empty if nothing."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for name in ("error", "message", "detail"):
        if isinstance(value, dict) and value.get(name):
            value = value[name]
    return value[:LONGEST_MESSAGE] if isinstance(value, str) else ""


def failure(record: Mapping[str, Any]) -> StarcoderError:
    """The error that an event tells of."""
    error = record["error"]
    code = error.get("code") if isinstance(error, dict) else 0
    return problem(code if isinstance(code, int) else 0, json.dumps(record).encode())


def problem(status: int, body: bytes) -> StarcoderError:
    """The error that an answer with a status is."""
    said = message_of(body)
    because = f": {said}" if said else ""
    if status in (401, 403):
        return RefusedError(
            f"the endpoint refuses the request without a right key ({status}){because}",
            "set STARCODER_API_KEY, or name a file with --api-key-file",
        )
    if status == 404:
        return InputError(
            f"the endpoint has no such thing (404){because}", "check its address and -m"
        )
    if status == 429:
        return BusyError(f"the endpoint wants fewer requests (429){because}", "try again later")
    if status >= 500:
        return UnavailableError(f"the endpoint failed ({status}){because}", "try again")
    if status in (400, 413, 422):
        return DataError(
            f"the endpoint refuses the request ({status}){because}",
            "ask for less, or see what it says",
        )
    return ProtocolError(
        f"the endpoint answers with status {status}{because}"
        if status
        else f"the endpoint reports an error{because}",
        "check its address",
    )

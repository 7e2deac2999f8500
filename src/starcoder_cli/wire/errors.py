"""How the HTTP API says what is wrong, and how other servers do: in the form of OpenAI's errors."""

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

HTTP_STATUS_BY_EXIT_CODE = {
    ExitCode.USAGE: 400,
    ExitCode.DATA: 400,
    ExitCode.PROTOCOL: 400,
    ExitCode.NO_INPUT: 404,
    ExitCode.REFUSED: 403,
    ExitCode.TRY_AGAIN: 429,
    ExitCode.MACHINE: 507,
}
"""The status of HTTP for the kinds of errors; 500 for all others."""

RETRY_AFTER_SECONDS = 1


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
    def from_exception(cls, error: Exception) -> "ApiError":
        """Any error as one for a client; of a bug only its kind, never what was being worked on."""
        if isinstance(error, ApiError):
            return error
        if not isinstance(error, StarcoderError):
            return cls(500, f"this is a bug in the server: {type(error).__name__}")
        status = HTTP_STATUS_BY_EXIT_CODE.get(error.exit_code, 500)
        return cls(status, error.message, code="queue_full" if status == 429 else None)

    def to_record(self) -> Mapping[str, object]:
        """The error as a JSON object."""
        error_type = "server_error" if self.status >= 500 else "invalid_request_error"
        if self.status == 429:
            error_type = "rate_limit_error"
        fields = {
            "message": self.message,
            "type": error_type,
            "param": self.param,
            "code": self.code,
        }
        return {"error": fields}

    def headers(self) -> Mapping[str, str]:
        """What goes with it in the head of an answer."""
        if self.status == 401:
            return {"WWW-Authenticate": "Bearer"}
        return {"Retry-After": str(RETRY_AFTER_SECONDS)} if self.status == 429 else {}


MAX_ERROR_MESSAGE_CHARACTERS = 400


def parse_endpoint_json(data: bytes) -> Mapping[str, Any]:
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


def extract_error_message(body: bytes) -> str:
    """What an error says: in OpenAI's form, that of older vLLMs, or FastAPI's; empty if nothing."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for name in ("error", "message", "detail"):
        if isinstance(value, dict) and value.get(name):
            value = value[name]
    return value[:MAX_ERROR_MESSAGE_CHARACTERS] if isinstance(value, str) else ""


def error_from_event(record: Mapping[str, Any]) -> StarcoderError:
    """The error that an event tells of."""
    error = record["error"]
    code = error.get("code") if isinstance(error, dict) else 0
    return error_from_status(code if isinstance(code, int) else 0, json.dumps(record).encode())


def error_from_status(status: int, body: bytes) -> StarcoderError:
    """The error that an answer with a status is."""
    message = extract_error_message(body)
    detail = f": {message}" if message else ""
    if status in (401, 403):
        return RefusedError(
            f"the endpoint refuses the request without a right key ({status}){detail}",
            "set STARCODER_API_KEY, or name a file with --api-key-file",
        )
    if status == 404:
        return InputError(
            f"the endpoint has no such thing (404){detail}", "check its address and -m"
        )
    if status == 429:
        return BusyError(f"the endpoint wants fewer requests (429){detail}", "try again later")
    if status >= 500:
        return UnavailableError(f"the endpoint failed ({status}){detail}", "try again")
    if status in (400, 413, 422):
        return DataError(
            f"the endpoint refuses the request ({status}){detail}",
            "ask for less, or see what it says",
        )
    return ProtocolError(
        f"the endpoint answers with status {status}{detail}"
        if status
        else f"the endpoint reports an error{detail}",
        "check its address",
    )

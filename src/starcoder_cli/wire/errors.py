"""Errors of the HTTP API, and of other servers, in the form of OpenAI's errors."""

import json
import re
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
"""The HTTP status for each kind of error; 500 for all others."""

RETRY_AFTER_SECONDS = 1


class ApiError(StarcoderError):
    """An error for a client: an HTTP status, the field that is wrong, a code for programs."""

    def __init__(
        self, status: int, message: str, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    @classmethod
    def from_exception(cls, error: Exception) -> "ApiError":
        """Turn any error into one for a client; a bug shows only its class, never any content."""
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
        """The extra headers of the answer."""
        if self.status == 401:
            return {"WWW-Authenticate": "Bearer"}
        return {"Retry-After": str(RETRY_AFTER_SECONDS)} if self.status == 429 else {}


MAX_ERROR_MESSAGE_CHARACTERS = 400
MAX_ERROR_DEPTH = 8
STATUS = re.compile(r"[1-5][0-9]{2}", re.ASCII)
ERROR_FIELDS = ("error", "errors", "message", "detail", "msg")
"""Fields that hold error messages: OpenAI, older vLLMs, FastAPI, and pydantic in FastAPI's list."""


def parse_endpoint_json(data: bytes) -> Mapping[str, Any]:
    """Parse a JSON object; raises ProtocolError for anything else."""
    value = load_json(data)
    if not isinstance(value, dict):
        raise ProtocolError(
            "the endpoint's answer is not in OpenAI's format",
            "does its address end where its /v1 begins?",
        )
    return value


def load_json(data: bytes) -> object:
    """Parse a JSON value, None if it is not one; invalid UTF-8 is replaced."""
    try:
        value: object = json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    return value


def extract_error_message(body: bytes) -> str:
    """The message in an error body, in any known server's form or as a line of plain text.

    Empty if there is no message, as in an HTML page.
    """
    message = find_error_message(load_json(body))
    text = body.decode("utf-8", "replace").strip()
    if not message and text.isprintable() and text[:1] not in ("<", "{", "[", '"'):
        message = text
    return message[:MAX_ERROR_MESSAGE_CHARACTERS]


def find_error_message(value: object, depth: int = 0) -> str:
    """Find the message in an error value; in a list, each message is prefixed with its field."""
    if depth > MAX_ERROR_DEPTH:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (find_error_message(each, depth + 1) for each in value[:3])))
    if isinstance(value, dict):
        found = (find_error_message(value.get(name), depth + 1) for name in ERROR_FIELDS)
        message = next(filter(None, found), "")
        location = value.get("loc")
        if message and isinstance(location, list):
            path = ".".join(str(part) for part in location if part != "body")
            return f"{path}: {message}" if path else message
        return message
    return value if depth and isinstance(value, str) else ""


def is_error(record: Mapping[str, Any]) -> bool:
    """Whether an event or a whole answer reports an error instead of text."""
    if record.get("error"):
        return True
    return not {"choices", "content"} & record.keys() and bool(find_error_message(record))


def error_from_event(record: Mapping[str, Any]) -> StarcoderError:
    """The error that an event reports."""
    error = record.get("error") or record
    code = str(error.get("code", "")) if isinstance(error, dict) else ""
    return error_from_status(
        int(code) if STATUS.fullmatch(code) else 0, json.dumps(record).encode()
    )


def error_from_status(status: int, body: bytes) -> StarcoderError:
    """The error for an answer's status and body."""
    message = extract_error_message(body)
    detail = f": {message}" if message else ""
    if status in (401, 403):
        return RefusedError(
            f"the endpoint refuses the request without a valid key ({status}){detail}",
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
    if status == 402:
        return RefusedError(
            f"the endpoint wants to be paid (402){detail}", "see your account there"
        )
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

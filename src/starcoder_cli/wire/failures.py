"""How the HTTP API says what is wrong: in the form of OpenAI's errors."""

from collections.abc import Mapping

from starcoder_cli.errors import ExitCode, StarcoderError

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

"""Errors, one class per kind: what happened, the way out, and the exit code.

Codes follow sysexits.h where it covers the case, so that scripts can tell them apart.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the program; they are part of its interface.

    NEGATIVE is not an error: the program ran, and a check failed.
    """

    DONE = 0
    NEGATIVE = 1
    USAGE = 2
    DATA = 65
    NO_INPUT = 66
    UNAVAILABLE = 69
    BUG = 70
    MACHINE = 71
    CANNOT_CREATE = 73
    IO = 74
    TRY_AGAIN = 75
    PROTOCOL = 76
    REFUSED = 77
    CONFIG = 78
    TIMEOUT = 124
    INTERRUPTED = 130


class StarcoderError(Exception):
    """One sentence that says what is wrong, one that says what to do, and an exit code."""

    exit_code = ExitCode.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


def extra_hint(extra: str) -> str:
    """How to install an extra of this program, whichever installer it came with."""
    return (
        f"install the extra `{extra}`: put '.[{extra}]' in place of . in the command that you "
        "installed with"
    )


class UsageError(StarcoderError):
    """The command line is invalid."""

    exit_code = ExitCode.USAGE


class DataError(StarcoderError):
    """Input or answer cannot be used: binary text, a damaged file, an edit that loses code."""

    exit_code = ExitCode.DATA


class InputError(StarcoderError):
    """A named file, model or folder does not exist, or is of the wrong kind."""

    exit_code = ExitCode.NO_INPUT


class UnavailableError(StarcoderError):
    """Something outside this process does not answer: the hub, a package index, a server."""

    exit_code = ExitCode.UNAVAILABLE


class MachineError(StarcoderError):
    """This machine cannot do it: too little memory, no such device."""

    exit_code = ExitCode.MACHINE


class CreateError(StarcoderError):
    """A requested file cannot be created."""

    exit_code = ExitCode.CANNOT_CREATE


class WriteError(StarcoderError):
    """Reading or writing failed: a full disk, a closed output."""

    exit_code = ExitCode.IO


class BusyError(StarcoderError):
    """The same call may work in a moment."""

    exit_code = ExitCode.TRY_AGAIN


class ProtocolError(StarcoderError):
    """The other side sent an answer that does not follow the protocol."""

    exit_code = ExitCode.PROTOCOL


class RefusedError(StarcoderError):
    """Refused: it is not safe, or a licence has to be accepted first."""

    exit_code = ExitCode.REFUSED


class ConfigError(StarcoderError):
    """A value in the configuration file or the environment is invalid."""

    exit_code = ExitCode.CONFIG


class NegativeError(StarcoderError):
    """The command ran, but a check failed, or there was nothing to do.

    Checks are `--verify`, `trace --fail-on`, `doctor` and how the editor of `config edit` exits;
    `config unset` may have nothing to do.
    """

    exit_code = ExitCode.NEGATIVE


class TimeLimitError(StarcoderError):
    """The time limit was reached."""

    exit_code = ExitCode.TIMEOUT


class MalformedError(ValueError):
    """What is wrong with some bytes: a clause about `it`, for a caller that can name them."""

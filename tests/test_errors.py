"""The kinds of errors: their exit codes, which scripts rely on, and what people read."""

import os

import pytest

from starcoder_cli import errors
from starcoder_cli.cli import main
from starcoder_cli.errors import DataError, ExitCode, InputError, StarcoderError, UsageError

KINDS = StarcoderError.__subclasses__()


def test_exit_codes_are_those_of_sysexits_where_it_has_one() -> None:
    """Scripts know the numbers: none of them may ever change."""
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": os.EX_OK,
        "NEGATIVE": 1,
        "USAGE": 2,
        "DATA": os.EX_DATAERR,
        "NO_INPUT": os.EX_NOINPUT,
        "UNAVAILABLE": os.EX_UNAVAILABLE,
        "BUG": os.EX_SOFTWARE,
        "MACHINE": os.EX_OSERR,
        "CANNOT_CREATE": os.EX_CANTCREAT,
        "IO": os.EX_IOERR,
        "TRY_AGAIN": os.EX_TEMPFAIL,
        "PROTOCOL": os.EX_PROTOCOL,
        "REFUSED": os.EX_NOPERM,
        "CONFIG": os.EX_CONFIG,
        "TIMEOUT": 124,
        "INTERRUPTED": 130,
    }


def test_each_kind_of_error_has_an_exit_code_of_its_own() -> None:
    """Success and Ctrl-C are no errors of ours, and what has no kind is a bug."""
    kinds = [kind for kind in KINDS if kind.__module__ == errors.__name__]
    codes = [kind.exit_code for kind in kinds]
    none = (ExitCode.DONE, ExitCode.BUG, ExitCode.INTERRUPTED)
    assert sorted(codes) == [code for code in ExitCode if code not in none]
    assert StarcoderError("x").exit_code == ExitCode.BUG


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (DataError("it is damaged", "get it again"), "it is damaged; get it again"),
        (DataError("it is damaged"), "it is damaged"),
        (UsageError("", "omit it"), "; omit it"),
    ],
)
def test_an_error_is_what_is_wrong_and_what_to_do(error: StarcoderError, text: str) -> None:
    assert str(error) == text
    assert error.args == (error.message,)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ["complete", "none.py", "-m", "echo"],
            InputError("cannot read none.py: No such file or directory", "check the name"),
        ),
        (
            ["complete", "-m", "echo", "--stop", ""],
            UsageError("an empty --stop would end every answer at once", "omit it"),
        ),
    ],
)
def test_the_command_line_reports_it_in_one_line_and_by_its_code(
    words: list[str], error: StarcoderError, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == error.exit_code
    assert capfd.readouterr() == ("", f"error: {error}\n")

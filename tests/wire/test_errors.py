"""Errors on the wire: what our API says of its own, and what other servers say of theirs."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.errors import (
    BusyError,
    ConfigError,
    DataError,
    ExitCode,
    InputError,
    MachineError,
    ProtocolError,
    RefusedError,
    StarcoderError,
    UnavailableError,
    UsageError,
    WriteError,
)
from starcoder_cli.wire.errors import (
    MAX_ERROR_MESSAGE_CHARACTERS,
    ApiError,
    error_from_event,
    error_from_status,
    extract_error_message,
    is_error,
    parse_endpoint_json,
)


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (UsageError("so", "hint"), 400, "invalid_request_error", None),
        (DataError("so"), 400, "invalid_request_error", None),
        (ProtocolError("so"), 400, "invalid_request_error", None),
        (InputError("so"), 404, "invalid_request_error", None),
        (RefusedError("so"), 403, "invalid_request_error", None),
        (BusyError("so"), 429, "rate_limit_error", "queue_full"),
        (MachineError("so"), 507, "server_error", None),
        (UnavailableError("so"), 500, "server_error", None),
        (ConfigError("so"), 500, "server_error", None),
        (WriteError("so"), 500, "server_error", None),
    ],
)
def test_each_kind_of_error_has_a_status(
    error: StarcoderError, status: int, kind: str, code: str | None
) -> None:
    told = ApiError.from_exception(error)
    assert told.status == status
    assert told.to_record() == {
        "error": {"message": "so", "type": kind, "param": None, "code": code}
    }


def test_of_a_bug_only_its_kind_is_told() -> None:
    """Its words may be those of a prompt."""
    bug = ApiError.from_exception(ValueError("the prompt"))
    assert bug.to_record() == {
        "error": {
            "message": "this is a bug in the server: ValueError",
            "type": "server_error",
            "param": None,
            "code": None,
        }
    }
    assert ApiError.from_exception(bug) is bug


@pytest.mark.parametrize(
    ("status", "headers"),
    [(400, {}), (401, {"WWW-Authenticate": "Bearer"}), (429, {"Retry-After": "1"}), (500, {})],
)
def test_who_has_no_key_or_asks_too_soon_is_told_in_the_head(
    status: int, headers: Mapping[str, str]
) -> None:
    assert ApiError(status, "x").headers() == headers


def test_an_error_names_the_field_that_is_wrong() -> None:
    error = ApiError(400, "n: it is too large", "n", "invalid_value")
    assert error.to_record() == {
        "error": {
            "message": "n: it is too large",
            "type": "invalid_request_error",
            "param": "n",
            "code": "invalid_value",
        }
    }


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'"a"', b"<html>", b"\xff", b"[" * 100_000, b'{"a": 1', b"null"]
)
def test_what_is_no_json_object_has_not_the_form(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_endpoint_json(data)
    assert str(caught.value) == (
        "the endpoint's answer is not in OpenAI's format; "
        "does its address end where its /v1 begins?"
    )


def test_an_object_is_what_it_says() -> None:
    assert parse_endpoint_json(b' {"a": [1, {"b": null}]}\n') == {"a": [1, {"b": None}]}


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"message": "so", "type": "x", "code": 400}}',
        '{"error": "so"}',
        '{"object": "error", "message": "so", "code": 400}',
        '{"detail": "so"}',
        '{"error": "", "message": "so"}',
        '{"errors": [{"message": "so", "code": 1}]}',
        '{"error": {"error": {"message": "so"}}}',
        '{"detail": [{"msg": "so", "type": "x"}]}',
        '{"message": {"detail": [{"msg": "so"}]}}',
        '[{"error": {"message": "so"}}]',
        "so",
    ],
)
def test_what_an_error_says(body: str) -> None:
    assert extract_error_message(body.encode()) == "so"


@pytest.mark.parametrize("body", ["", "[]", "<html>", '{"error": {"message": [1]}}', "[" * 100_000])
def test_an_error_that_says_nothing(body: str) -> None:
    assert extract_error_message(body.encode()) == ""


def test_an_error_of_a_field_names_it() -> None:
    row = {"loc": ["body", "stream_options"], "msg": "extra fields not permitted"}
    body = json.dumps({"detail": [row, {"loc": ["body"], "msg": "so"}]}).encode()
    assert extract_error_message(body) == "stream_options: extra fields not permitted; so"


@pytest.mark.parametrize(
    ("record", "is_one"),
    [
        ({"error": "so"}, True),
        ({"error": {}, "choices": []}, False),
        ({"object": "error", "message": "so", "code": 400}, True),
        ({"detail": "so"}, True),
        ({"error": {"message": "so"}, "choices": [{"text": "a"}]}, True),
        ({"error": None, "choices": []}, False),
        ({"content": "a", "message": "so"}, False),
        ({"usage": {}}, False),
        ({"message": {"role": "assistant", "content": "a"}}, False),
    ],
)
def test_which_events_are_errors(record: Mapping[str, object], is_one: bool) -> None:
    assert is_error(record) is is_one


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "message", "detail", "code"]), inner)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=30) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(deadline=None)
def test_no_body_breaks_the_reading_of_an_error(body: bytes) -> None:
    assert len(extract_error_message(body)) <= MAX_ERROR_MESSAGE_CHARACTERS
    assert isinstance(error_from_status(500, body), UnavailableError)


def test_a_long_message_is_cut() -> None:
    assert extract_error_message(json.dumps({"error": "x" * 1000}).encode()) == "x" * 400


@pytest.mark.parametrize(
    ("status", "kind", "code", "text"),
    [
        (
            401,
            RefusedError,
            ExitCode.REFUSED,
            "the endpoint refuses the request without a valid key (401): so; "
            "set STARCODER_API_KEY, or name a file with --api-key-file",
        ),
        (
            403,
            RefusedError,
            ExitCode.REFUSED,
            "the endpoint refuses the request without a valid key (403): so; "
            "set STARCODER_API_KEY, or name a file with --api-key-file",
        ),
        (
            404,
            InputError,
            ExitCode.NO_INPUT,
            "the endpoint has no such thing (404): so; check its address and -m",
        ),
        (
            429,
            BusyError,
            ExitCode.TRY_AGAIN,
            "the endpoint wants fewer requests (429): so; try again later",
        ),
        (
            402,
            RefusedError,
            ExitCode.REFUSED,
            "the endpoint wants to be paid (402): so; see your account there",
        ),
        *(
            (
                status,
                DataError,
                ExitCode.DATA,
                f"the endpoint refuses the request ({status}): so; "
                "ask for less, or see what it says",
            )
            for status in (400, 413, 422)
        ),
        *(
            (
                status,
                UnavailableError,
                ExitCode.UNAVAILABLE,
                f"the endpoint failed ({status}): so; try again",
            )
            for status in (500, 503, 599)
        ),
        (
            301,
            ProtocolError,
            ExitCode.PROTOCOL,
            "the endpoint answers with status 301: so; check its address",
        ),
        (
            0,
            ProtocolError,
            ExitCode.PROTOCOL,
            "the endpoint reports an error: so; check its address",
        ),
    ],
)
def test_a_status_of_another_server_is_an_error_of_ours(
    status: int, kind: type[StarcoderError], code: ExitCode, text: str
) -> None:
    error = error_from_status(status, b'{"error": {"message": "so"}}')
    assert (type(error), error.exit_code, str(error)) == (kind, code, text)
    assert ": so" not in str(error_from_status(status, b"<html>"))


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"error": {"message": "so", "code": 429}}, BusyError),
        ({"error": {"message": "so", "code": "rate_limit"}}, ProtocolError),
        ({"error": {"message": "so"}}, ProtocolError),
        ({"error": "so"}, ProtocolError),
        ({"error": {"message": "so", "code": "503"}}, UnavailableError),
        ({"object": "error", "message": "so", "code": 400}, DataError),
        ({"detail": "so"}, ProtocolError),
    ],
)
def test_an_error_in_the_midst_of_a_stream_has_a_status_in_it(
    record: Mapping[str, object], kind: type[StarcoderError]
) -> None:
    error = error_from_event(record)
    assert type(error) is kind
    assert ": so;" in str(error)

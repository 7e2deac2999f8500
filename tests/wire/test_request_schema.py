"""The fields of requests: each of exactly its type, and an error names the first that is wrong."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.request_schema import (
    ChatMessage,
    ChatSchema,
    CompletionSchema,
    Extra,
    InfillSchema,
    StreamOptions,
    StrictSchema,
    TextPart,
    validate_request,
)

NEEDED: Mapping[type[StrictSchema], Mapping[str, object]] = {
    CompletionSchema: {"prompt": "a"},
    ChatSchema: {"messages": [{"role": "user", "content": "a"}]},
    InfillSchema: {"input_prefix": "a", "input_suffix": "b"},
}


def refused(schema: type[StrictSchema], **fields: object) -> ApiError:
    """The error that a record is which has these fields too."""
    with pytest.raises(ApiError) as caught:
        validate_request(schema, {**NEEDED[schema], **fields})
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    ("given", "stop"),
    [(None, []), ("a", ["a"]), ([], []), (["a", "b"], ["a", "b"]), ("é" * 128, ["é" * 128])],
)
@pytest.mark.parametrize("schema", NEEDED)
def test_texts_to_stop_at_are_one_or_some(
    schema: type[CompletionSchema | ChatSchema | InfillSchema], given: object, stop: list[str]
) -> None:
    assert validate_request(schema, {**NEEDED[schema], "stop": given}).stop == stop


def test_a_prompt_may_be_a_list_of_one() -> None:
    assert validate_request(CompletionSchema, {"prompt": ["a"]}).prompt == "a"
    for prompt in (["a", "b"], [], [1], [["a"]], None):
        assert str(refused(CompletionSchema, prompt=prompt).param) == "prompt"


def test_a_message_is_a_text_or_its_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    for content, text in (("ab", "ab"), (parts, "ab"), ([], ""), ("", "")):
        record = {"messages": [{"role": "user", "content": content, "name": "me"}]}
        (message,) = validate_request(ChatSchema, record).messages
        assert (message.role, message.text, message.name) == ("user", text, "me")
    assert message == ChatMessage(role="user", content=[TextPart(type="text", text="")], name="me")


def test_what_an_editor_sends_that_changes_nothing_is_taken() -> None:
    record = {
        **NEEDED[InfillSchema],
        "cache_prompt": False,
        "id_slot": 3,
        "n_indent": 4,
        "top_k": 40,
        "min_p": 0.1,
        "samplers": ["top_k", "infill"],
        "t_max_prompt_ms": 500,
        "t_max_predict_ms": 1500,
        "response_fields": ["content"],
        "input_extra": [{"text": "t", "filename": "a.py", "time": 1.5}, {"text": "u"}],
    }
    asked = validate_request(InfillSchema, record)
    assert asked.input_extra == [Extra(text="t", filename="a.py", time=1.5), Extra(text="u")]
    assert (asked.n_predict, asked.seed, asked.stream) == (None, -1, False)


@pytest.mark.parametrize(
    ("schema", "fields", "param", "message"),
    [
        (
            CompletionSchema,
            {"max_tokens": 0},
            "max_tokens",
            "max_tokens: Input should be greater than or equal to 1",
        ),
        (
            CompletionSchema,
            {"stop": ["a", "é" * 128 + "b"]},
            "stop.1",
            "stop.1: it has more than 256 bytes",
        ),
        (
            ChatSchema,
            {"messages": [{"role": "user", "content": [{"type": "image_url", "text": ""}]}]},
            "messages.0.content.0.type",
            "messages.0.content.0.type: Input should be 'text'",
        ),
        (
            InfillSchema,
            {"input_extra": [{"filename": "a"}]},
            "input_extra.0.text",
            "input_extra.0.text: Field required",
        ),
    ],
)
def test_the_first_field_that_is_wrong_is_named(
    schema: type[StrictSchema], fields: Mapping[str, object], param: str, message: str
) -> None:
    error = refused(schema, **fields)
    assert (error.param, error.message, error.code) == (param, message, "invalid_value")


@pytest.mark.parametrize("schema", NEEDED)
@pytest.mark.parametrize(
    ("name", "param"), [("tools", "tools"), ("x" * 500, ""), ("a\x1b[31m\nb", "")]
)
def test_a_field_that_is_not_known_is_named_as_a_terminal_can_show_it(
    schema: type[StrictSchema], name: str, param: str
) -> None:
    error = refused(schema, **{name: 1})
    assert error.code == "unknown_parameter"
    assert error.param and error.param.isprintable() and len(error.param) <= 100
    assert error.message == f"{error.param} is not known or not supported here"
    assert error.param == (param or error.param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": 5.0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": "0"}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"stream": 1}, "stream"),
        ({"stream": "true"}, "stream"),
        ({"prompt": b"a"}, "prompt"),
        ({"model": ""}, "model"),
        ({"user": "x" * 257}, "user"),
        ({"stream_options": {"include_usage": None}}, "stream_options.include_usage"),
        ({"stream_options": {"chunks": 1}}, "stream_options.chunks"),
        ({"presence_penalty": 0.1}, "presence_penalty"),
    ],
)
def test_a_value_of_another_type_is_not_taken_for_one(
    fields: Mapping[str, object], param: str
) -> None:
    assert refused(CompletionSchema, **fields).param == param


def test_a_whole_number_is_a_number_too() -> None:
    asked = validate_request(CompletionSchema, {"prompt": "a", "temperature": 1, "top_p": 1})
    assert (asked.temperature, asked.top_p) == (1.0, 1.0)
    assert asked.stream_options is None
    options = {"prompt": "a", "stream_options": {"include_usage": True}}
    found = validate_request(CompletionSchema, options).stream_options
    assert found == StreamOptions(include_usage=True)


@given(
    st.sampled_from([*NEEDED]),
    st.sampled_from(["model", "n", "stop", "stream", "prompt", "messages", "seed", "input_extra"]),
    st.just("sentinel") | st.text(min_size=1).map(lambda text: f"sentinel{text}"),
)
@settings(deadline=None)
def test_no_value_is_ever_told_again(schema: type[StrictSchema], name: str, value: str) -> None:
    error = refused(schema, **{name: {"inner": [value]}})
    assert "sentinel" not in f"{error.message}{error.param}"

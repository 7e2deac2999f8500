"""What is said of a field that is wrong."""

import json

import pytest

from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.faults import describe_fault, kind_of_value
from starcoder_cli.wire.llamacpp_requests import read_infill
from starcoder_cli.wire.openai_requests import read_chat, read_completion

READERS = {"completion": read_completion, "chat": read_chat, "infill": read_infill}


@pytest.mark.parametrize(
    ("route", "body", "message"),
    [
        ("completion", {"prompt": 5}, "prompt has to be a text or a list of texts, not a number"),
        ("completion", {"prompt": [5]}, "prompt.0 has to be a text, not a number"),
        ("completion", {"prompt": []}, "prompt is empty"),
        ("completion", {}, "prompt is missing"),
        ("completion", {"prompt": ["x"] * 65}, "prompt has more than 64 entries"),
        ("completion", {"max_tokens": "5"}, "max_tokens has to be a whole number, not a text"),
        (
            "completion",
            {"max_tokens": 1.5},
            "max_tokens has to be a whole number, not a number with a fraction",
        ),
        ("completion", {"max_tokens": -1}, "max_tokens has to be 0 or more"),
        ("completion", {"temperature": 3}, "temperature has to be 2 or less"),
        ("completion", {"temperature": []}, "temperature has to be a number, not a list"),
        ("completion", {"seed": 2**65}, f"seed has to be {2**64} or less"),
        ("completion", {"stream": 1}, "stream has to be a boolean, not a number"),
        ("completion", {"stop": 1}, "stop has to be a text or a list of texts, not a number"),
        ("completion", {"stop": ["x" * 257]}, "stop.0 has more than 256 bytes"),
        ("completion", {"model": "x" * 257}, "model has more than 256 characters"),
        ("completion", {"stream_options": 1}, "stream_options has to be an object, not a number"),
        ("chat", {"messages": "hello"}, "messages has to be a list, not a text"),
        ("chat", {"messages": ["hello"]}, "messages.0 has to be an object, not a text"),
        ("chat", {"messages": [{}]}, "messages.0.role is missing"),
        (
            "chat",
            {"messages": [{"role": "me"}]},
            "messages.0.role has to be 'system', 'developer', 'user' or 'assistant'",
        ),
        (
            "chat",
            {"messages": [{"role": "user", "content": 1}]},
            "messages.0.content has to be a text or a list of its parts, not a number",
        ),
        (
            "chat",
            {"messages": [{"role": "assistant"}]},
            "messages.0.role has to be 'user' in the last message: only questions are answered",
        ),
        ("infill", {"samplers": 1}, "samplers has to be a text or a list of texts, not a number"),
    ],
)
def test_a_message_names_the_field_and_what_it_has_to_be(
    route: str, body: dict[str, object], message: str
) -> None:
    needed = {"infill": {"input_prefix": "", "input_suffix": ""}}
    prompt = {"prompt": "x"} if route == "completion" and body and "prompt" not in body else {}
    with pytest.raises(ApiError) as caught:
        READERS[route](json.dumps({**needed.get(route, {}), **prompt, **body}).encode())
    assert (caught.value.status, caught.value.message) == (400, message)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{bad", "its JSON is broken in line 1, column 2"),
        (b'{"prompt": "x",\n}', "its JSON is broken in line 2, column 1"),
        (b"prompt=x", "its JSON is broken in line 1, column 1"),
        (b"", "it is empty"),
        (b'"\xff"', "it is not UTF-8"),
        (b"[1]", "its JSON is not an object"),
        (b'{"prompt": NaN}', "NaN is not JSON"),
        (b'{"prompt": ' + b"9" * 5000 + b"}", "its JSON is broken"),
    ],
)
def test_what_is_no_object_is_told_with_its_place(body: bytes, why: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_completion(body)
    assert caught.value.message == f"the request has to be a JSON object: {why}"
    assert caught.value.status == 400


def test_a_fault_without_words_of_ours() -> None:
    assert describe_fault({"type": "new_kind", "msg": "So"}) == "is not taken: So"
    assert kind_of_value(b"") == "something else"

"""From a request to a response: as clients see it that send what real ones do."""

import json
from collections.abc import Iterator

import pytest

from apis import Server, Slow, local
from starcoder_cli.engines.echo import EchoModel

FRAME = "<|fim_prefix|>def f(x):\n    return <|fim_suffix|>\n<|fim_middle|>"


@pytest.fixture
def slow() -> Slow:
    """A model that counts its tokens."""
    return Slow(seconds=0)


@pytest.fixture
def server(slow: Slow) -> Iterator[Server]:
    """A server with that model."""
    with local(slow) as found:
        yield found


@pytest.fixture(scope="module")
def echo() -> Iterator[Server]:
    """A server whose answers are their prompts."""
    with local(EchoModel()) as found:
        yield found


@pytest.mark.parametrize("path", ["/v1/completions", "/completion", "/completions", "/generate"])
def test_a_gap_that_a_client_spelled(server: Server, slow: Slow, path: str) -> None:
    """It is read as that gap: control tokens around it, and none in its parts."""
    name = "inputs" if path == "/generate" else "prompt"
    assert server.post(path, **{name: FRAME}, stop="w1").status == 200
    pieces = [(type(piece).__name__, str(piece)) for piece in slow.prompts[-1].pieces]
    assert pieces == [
        ("Special", "<|fim_prefix|>"),
        ("str", "def f(x):\n    return "),
        ("Special", "<|fim_suffix|>"),
        ("str", "\n"),
        ("Special", "<|fim_middle|>"),
    ]
    server.post(path, **{name: f"# {FRAME}"}, stop="w1")
    assert {type(piece).__name__ for piece in slow.prompts[-1].pieces} == {"str"}


def test_answers_have_no_space_behind_a_colon(server: Server) -> None:
    """llama.vim looks for the text of an answer by a pattern."""
    asked = {"input_prefix": "x = ", "input_suffix": "\n", "n_predict": 2}
    assert b'"content":"w0 w1' in server.post("/infill", **asked).data
    assert b'"content":"w0' in server.post("/infill", stream=True, **asked).data


def test_a_client_gets_the_fields_that_it_names(server: Server) -> None:
    asked = {"input_prefix": "x = ", "input_suffix": "\n", "n_predict": 2}
    named = ["content", "timings/prompt_n", "timings/predicted_n", "truncated"]
    assert server.post("/infill", response_fields=named, **asked).json == {
        "content": "w0 w1 ",
        "timings/prompt_n": 7,
        "timings/predicted_n": 2,
        "truncated": False,
    }
    assert server.post("/infill", response_fields=[""], **asked).json == {}


@pytest.mark.parametrize("stream", [True, False])
def test_a_text_that_is_only_read(server: Server, slow: Slow, stream: bool) -> None:
    asked = {"input_prefix": "x = ", "input_suffix": "\n", "n_predict": 0, "stream": stream}
    reply = server.post("/infill", **asked)
    last = reply.events[-1] if stream else reply.json
    assert (last["content"], last["tokens_predicted"], last["tokens_evaluated"]) == ("", 0, 7)
    assert last["stop_type"] == "limit" and slow.made == 1
    whole = server.post("/v1/completions", prompt="a", max_tokens=0, echo=True).json
    assert whole["choices"][0]["text"] == "a" and whole["usage"]["completion_tokens"] == 0


def test_several_prompts_and_several_answers(echo: Server) -> None:
    reply = echo.post("/v1/completions", prompt=["a b", "c d"], n=2).json
    told = [(each["index"], each["text"]) for each in reply["choices"]]
    assert told == [(0, "a b"), (1, "a b"), (2, "c d"), (3, "c d")]
    asked = {"input_prefix": "x = ", "input_suffix": "\n", "n_cmpl": 3, "raw": True}
    several = echo.post("/infill", **asked).json
    assert [each["index"] for each in several] == [0, 1, 2]


def test_a_gap_in_mistrals_form(server: Server) -> None:
    asked = {"prompt": "x = ", "suffix": "\n", "max_tokens": 2}
    whole = server.post("/v1/fim/completions", **asked).json
    assert whole["choices"][0]["message"]["content"].split() == ["w0", "w1"]
    events = server.post("/v1/fim/completions", stream=True, **asked).events
    assert events[0]["choices"][0]["delta"]["content"].startswith("w0")


def test_a_generation_in_tgis_form(server: Server) -> None:
    asked = {"inputs": "x", "parameters": {"max_new_tokens": 2, "return_full_text": False}}
    assert server.post("/generate", **asked).json["generated_text"] == "w0 w1 "
    full = {"inputs": "x", "parameters": {"max_new_tokens": 1, "return_full_text": True}}
    assert server.post("/generate", **full).json["generated_text"] == "xw0 "
    events = server.post("/generate_stream", **asked).events
    assert [event["token"]["text"] for event in events[:2]] == ["w0 ", "w1 "]
    assert events[-1]["generated_text"] == "w0 w1 "


def test_ids_tell_what_was_asked(server: Server) -> None:
    talk = [{"role": "user", "content": "q"}]
    chat = server.post("/v1/chat/completions", messages=talk, max_tokens=1).json
    assert chat["id"].startswith("chatcmpl-")
    assert server.post("/v1/completions", prompt="a", max_tokens=1).json["id"].startswith("cmpl-")


def test_a_conversation_may_have_what_is_left_of_the_window(server: Server) -> None:
    talk = [{"role": "user", "content": "q" * 3000}]
    reply = server.post("/v1/chat/completions", messages=talk).json
    assert 800 < reply["usage"]["completion_tokens"] < 1096


def test_warnings_are_told_whole_and_in_streams(server: Server) -> None:
    asked = {"prompt": "a", "presence_penalty": 0.5, "max_tokens": 1}
    expected = ["not used here: presence_penalty"]
    assert server.post("/v1/completions", **asked).json["warnings"] == expected
    events = server.post("/v1/completions", stream=True, **asked).events
    assert [event["warnings"] for event in events if "warnings" in event] == [expected]


def test_an_error_before_the_first_token_has_its_status(server: Server, slow: Slow) -> None:
    slow.fails_at = 0
    for stream in (True, False):
        reply = server.post("/v1/completions", prompt="a", stream=stream)
        assert (reply.status, reply.error["type"]) == (500, "server_error")


def test_what_the_server_says_of_itself(server: Server) -> None:
    props = server.request("GET", "/props").json
    assert props["default_generation_settings"]["n_ctx"] == 4096 and props["total_slots"] >= 1
    slots = server.request("GET", "/slots").json
    assert len(slots) == props["total_slots"] and not slots[0]["is_processing"]
    assert server.request("GET", "/v1/models").json["data"][0]["max_model_len"] == 4096


def test_tokens_of_a_text(echo: Server, server: Server) -> None:
    assert echo.post("/tokenize", content="ab").json == {"tokens": [97, 98]}
    reply = server.post("/tokenize", content="ab")
    assert (reply.status, reply.error["code"]) == (501, "not_supported")
    assert json.loads(reply.data)

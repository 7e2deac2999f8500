"""What goes to other servers, and what they answer."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.errors import ProtocolError, UnavailableError
from starcoder_cli.model import Sampling
from starcoder_cli.net import sse
from starcoder_cli.net.sse import Lines
from starcoder_cli.prompts.chat import Conversation
from starcoder_cli.stream import Chunk, join
from starcoder_cli.wire import openai_client
from starcoder_cli.wire.errors import message_of
from starcoder_cli.wire.local_protocol import Writer
from starcoder_cli.wire.openai_client import DIALECTS, OTHER

VLLM, LLAMA = DIALECTS["vllm"], DIALECTS["llamacpp"]
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
HEAD = {"id": "a", "object": "text_completion"}


@given(st.lists(st.builds(Chunk, text=TEXT.filter(bool), prompt_tokens=st.just(3))), st.data())
def test_what_our_server_writes_is_read_however_it_arrives(
    chunks: list[Chunk], data: st.DataObject
) -> None:
    writer = Writer(HEAD, False)
    sent = b"".join(map(writer.write, [*chunks, Chunk("", 0, "length", 3)])) + b"data: [DONE]\n\n"
    lines = Lines()
    events: list[bytes] = []
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        events += lines.feed(sent[:size])
        sent = sent[size:]
    read = join(openai_client.chunks(events))
    assert (read.text, read.reason) == ("".join(chunk.text for chunk in chunks), "length")
    assert (read.tokens, read.prompt_tokens) == (len(chunks), 3)


def test_lines_as_servers_write_them() -> None:
    sent = b": here\r\nevent: x\r\ndata:1\r\n\r\ndata:  2 \n\ndata: [DONE]\n"
    assert list(Lines().feed(sent)) == [b"1", b"2", b"[DONE]"]
    with pytest.raises(ProtocolError, match="without an end"):
        list(Lines().feed(b"x" * (sse.LONGEST_LINE + 1)))


def events(*records: Mapping[str, object]) -> list[bytes]:
    """Records as the data of events."""
    return [json.dumps(record).encode() for record in records]


def test_an_answer_in_each_form() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}
    text = {"choices": [{"text": "ab", "logprobs": {"token_logprobs": [-1.0, -0.5]}}]}
    end = {"choices": [{"text": "", "finish_reason": "length"}]}
    read = join(openai_client.chunks(events(text, end, usage)))
    assert (read.text, read.reason, read.tokens, read.prompt_tokens) == ("ab", "length", 5, 9)
    assert read.logprob == -1.5
    said = {"choices": [{"delta": {"content": "c"}, "logprobs": {"content": [{"logprob": -2.0}]}}]}
    opening: Mapping[str, object] = {"choices": [{"delta": {"role": "assistant", "content": None}}]}
    read = join(openai_client.chunks([*events(opening, said), b"[DONE]"]))
    assert (read.text, read.reason, read.tokens, read.logprob) == ("c", "stop", 1, -2.0)
    native = {"content": "d", "stop": False, "completion_probabilities": [{"logprob": -3.0}]}
    last = {"content": "", "stop": True, "stop_type": "limit"}
    read = join(openai_client.chunks(events(native, last)))
    assert (read.text, read.reason, read.logprob) == ("d", "length", -3.0)


def test_an_answer_without_an_end() -> None:
    with pytest.raises(UnavailableError):
        join(openai_client.chunks(events({"choices": [{"text": "a"}]})))


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"message": "so", "type": "x", "code": 400}}',
        '{"error": "so"}',
        '{"object": "error", "message": "so", "code": 400}',
        '{"detail": "so"}',
    ],
)
def test_what_an_error_says(body: str) -> None:
    assert message_of(body.encode()) == "so"


@pytest.mark.parametrize("body", ["", "[]", "<html>", '{"error": {"message": [1]}}', "[" * 100_000])
def test_an_error_that_says_nothing(body: str) -> None:
    assert message_of(body.encode()) == ""


def test_the_models_that_are_served() -> None:
    rows = [{"id": "a", "owned_by": "vllm", "max_model_len": 9}, {"id": "b"}]
    served = openai_client.served_of({"data": [*rows, {"id": "c", "max_model_len": "9"}]})
    assert [(each.id, each.owner, each.window) for each in served] == [
        *(("a", "vllm", 9), ("b", "", 0), ("c", "", 0))
    ]
    for wrong in ("{}", '{"data": 1}', '{"data": [1]}', '{"data": [{}]}'):
        with pytest.raises(ProtocolError):
            openai_client.served_of(json.loads(wrong))


def test_requests() -> None:
    sampling = Sampling(5, 0.5, 0.9, 7, True)
    asked = openai_client.completion("m", [1, 2], sampling, VLLM, [3])
    assert (asked["prompt"], asked["stop_token_ids"], asked["logprobs"]) == ([1, 2], [3], 1)
    assert (asked["seed"], asked["repetition_penalty"], "stop" in asked) == (7, 1.0, False)
    asked = openai_client.completion("m", "a", Sampling(), OTHER, list("abcdef"))
    assert (asked["prompt"], asked["stop"]) == ("a", ["a", "b", "c", "d"])
    assert not {"seed", "logprobs", "top_k"} & set(asked)
    gap = openai_client.gap("m", "a", "b", sampling, LLAMA)
    assert (gap["input_prefix"], gap["input_suffix"], gap["n_probs"]) == ("a", "b", 1)
    gap = openai_client.gap("m", "a", "b", sampling, DIALECTS["starcoder"])
    assert (gap["prompt"], gap["suffix"], gap["logprobs"]) == ("a", "b", 1)
    talk = Conversation("s").said("q").answered("a").said("r")
    said = openai_client.chat("m", talk, sampling, OTHER)["messages"]
    assert isinstance(said, list)
    assert [each["role"] for each in said] == ["system", "user", "assistant", "user"]

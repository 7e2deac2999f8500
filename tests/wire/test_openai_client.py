"""What goes to other servers, and what they answer."""

import json
from collections.abc import Iterable, Mapping
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.errors import ProtocolError, UnavailableError
from starcoder_cli.model import Conversation, Sampling
from starcoder_cli.net.sse import read_events
from starcoder_cli.stream import Chunk, Completion, collect
from starcoder_cli.wire import openai_client
from starcoder_cli.wire.local_protocol import ChunkEncoder
from starcoder_cli.wire.openai_client import DIALECTS, GENERIC_DIALECT

VLLM, LLAMA = DIALECTS["vllm"], DIALECTS["llamacpp"]
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
HEAD = {"id": "a", "object": "text_completion"}


@given(st.lists(st.builds(Chunk, text=TEXT.filter(bool), prompt_tokens=st.just(3))), st.data())
def test_what_our_server_writes_is_read_however_it_arrives(
    chunks: list[Chunk], data: st.DataObject
) -> None:
    writer = ChunkEncoder(HEAD, False)
    sent = b"".join(map(writer.encode, [*chunks, Chunk("", 0, "length", 3)])) + b"data: [DONE]\n\n"
    size = data.draw(st.integers(1, len(sent)))
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    read = collected([event.data for event in read_events(pieces)])
    text = "".join(chunk.text for chunk in chunks)
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert (read.text, read.reason) == (whole, "length")
    assert (read.tokens, read.prompt_tokens) == (len(chunks), 3)


def collected(events: Iterable[bytes], max_tokens: int = 100) -> Completion:
    """The answer in some events."""
    return collect(openai_client.decode_stream(events, max_tokens))


def events(*records: Mapping[str, object]) -> list[bytes]:
    """Records as the data of events."""
    return [json.dumps(record).encode() for record in records]


def test_an_answer_in_each_form() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}
    text = {"choices": [{"text": "ab", "logprobs": {"token_logprobs": [-1.0, -0.5]}}]}
    end = {"choices": [{"text": "", "finish_reason": "length"}]}
    read = collected(events(text, end, usage))
    assert (read.text, read.reason, read.tokens, read.prompt_tokens) == ("ab", "length", 5, 9)
    assert read.logprob == -1.5
    said = {"choices": [{"delta": {"content": "c"}, "logprobs": {"content": [{"logprob": -2.0}]}}]}
    opening: Mapping[str, object] = {"choices": [{"delta": {"role": "assistant", "content": None}}]}
    read = collected([*events(opening, said), b"[DONE]"])
    assert (read.text, read.reason, read.tokens, read.logprob) == ("c", "stop", 1, -2.0)
    native = {"content": "d", "stop": False, "completion_probabilities": [{"logprob": -3.0}]}
    last = {"content": "", "stop": True, "stop_type": "limit"}
    read = collected(events(native, last))
    assert (read.text, read.reason, read.logprob) == ("d", "length", -3.0)


@pytest.mark.parametrize(("fields", "reason"), [({}, "stop"), ({"finish_reason": None}, "length")])
def test_an_answer_that_is_done_without_a_reason(fields: dict[str, None], reason: str) -> None:
    """A server that has a place for the reason, and says none, has broken off."""
    piece = {"choices": [{"text": "a", **fields}]}
    assert collected([*events(piece), b"[DONE]"]).reason == reason


def test_the_first_reason_is_the_reason() -> None:
    cut, end = ({"choices": [{"text": "", "finish_reason": each}]} for each in ("length", "stop"))
    assert collected(events(cut, end)).reason == "length"


def test_an_answer_that_goes_on_for_ever_is_cut_off() -> None:
    read = collected(repeat(b'{"choices": [{"delta": {"content": "a"}}]}'), 2)
    assert (read.text, read.reason) == ("a" * 1033, "length")


def test_an_answer_without_an_end() -> None:
    with pytest.raises(UnavailableError):
        collected(events({"choices": [{"text": "a"}]}))


def test_the_models_that_are_served() -> None:
    rows = [{"id": "a", "owned_by": "vllm", "max_model_len": 9}, {"id": "b"}]
    served = openai_client.parse_model_list({"data": [*rows, {"id": "c", "max_model_len": "9"}]})
    assert [(each.id, each.owner, each.window) for each in served] == [
        *(("a", "vllm", 9), ("b", "", 0), ("c", "", 0))
    ]
    for wrong in ("{}", '{"data": 1}', '{"data": [1]}', '{"data": [{}]}'):
        with pytest.raises(ProtocolError):
            openai_client.parse_model_list(json.loads(wrong))


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ([{"id": "a"}, "b"], ["a", "b"]),
        ({"data": None}, []),
        ({"object": "list", "data": None, "models": [{"name": "a"}]}, []),
        ({"models": [{"name": "a", "model": "b"}, {"name": "c"}]}, ["b", "c"]),
        ({"data": [{"id": "a", "owned_by": None, "max_model_len": None}]}, ["a"]),
    ],
)
def test_lists_of_models_in_other_forms(value: object, names: list[str]) -> None:
    assert [served.id for served in openai_client.parse_model_list(value)] == names


@pytest.mark.parametrize(
    ("fields", "window"),
    [
        ({"context_length": 9}, 9),
        ({"context_window": 9}, 9),
        ({"max_context_length": 9, "max_model_len": None}, 9),
        ({"meta": {"n_ctx": 9, "n_ctx_train": 32}}, 9),
        ({"meta": None, "context_length": "9"}, 0),
    ],
)
def test_servers_have_many_names_for_the_window(fields: dict[str, object], window: int) -> None:
    (served,) = openai_client.parse_model_list({"data": [{"id": "a", **fields}]})
    assert served.window == window


def test_a_field_that_a_server_does_not_know_is_left_out() -> None:
    asked = openai_client.chat_body("m", Conversation(), Sampling(5, seed=7), VLLM)
    find = openai_client.find_refused_fields
    assert find(asked, "stream_options: extra fields not permitted") == {"stream_options"}
    assert find(asked, "stream_options and min_p are unknown") == {"stream_options", "min_p"}
    assert find(asked, "Unrecognized request argument supplied: seed") == {"seed"}
    assert find(asked, "max_tokens is too large: 5") == set()
    assert find(asked, "temperature must be below 1") == set()
    assert find(asked, "messages: extra fields not permitted") == set()
    words = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    assert find(asked, words) == {"max_tokens"}
    left = openai_client.without_fields(asked, {"max_tokens", "seed", "raw"})
    assert left == {
        **{name: value for name, value in asked.items() if name not in ("max_tokens", "seed")},
        "max_completion_tokens": 5,
    }


def test_thoughts_that_a_server_tells_apart_are_no_text() -> None:
    thought = {"choices": [{"delta": {"reasoning_content": "hm", "content": None}}]}
    said = {"choices": [{"delta": {"content": "so"}, "finish_reason": "stop"}]}
    read = collected(events(thought, thought, said))
    assert (read.text, read.reasoning_content, read.tokens) == ("so", "hmhm", 3)


def test_requests() -> None:
    sampling = Sampling(5, 0.5, 0.9, 7, True)
    asked = openai_client.completion_body("m", [1, 2], sampling, VLLM, [3])
    assert (asked["prompt"], asked["stop_token_ids"], asked["logprobs"]) == ([1, 2], [3], 1)
    assert (asked["seed"], asked["repetition_penalty"], "stop" in asked) == (7, 1.0, False)
    asked = openai_client.completion_body("m", "a", Sampling(), GENERIC_DIALECT, list("abcdef"))
    assert (asked["prompt"], asked["stop"]) == ("a", ["a", "b", "c", "d"])
    assert not {"seed", "logprobs", "top_k"} & set(asked)
    gap = openai_client.infill_body("m", "a", "b", sampling, LLAMA)
    assert (gap["input_prefix"], gap["input_suffix"], gap["n_probs"]) == ("a", "b", 1)
    gap = openai_client.infill_body("m", "a", "b", sampling, DIALECTS["starcoder"])
    assert (gap["prompt"], gap["suffix"], gap["logprobs"]) == ("a", "b", 1)
    talk = Conversation("s").with_question("q").with_answer("a").with_question("r")
    said = openai_client.chat_body("m", talk, sampling, GENERIC_DIALECT)["messages"]
    assert isinstance(said, list)
    assert [each["role"] for each in said] == ["system", "user", "assistant", "user"]

"""What goes over the wire comes out as it went in."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli import errors
from starcoder_cli.errors import ExitCode, ProtocolError, StarcoderError, UsageError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Prompt, Sampling, Special
from starcoder_cli.stream import Chunk
from starcoder_cli.wire import local_protocol

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
PIECES = st.lists(TEXT | TEXT.map(Special), max_size=4).map(tuple)
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type)]


@given(PIECES, PIECES, TEXT)
def test_a_question(pieces: tuple[str, ...], stop: tuple[str, ...], start: str) -> None:
    """Control tokens stay such, and text stays text, with every surrogate in it."""
    prompt, sampling = Prompt(pieces, stop, start, (start,)), Sampling(5, 0.5, 0.9, 3, True)
    sent = local_protocol.encode_json(local_protocol.prompt_request("m", prompt, sampling))
    model, arrived, how = local_protocol.parse_prompt_request(local_protocol.decode_json(sent))
    assert (model, arrived, how) == ("m", prompt, sampling)
    for before, after in zip((*pieces, *stop), (*arrived.pieces, *arrived.stop), strict=True):
        assert isinstance(after, Special) == isinstance(before, Special)


def test_an_opening_and_what_was_opened() -> None:
    opening = local_protocol.LoadRequest("m", "/m", 9, LoadOptions(quantize="8bit"), -1.0)
    assert (
        local_protocol.parse_load_request(
            local_protocol.decode_json(local_protocol.encode_json(opening))
        )
        == opening
    )
    opened = local_protocol.LoadedInfo("m#1", "openvino", 512, "{{ x }}", ["<a>"], ["one"])
    assert (
        local_protocol.parse_loaded_info(
            local_protocol.decode_json(local_protocol.encode_json(opened))
        )
        == opened
    )
    running = local_protocol.ModelStatus("m", "openvino", 512, 99, 1.5, None, 3, 0)
    assert local_protocol.parse_model_statuses({"models": [asdict(running)]}) == [running]


CHUNKS = st.builds(
    Chunk,
    text=TEXT,
    tokens=st.integers(0, 9),
    reason=st.sampled_from([None, "stop", "length"]),
    prompt_tokens=st.integers(0, 99),
    logprob=st.floats(-50, 0),
    cached_tokens=st.none() | st.integers(0, 99),
)


@given(st.lists(CHUNKS, max_size=6))
def test_an_answer(chunks: list[Chunk]) -> None:
    writer, reader = (
        local_protocol.ChunkEncoder({"id": "a", "object": "text_completion"}, True),
        local_protocol.ChunkDecoder(),
    )
    events = b"".join(map(writer.encode, chunks)).split(b"\n\n")[:-1]
    told = [event for event in events if event != local_protocol.HEARTBEAT.rstrip()]
    arrived = [
        reader.decode(local_protocol.decode_json(event.removeprefix(b"data: "))) for event in told
    ]
    assert arrived == [chunk for chunk in chunks if chunk.text or chunk.tokens or chunk.reason]


def test_an_event_has_the_form_of_openai() -> None:
    writer = local_protocol.ChunkEncoder(
        {"id": "a", "object": "text_completion", "model": "m"}, False
    )
    writer.encode(Chunk("a", 2, None, 7))
    event = json.loads(writer.encode(Chunk("b", 1, "stop", 7)).removeprefix(b"data: "))
    assert event == {
        "id": "a",
        "object": "text_completion",
        "model": "m",
        "choices": [{"index": 0, "text": "b", "finish_reason": "stop", "logprobs": None}],
        "usage": {
            "prompt_tokens": 7,
            "completion_tokens": 3,
            "total_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": None},
        },
    }


def test_a_server_that_counts_nothing_sends_a_token_in_each() -> None:
    reader = local_protocol.ChunkDecoder()
    events = [{"choices": [{"text": text}]} for text in "ab"]
    assert [reader.decode(event) for event in events] == [Chunk("a"), Chunk("b")]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, StarcoderError)])
def test_an_error(kind: type[StarcoderError]) -> None:
    arrived = local_protocol.error_from_record(
        local_protocol.decode_json(
            local_protocol.encode_json(local_protocol.error_record(kind("what", "do")))
        )
    )
    assert (type(arrived), str(arrived)) == (kind, "what; do")


@pytest.mark.parametrize("error", ["full", {"message": "full", "code": "x"}, None])
def test_an_error_of_another_server(error: object) -> None:
    arrived = local_protocol.error_from_record({"error": error})
    assert arrived.exit_code == ExitCode.PROTOCOL


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"1", b"[" * 100_000, b"\xff"])
def test_what_is_no_object(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        local_protocol.decode_json(data)


def test_what_has_another_form() -> None:
    for read in (
        local_protocol.parse_load_request,
        local_protocol.parse_loaded_info,
        local_protocol.parse_prompt_request,
        local_protocol.parse_model_statuses,
    ):
        prompt = {"pieces": [3], "stop": [], "forced_prefix": ""}
        for record in ({}, {"work": 1}, prompt, {"models": [1]}):
            with pytest.raises(ProtocolError, match="another form"):
                read(record)
    events: list[dict[str, object]]
    events = [{}, {"choices": []}, {"choices": [1]}, {"choices": [{}]}]
    for event in events:
        with pytest.raises(ProtocolError, match="another form"):
            local_protocol.ChunkDecoder().decode(event)


def test_a_value_without_meaning_is_the_clients_fault() -> None:
    question = dict(local_protocol.prompt_request("m", Prompt(("a",)), Sampling()))
    with pytest.raises(UsageError):
        local_protocol.parse_prompt_request({**question, "temperature": -1})

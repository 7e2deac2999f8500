"""What goes over the wire comes out as it went in."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli import errors
from starcoder_cli.errors import ExitCode, ProtocolError, StarcoderError, UsageError
from starcoder_cli.loading import Loading, Work
from starcoder_cli.model import Prompt, Sampling, Special
from starcoder_cli.stream import Chunk
from starcoder_cli.wire import local_protocol

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
PIECES = st.lists(TEXT | TEXT.map(Special), max_size=4).map(tuple)
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type)]


@given(PIECES, PIECES, TEXT)
def test_a_question(pieces: tuple[str, ...], stop: tuple[str, ...], begun: str) -> None:
    """Control tokens stay such, and text stays text, with every surrogate in it."""
    prompt, sampling = Prompt(pieces, stop, begun), Sampling(5, 0.5, 0.9, 3, True)
    sent = local_protocol.encode(local_protocol.asked("m", prompt, sampling))
    model, arrived, how = local_protocol.question_of(local_protocol.decode(sent))
    assert (model, arrived, how) == ("m", prompt, sampling)
    for before, after in zip((*pieces, *stop), (*arrived.pieces, *arrived.stop), strict=True):
        assert isinstance(after, Special) == isinstance(before, Special)


def test_an_opening_and_what_was_opened() -> None:
    opening = local_protocol.Opening("m", "/m", 9, Work(1, 2, 3), Loading(quantize="8bit"), -1.0)
    assert (
        local_protocol.opening_of(local_protocol.decode(local_protocol.encode(opening))) == opening
    )
    opened = local_protocol.Opened("m#1", "openvino", 512, "{{ x }}", {"<a>": 3}, ["one"])
    assert local_protocol.opened_of(local_protocol.decode(local_protocol.encode(opened))) == opened
    running = local_protocol.Running("m", "openvino", 512, 99, 1.5, None, 3, 0)
    assert local_protocol.running_of({"models": [asdict(running)]}) == [running]


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
        local_protocol.Writer({"id": "a", "object": "text_completion"}, True),
        local_protocol.Reader(),
    )
    events = b"".join(map(writer.write, chunks)).split(b"\n\n")[:-1]
    told = [event for event in events if event != local_protocol.WAITING.rstrip()]
    arrived = [reader.read(local_protocol.decode(event.removeprefix(b"data: "))) for event in told]
    assert arrived == [chunk for chunk in chunks if chunk.text or chunk.tokens or chunk.reason]


def test_an_event_has_the_form_of_openai() -> None:
    writer = local_protocol.Writer({"id": "a", "object": "text_completion", "model": "m"}, False)
    writer.write(Chunk("a", 2, None, 7))
    event = json.loads(writer.write(Chunk("b", 1, "stop", 7)).removeprefix(b"data: "))
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
    reader = local_protocol.Reader()
    events = [{"choices": [{"text": text}]} for text in "ab"]
    assert [reader.read(event) for event in events] == [Chunk("a"), Chunk("b")]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, StarcoderError)])
def test_an_error(kind: type[StarcoderError]) -> None:
    arrived = local_protocol.error_of(
        local_protocol.decode(
            local_protocol.encode(local_protocol.error_record(kind("what", "do")))
        )
    )
    assert (type(arrived), str(arrived)) == (kind, "what; do")


@pytest.mark.parametrize("error", ["full", {"message": "full", "code": "x"}, None])
def test_an_error_of_another_server(error: object) -> None:
    arrived = local_protocol.error_of({"error": error})
    assert arrived.exit_code == ExitCode.PROTOCOL


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"1", b"[" * 100_000, b"\xff"])
def test_what_is_no_object(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        local_protocol.decode(data)


def test_what_has_another_form() -> None:
    for read in (
        local_protocol.opening_of,
        local_protocol.opened_of,
        local_protocol.question_of,
        local_protocol.running_of,
    ):
        for record in ({}, {"work": 1}, {"pieces": [3], "stop": [], "begun": ""}, {"models": [1]}):
            with pytest.raises(ProtocolError, match="another form"):
                read(record)
    events: list[dict[str, object]]
    events = [{}, {"choices": []}, {"choices": [1]}, {"choices": [{}]}]
    for event in events:
        with pytest.raises(ProtocolError, match="another form"):
            local_protocol.Reader().read(event)


def test_a_value_without_meaning_is_the_clients_fault() -> None:
    question = dict(local_protocol.asked("m", Prompt(("a",)), Sampling()))
    with pytest.raises(UsageError):
        local_protocol.question_of({**question, "temperature": -1})

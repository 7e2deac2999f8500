"""What events say, in the words of many servers."""

import contextlib
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.errors import DataError, StarcoderError, UnavailableError
from starcoder_cli.stream import Chunk, collect
from starcoder_cli.wire.openai_events import StreamEvent, join_surrogates, parse_stream_event


def of_choice(**choice: object) -> Mapping[str, object]:
    """An event with one choice."""
    return {"choices": [choice]}


@pytest.mark.parametrize(
    ("record", "text", "reasoning"),
    [
        ({"usage": {"prompt_tokens": 3}}, "", ""),
        ({"id": "x"}, "", ""),
        ({"choices": None}, "", ""),
        ({"choices": []}, "", ""),
        (of_choice(delta=None), "", ""),
        (of_choice(text=None), "", ""),
        (of_choice(delta={"content": None}), "", ""),
        (of_choice(delta="x", text=3), "", ""),
        (of_choice(delta={"content": "a"}, message={"content": "all"}), "a", ""),
        (of_choice(delta={}, message={"content": "all"}), "", ""),
        (of_choice(message={"role": "assistant", "content": "a"}), "a", ""),
        (of_choice(delta=None, message={"content": "a"}), "a", ""),
        (of_choice(delta={"content": [{"type": "text", "text": "a"}, {"text": "b"}, 3]}), "ab", ""),
        (of_choice(delta={"content": "a", "reasoning_content": "r"}), "a", "r"),
        (of_choice(delta={"content": "", "reasoning": "r"}), "", "r"),
        (of_choice(delta={"content": None, "thinking": "r", "reasoning_content": None}), "", "r"),
        (
            of_choice(
                delta={
                    "content": [{"type": "thinking", "thinking": [{"text": "r"}]}, {"text": "a"}]
                }
            ),
            "a",
            "r",
        ),
        ({"content": "a", "stop": False}, "a", ""),
        ({"content": None}, "", ""),
    ],
)
def test_the_text_of_an_event(record: Mapping[str, object], text: str, reasoning: str) -> None:
    event = parse_stream_event(record)
    assert (event.text, event.reasoning_content, event.reason) == (text, reasoning, None)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((None, "", "null", 3, {}, []), None),
        (("stop", "eos", "eos_token", "end_turn", "stop_sequence"), "stop"),
        (("length", "MAX_TOKENS", "model_length"), "length"),
    ],
)
def test_why_an_answer_ends(values: tuple[object, ...], reason: str | None) -> None:
    for value in values:
        assert parse_stream_event(of_choice(text="a", finish_reason=value)).reason == reason


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"content": "", "stop": True, "stop_type": "limit"}, "length"),
        ({"content": "", "stop": True, "stopped_limit": True}, "length"),
        ({"content": "", "stop": True, "stop_type": "eos"}, "stop"),
    ],
)
def test_why_an_answer_of_llama_cpp_ends(record: Mapping[str, object], reason: str) -> None:
    assert parse_stream_event(record).reason == reason


def test_an_answer_that_is_not_whole_is_an_error() -> None:
    for reason, kind in (("content_filter", DataError), ("error", UnavailableError)):
        with pytest.raises(kind):
            parse_stream_event(of_choice(text="a", finish_reason=reason))


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, (0, 0)),
        ([], (0, 0)),
        ("many", (0, 0)),
        ({"prompt_tokens": "9", "completion_tokens": None}, (0, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 5}, (9, 5)),
    ],
)
def test_what_it_cost(usage: object, counts: tuple[int, int]) -> None:
    event = parse_stream_event({**of_choice(text="a"), "usage": usage})
    assert event == StreamEvent("a", prompt_tokens=counts[0], completion_tokens=counts[1])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "content", "text", "finish_reason", "usage", "logprobs"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["choices", "content", "usage", "stop"]), VALUES))
@settings(deadline=None)
def test_no_event_is_a_bug(record: Mapping[str, object]) -> None:
    with contextlib.suppress(StarcoderError):
        assert isinstance(parse_stream_event(record).text, str)


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        (("\ud83d", "\ude00"), "😀"),
        (("a\ud83d", "", "\ude00b"), "a😀b"),
        (("\ud83d", "a"), "\ufffda"),
        (("\ude00",), "\ufffd"),
        (("\ud83d",), "\ufffd"),
        (("\ud83d\ud83d", "\ude00"), "\ufffd😀"),
        (("a😀",), "a😀"),
    ],
)
def test_halves_of_a_character_in_two_events_are_one(texts: tuple[str, ...], text: str) -> None:
    chunks = [*map(Chunk, texts), Chunk("", 0, "stop")]
    assert collect(join_surrogates(chunks)).text == text
    assert (
        collect(join_surrogates([*map(Chunk, texts[:-1]), Chunk(texts[-1], 1, "stop")])).text
        == text
    )

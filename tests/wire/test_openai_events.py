"""What events say, in the words of many servers."""

import contextlib
from collections import deque
from collections.abc import Mapping
from itertools import repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.errors import DataError, ProtocolError, StarcoderError, UnavailableError
from starcoder_cli.stream import Chunk, collect
from starcoder_cli.wire.openai_events import (
    StreamEvent,
    join_surrogates,
    limit_events,
    parse_stream_event,
)


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
        (of_choice(text="a", delta={"content": "a", "token_id": 1}), "a", ""),
        (of_choice(text="a", message={"content": "a"}), "a", ""),
        (of_choice(text="a", delta={"content": ""}), "a", ""),
        (of_choice(text="", delta={"content": "a"}), "a", ""),
        (of_choice(delta={"reasoning": "r", "reasoning_content": "r", "thinking": "r"}), "", "r"),
        (of_choice(delta={"content": [{"thinking": "r", "reasoning": "r"}]}), "", "r"),
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
        ((None, "", "null", "NOT_FINISHED", 3, {}, []), None),
        (("stop", "STOP", "eos", "eos_token", "end_turn", "stop_sequence", "COMPLETE"), "stop"),
        (("tool_calls", "function_call", "tool_use"), "stop"),
        (("length", "MAX_TOKENS", "model_length", "max_length", "token_limit"), "length"),
    ],
)
def test_why_an_answer_ends(values: tuple[object, ...], reason: str | None) -> None:
    for value in values:
        assert parse_stream_event(of_choice(text="a", finish_reason=value)).reason == reason


@pytest.mark.parametrize(
    "value",
    [
        "abort",
        "cancelled",
        "insufficient_system_resource",
        "model_context_window_exceeded",
        "network_error",
        "timeout",
        "a word of next year",
    ],
)
def test_an_unknown_reason_is_that_of_an_answer_that_was_cut_off(value: str) -> None:
    assert parse_stream_event(of_choice(text="a", finish_reason=value)).reason == "length"


@pytest.mark.parametrize(
    ("choices", "text", "reason"),
    [
        ([{"index": 0, "text": "a"}, {"index": 1, "text": "b"}], "a", None),
        ([{"index": 1, "text": "b"}, {"index": 0, "text": "a"}], "a", None),
        ([{"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}], "", None),
        ([{"index": 1, "finish_reason": "content_filter"}], "", None),
        ([{"index": None, "text": "a", "finish_reason": "stop"}, {"index": 2}], "a", "stop"),
    ],
)
def test_of_several_answers_the_first_is_read(
    choices: list[object], text: str, reason: str | None
) -> None:
    event = parse_stream_event({"choices": choices, "usage": {"completion_tokens": 3}})
    assert (event.text, event.reason, event.completion_tokens) == (text, reason, 3)


def test_choices_of_another_form_are_an_error() -> None:
    for choices in ("a", {"text": "a"}, [{"text": "a"}, "b"], [None]):
        with pytest.raises(ProtocolError):
            parse_stream_event({"choices": choices})


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


@pytest.mark.parametrize("reason", ["content_filter", "SAFETY", "sensitive", "refusal"])
def test_an_answer_that_a_filter_ended_is_an_error(reason: str) -> None:
    with pytest.raises(DataError, match="the endpoint's filter ended the answer"):
        parse_stream_event(of_choice(text="a", finish_reason=reason))


def test_an_answer_in_which_a_server_failed_is_an_error() -> None:
    with pytest.raises(UnavailableError):
        parse_stream_event(of_choice(text="a", finish_reason="error"))


@pytest.mark.parametrize(
    ("event", "count", "last"),
    [
        (StreamEvent("a"), 16 * 2 + 1000 + 1, StreamEvent(reason="length")),
        (StreamEvent("", "thought"), 603, StreamEvent("", "tho", "length")),
        (StreamEvent("a" * 1000), 4, StreamEvent("a" * 224, "", "length")),
        (StreamEvent("\n" * 4_000_000, "b" * 24), 0, StreamEvent("\n" * 4200, "b" * 24, "length")),
    ],
    ids=["pieces", "characters", "large pieces", "one piece"],
)
def test_an_answer_without_an_end_is_cut_off(
    event: StreamEvent, count: int, last: StreamEvent
) -> None:
    """At 64 characters for each of two tokens, and 4096 more."""
    assert list(limit_events(repeat(event), 2)) == [*[event] * count, last]


HUGE = 10**400


def test_numbers_that_nobody_counts_to_are_none() -> None:
    """JSON's may be of any length, and Python reads NaN and Infinity as well."""
    for value in (HUGE, -HUGE, float("inf"), 2**53 + 1, 1.5, True, "7", None):
        usage = {"prompt_tokens": value, "completion_tokens": value}
        event = parse_stream_event({"usage": usage, "choices": []})
        assert (event.prompt_tokens, event.completion_tokens) == (0, 0)


@pytest.mark.parametrize(
    ("value", "logprob"),
    [(-0.5, -0.5), (float("nan"), 0), (-HUGE, -1000), (HUGE, 0), (float("-inf"), -1000), ("x", 0)],
)
def test_log_probabilities_that_are_none(value: object, logprob: float) -> None:
    for form in ({"token_logprobs": [value]}, {"content": [{"logprob": value}]}):
        assert parse_stream_event(of_choice(text="a", logprobs=form)).logprob == logprob


def test_a_server_that_sends_nothing_is_left() -> None:
    few = [StreamEvent()] * 100_000
    assert list(limit_events(few, 1)) == few
    with pytest.raises(UnavailableError, match="100,001 events had no text"):
        deque(limit_events(repeat(StreamEvent()), 1), 0)


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

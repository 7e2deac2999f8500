"""What clients of OpenAI's form ask, and of Mistral's."""

import json

import pytest

from starcoder_cli.model import Conversation, Hole, Message, Sampling
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.openai_requests import (
    read_chat,
    read_completion,
    read_fim,
)
from starcoder_cli.wire.requests import CompletionRequest


def completion(**fields: object) -> CompletionRequest:
    """What the body of a completion asks."""
    return read_completion(json.dumps({"prompt": "x", **fields}).encode())


def chat(*messages: object, **fields: object) -> CompletionRequest:
    """What the body of a chat completion asks."""
    return read_chat(json.dumps({"messages": messages, **fields}).encode())


def message(role: str, content: object = "x", **more: object) -> dict[str, object]:
    """A message as a client sends it."""
    return {"role": role, "content": content, **more}


def test_a_completion_and_a_gap() -> None:
    plain = CompletionRequest((Hole("x"),), Sampling(), 256)
    assert completion() == completion(prompt=["x"]) == completion(suffix="") == plain
    assert completion(suffix="y", filename="a.py", model="m") == CompletionRequest(
        (Hole("x", "y"),), Sampling(), 256, "m", is_infill=True, filename="a.py"
    )
    assert completion(suffix="y", raw=True).raw


def test_several_prompts_are_several_contents() -> None:
    assert completion(prompt=["a", "b"]).contents == (Hole("a"), Hole("b"))
    for prompt in ([], [1], [["a"]], ["a"] * 65, [1, 2]):
        with pytest.raises(ApiError, match="prompt"):
            completion(prompt=prompt)
    with pytest.raises(ApiError, match="64 answers"):
        completion(prompt=["a"] * 60, n=2)


def test_everything_that_can_be_asked() -> None:
    asked = completion(
        n=2,
        stop=["a", "b"],
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        echo=True,
        logprobs=5,
        seed=3,
        temperature=0.5,
        top_p=0.9,
        max_tokens=5,
    )
    assert asked == CompletionRequest(
        (Hole("x"),),
        Sampling(256, 0.5, 0.9, 3, True, 5),
        5,
        n=2,
        stop=("a", "b"),
        stream=True,
        include_usage=True,
        echo=True,
    )


def test_so_many_of_the_likeliest_tokens_as_are_asked_for() -> None:
    for asked, told in (
        (completion(logprobs=0), (True, 0)),
        (completion(logprobs=3), (True, 3)),
        (completion(), (False, 0)),
        (chat(message("user"), logprobs=True, top_logprobs=20), (True, 20)),
        (chat(message("user"), top_logprobs=20), (False, 0)),
    ):
        assert (asked.sampling.logprobs, asked.sampling.top_logprobs, asked.warnings) == (*told, ())
    assert completion(best_of=3).warnings == ("not used here: best_of",)


def test_a_gap_in_mistrals_form() -> None:
    body = {"prompt": "x", "suffix": "y", "random_seed": 4, "min_tokens": 0, "max_tokens": None}
    assert read_fim(json.dumps(body).encode()) == CompletionRequest(
        (Hole("x", "y"),), Sampling(seed=4), 256, is_infill=True
    )
    assert read_fim(b'{"prompt": "x"}').is_infill


def test_a_conversation() -> None:
    parts = [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]
    asked = chat(
        message("system", "a"),
        message("developer", "b"),
        message("user", parts, name="me"),
        message("assistant", "e", tool_calls=[], refusal=None),
        message("user", ""),
        max_tokens=3,
        max_completion_tokens=4,
    )
    said = (Message("user", "cd"), Message("assistant", "e"), Message("user", ""))
    assert asked.contents == (Conversation("a\nb", said),)
    assert asked.max_tokens == 4
    assert chat(message("user")).max_tokens is None
    assert chat(message("user"), n_predict=0, response_fields=[""]).max_tokens == 0


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (
            [message("user", "a"), message("system", "s")],
            Conversation("", (Message("user", "a\n\ns"),)),
        ),
        (
            [
                message("user", "a"),
                message("assistant", "b"),
                message("system", "s"),
                message("user", "c"),
            ],
            Conversation(
                "", (Message("user", "a"), Message("assistant", "b"), Message("user", "s\n\nc"))
            ),
        ),
        (
            [message("user", "a"), message("assistant", "b"), message("system", "s")],
            Conversation(
                "", (Message("user", "a"), Message("assistant", "b"), Message("user", "s"))
            ),
        ),
        (
            [message("assistant", "Hello!"), message("user", "a")],
            Conversation("Hello!", (Message("user", "a"),)),
        ),
    ],
)
def test_what_the_system_says_late_is_told_with_the_users_words(
    messages: list[object], expected: Conversation
) -> None:
    assert chat(*messages).contents == (expected,)


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        ([], "messages"),
        ([message("user")] * 1025, "messages"),
        ([message("system")], "messages.0.role"),
        ([message("user"), message("assistant")], "messages.1.role"),
        ([message("tool")], "messages.0.role"),
        ([message("user", 1)], "messages.0.content"),
        ([message("user", [{"type": "image_url", "text": ""}])], "messages.0.content.0.type"),
        ([message("user", tool_calls=[{"id": "1"}])], "messages.0.tool_calls"),
        (["x"], "messages.0"),
    ],
)
def test_what_is_no_conversation(messages: list[object], where: str) -> None:
    with pytest.raises(ApiError) as caught:
        chat(*messages)
    assert caught.value.param == where

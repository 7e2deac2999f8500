"""What the API answers, as the types of OpenAI's own client read it."""

from openai.pagination import SyncPage
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from starcoder_cli.stream import Chunk
from starcoder_cli.wire.responses import (
    ChatStyle,
    Choice,
    CompletionStyle,
    InfillStyle,
    ResponseInfo,
    Usage,
    choice_from_chunk,
    model_list_record,
)

HEAD = ResponseInfo("cmpl-1", "m", 1)
CHUNKS = (
    Chunk("a\x1b", 2, None, 5, -0.5),
    Chunk("b", 1, None, 5, float("-inf")),
    Chunk("", 0, "length", 5),
)


def whole(logprobs: bool = True) -> tuple[Choice, Usage]:
    """An answer of three chunks."""
    choice, usage = Choice(0, logprobs=() if logprobs else None), Usage()
    for chunk in CHUNKS:
        choice, usage = choice.with_chunk(chunk), usage.with_chunk(chunk)
    return choice, usage


def test_a_completion() -> None:
    choice, usage = whole()
    told = Completion.model_validate(
        CompletionStyle().full_record(HEAD, [choice], usage), strict=True
    )
    (only,) = told.choices
    assert (told.id, told.model, told.created, told.object) == ("cmpl-1", "m", 1, "text_completion")
    assert (only.text, only.finish_reason, only.index) == ("a\x1bb", "length", 0)
    assert only.logprobs and only.logprobs.tokens == ["a\x1b", "b"]
    assert only.logprobs.token_logprobs == [-0.5, -9999.0]
    assert told.usage and told.usage.prompt_tokens_details is None
    assert (told.usage.prompt_tokens, told.usage.completion_tokens) == (5, 3)
    assert told.usage.total_tokens == 8


def test_a_conversations_answer() -> None:
    choice, usage = whole()
    told = ChatCompletion.model_validate(
        ChatStyle().full_record(HEAD, [choice], usage), strict=True
    )
    (only,) = told.choices
    assert (only.message.role, only.message.content) == ("assistant", "a\x1bb")
    assert (only.finish_reason, told.object) == ("length", "chat.completion")
    assert only.logprobs and only.logprobs.content
    assert [each.bytes for each in only.logprobs.content] == [[97, 27], [98]]
    bare = ChatStyle().full_record(HEAD, [whole(False)[0]], usage)
    assert ChatCompletion.model_validate(bare).choices[0].logprobs is None


def test_pieces_of_it() -> None:
    parts = [
        ChatCompletionChunk.model_validate(
            ChatStyle().chunk_record(
                HEAD, choice_from_chunk(0, chunk, False, chunk is CHUNKS[0]), Usage()
            ),
            strict=True,
        )
        for chunk in CHUNKS
    ]
    deltas = [part.choices[0].delta for part in parts]
    assert [delta.role for delta in deltas] == ["assistant", None, None]
    assert [delta.content for delta in deltas] == ["a\x1b", "b", None]
    assert [part.choices[0].finish_reason for part in parts] == [None, None, "length"]
    last = ChatCompletionChunk.model_validate(ChatStyle().usage_record(HEAD, Usage(1, 2, 3)))
    assert last.choices == [] and last.usage and last.usage.prompt_tokens_details
    assert last.usage.prompt_tokens_details.cached_tokens == 3


def test_a_cancelled_answer_has_stopped() -> None:
    assert Choice(0, reason="cancelled").finish_reason == "stop"


def test_what_an_editor_reads() -> None:
    choice, usage = whole(False)
    assert InfillStyle().full_record(HEAD, [choice], usage) == {
        "index": 0,
        "content": "a\x1bb",
        "stop": True,
        "tokens_predicted": 3,
        "tokens_evaluated": 5,
        "model": "m",
        "stop_type": "limit",
        "truncated": False,
        "tokens_cached": 8,
    }
    part = InfillStyle().chunk_record(
        HEAD, choice_from_chunk(0, CHUNKS[0], False), Usage(truncated=True)
    )
    assert part["stop"] is False and "truncated" not in part


def test_models() -> None:
    told = SyncPage[Model].model_validate(model_list_record(["m"], 1))
    assert [model.id for model in told.data] == ["m"]


def test_what_was_thought_is_told_apart() -> None:
    choice = (
        Choice(0)
        .with_chunk(Chunk("", reasoning_content="h"))
        .with_chunk(Chunk("a", 1, "stop", reasoning_content="m"))
    )
    record = ChatStyle().choice_record(choice)
    message = {"role": "assistant", "content": "a", "refusal": None, "reasoning_content": "hm"}
    assert record["message"] == message
    piece = choice_from_chunk(0, Chunk("", reasoning_content="h"), False)
    assert ChatStyle().chunk_choice_record(piece)["delta"] == {"reasoning_content": "h"}

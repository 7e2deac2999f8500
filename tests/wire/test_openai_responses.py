"""What the API answers, as the types of OpenAI's own client read it."""

from openai.pagination import SyncPage
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from starcoder_cli.stream import Chunk
from starcoder_cli.wire.openai_responses import ChatStyle, CompletionStyle, model_list_record
from starcoder_cli.wire.responses import (
    Choice,
    ResponseInfo,
    TokenLogprob,
    Usage,
    choice_from_chunk,
)

INFO = ResponseInfo("cmpl-1", "m", 1)
USAGE = Usage(5, 3)
LOGPROBS = (
    TokenLogprob("a\x1b", -0.5, (("a\x1b", -0.5), ("c", -1.5))),
    TokenLogprob("b", -9999.0, (("d", -0.1),)),
)
CHOICE = Choice(0, "a\x1bb", "length", LOGPROBS)


def test_a_completion() -> None:
    told = Completion.model_validate(
        CompletionStyle().full_record(INFO, [CHOICE], USAGE), strict=True
    )
    (only,) = told.choices
    assert (told.id, told.model, told.created, told.object) == ("cmpl-1", "m", 1, "text_completion")
    assert (only.text, only.finish_reason, only.index) == ("a\x1bb", "length", 0)
    assert only.logprobs and only.logprobs.tokens == ["a\x1b", "b"]
    assert only.logprobs.token_logprobs == [-0.5, -9999.0]
    assert only.logprobs.text_offset == [0, 2]
    assert only.logprobs.top_logprobs == [
        {"a\x1b": -0.5, "c": -1.5},
        {"d": -0.1, "b": -9999.0},
    ]
    assert told.usage and told.usage.prompt_tokens_details is None
    assert (told.usage.prompt_tokens, told.usage.completion_tokens) == (5, 3)
    assert told.usage.total_tokens == 8


def test_tokens_are_found_behind_an_echo_and_in_a_later_piece() -> None:
    style = CompletionStyle()
    echoed = Completion.model_validate(
        style.full_record(INFO, [Choice(0, "xy" + CHOICE.text, "stop", CHOICE.logprobs)], USAGE)
    ).choices[0]
    assert echoed.logprobs and echoed.logprobs.text_offset == [2, 4]
    piece = Choice(0, "b", None, (TokenLogprob("b", -1.0),), before="a\x1b")
    later = Completion.model_validate(
        {
            **style.chunk_record(INFO, piece, USAGE),
            "choices": [{**style.choice_record(piece), "finish_reason": "stop"}],
        }
    ).choices[0]
    assert later.logprobs and later.logprobs.text_offset == [2]


def test_a_conversations_answer() -> None:
    style = ChatStyle()
    told = ChatCompletion.model_validate(style.full_record(INFO, [CHOICE], USAGE), strict=True)
    (only,) = told.choices
    assert style.id_prefix == "chatcmpl-"
    assert (only.message.role, only.message.content) == ("assistant", "a\x1bb")
    assert (only.finish_reason, told.object) == ("length", "chat.completion")
    assert only.logprobs and only.logprobs.content
    assert [each.bytes for each in only.logprobs.content] == [[97, 27], [98]]
    likeliest = [each.top_logprobs for each in only.logprobs.content]
    assert [[(each.token, each.logprob) for each in row] for row in likeliest] == [
        [("a\x1b", -0.5), ("c", -1.5)],
        [("d", -0.1)],
    ]
    bare = style.full_record(INFO, [Choice(0, "a", "stop")], USAGE)
    assert ChatCompletion.model_validate(bare).choices[0].logprobs is None


def test_pieces_of_it() -> None:
    pieces = (Choice(0, "a", is_first=True), Choice(0, "b", before="a"), Choice(0, "", "length"))
    parts = [
        ChatCompletionChunk.model_validate(
            ChatStyle().chunk_record(INFO, piece, Usage()), strict=True
        )
        for piece in pieces
    ]
    deltas = [part.choices[0].delta for part in parts]
    assert [delta.role for delta in deltas] == ["assistant", None, None]
    assert [delta.content for delta in deltas] == ["a", "b", None]
    assert [part.choices[0].finish_reason for part in parts] == [None, None, "length"]
    last = ChatCompletionChunk.model_validate(ChatStyle().usage_record(INFO, Usage(1, 2, 3)))
    assert last.choices == [] and last.usage and last.usage.prompt_tokens_details
    assert last.usage.prompt_tokens_details.cached_tokens == 3


def test_a_stream_that_ends_with_its_usage_has_none_before() -> None:
    counted = ResponseInfo("cmpl-1", "m", 1, ends_with_usage=True)
    piece = Choice(0, "a")
    assert CompletionStyle().chunk_record(counted, piece, USAGE)["usage"] is None
    assert "usage" not in CompletionStyle().chunk_record(INFO, piece, USAGE)


def test_models_with_their_windows() -> None:
    record = model_list_record({"m": 4096}, 1)
    told = SyncPage[Model].model_validate(record)
    assert [model.id for model in told.data] == ["m"]
    assert str(record["data"]).count("4096") == 2


def test_warnings_come_with_the_end() -> None:
    warned = Usage(warnings=("w",))
    assert CompletionStyle().full_record(INFO, [CHOICE], warned)["warnings"] == ["w"]
    assert CompletionStyle().chunk_record(INFO, CHOICE, warned)["warnings"] == ["w"]
    assert "warnings" not in CompletionStyle().chunk_record(INFO, Choice(0, "a"), warned)


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


def test_a_chunk_becomes_a_piece() -> None:
    assert Choice(0).with_chunk(Chunk("a", 1, None, 5)).text == "a"

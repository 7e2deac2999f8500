"""What every answer is made of, chunk by chunk."""

from starcoder_cli.stream import Chunk
from starcoder_cli.wire.responses import Choice, TokenLogprob, Usage, choice_from_chunk

CHUNKS = (
    Chunk("", 0, None, 5),
    Chunk("a", 2, None, 5, -0.5, cached_tokens=3),
    Chunk("b", 1, None, 5, float("-inf")),
    Chunk("", 0, "length", 5),
)


def test_an_answer_grows_by_chunks() -> None:
    choice, usage = Choice(0, logprobs=()), Usage()
    for at, chunk in enumerate(CHUNKS):
        choice, usage = choice.with_chunk(chunk), usage.with_chunk(chunk, at + 1.0)
    assert (choice.text, choice.finish_reason) == ("ab", "length")
    assert choice.logprobs == (TokenLogprob("a", -0.5), TokenLogprob("b", -9999.0))
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (5, 3, 3)
    assert (usage.prompt_seconds, usage.seconds) == (2.0, 4.0)


def test_logprobs_are_told_where_they_were_asked_for() -> None:
    assert choice_from_chunk(1, CHUNKS[1], False) == Choice(1, "a")
    assert choice_from_chunk(1, CHUNKS[0], True).logprobs == ()


def test_the_likeliest_tokens_are_told_with_each() -> None:
    top = (("a", -0.5), ("b", float("-inf")))
    chunk = Chunk("a", 1, None, 5, -0.5, top_logprobs=top)
    told = TokenLogprob("a", -0.5, (("a", -0.5), ("b", -9999.0)))
    assert choice_from_chunk(0, chunk, True).logprobs == (told,)


def test_a_cancelled_answer_has_stopped() -> None:
    assert Choice(0, reason="cancelled").finish_reason == "stop"


def test_the_usage_as_json() -> None:
    record = Usage(5, 3, 2, warnings=("w",)).to_record()
    assert record["total_tokens"] == 8 and record["prompt_tokens_details"] == {"cached_tokens": 2}
    assert Usage(warnings=("w",)).notices() == {"warnings": ["w"]} and not Usage().notices()

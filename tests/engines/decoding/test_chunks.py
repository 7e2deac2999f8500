"""Chunks of the tokens of a step: text, what it cost, and how likely it was."""

from pathlib import Path

import pytest

from starcoder_cli.engines.decoding.chunks import step_chunks
from starcoder_cli.engines.decoding.sampler import Token
from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer, IncrementalDetokenizer
from starcoder_cli.stream import Chunk
from tiny import tokenizer


@pytest.fixture
def tokens(tmp_path: Path) -> CheckpointTokenizer:
    """A token for each byte."""
    tokenizer().save(str(tmp_path / "tokenizer.json"))
    return CheckpointTokenizer(tmp_path)


def test_a_step_is_one_chunk(tokens: CheckpointTokenizer) -> None:
    detokenizer = IncrementalDetokenizer(tokens, tokens.encode_text("a"))
    step = [Token(token) for token in tokens.encode_text("bé")]
    assert list(step_chunks(detokenizer, step, 7, 5)) == [Chunk("bé", 3, None, 7, cached_tokens=5)]
    assert list(step_chunks(detokenizer, [], 7, 5)) == [Chunk("", 0, None, 7, cached_tokens=5)]


def test_each_token_is_one_where_it_is_told_how_likely_it_was(tokens: CheckpointTokenizer) -> None:
    detokenizer = IncrementalDetokenizer(tokens, tokens.encode_text("a"))
    first, second, third = tokens.encode_text("bé")
    other = tokens.encode_text("x")[0]
    step = [
        Token(first, -0.5, ((first, -0.5), (other, -1.0))),
        Token(second, -0.25),
        Token(third, -0.125, ((other, -0.1),)),
    ]
    chunks = list(step_chunks(detokenizer, step, 7, 5))
    assert [(chunk.text, chunk.tokens, chunk.logprob) for chunk in chunks] == [
        ("b", 1, -0.5),
        ("", 1, -0.25),
        ("é", 1, -0.125),
    ]
    assert chunks[0].top_logprobs == (("b", -0.5), ("x", -1.0))
    assert chunks[1].top_logprobs == ()
    assert [logprob for _, logprob in chunks[2].top_logprobs] == [-0.1]

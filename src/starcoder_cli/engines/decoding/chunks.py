"""Turns the tokens of a step into chunks of text."""

from collections.abc import Iterator, Sequence

from starcoder_cli.engines.decoding.sampler import Token
from starcoder_cli.engines.decoding.tokenizer import IncrementalDetokenizer
from starcoder_cli.stream import Chunk


def step_chunks(
    detokenizer: IncrementalDetokenizer,
    tokens: Sequence[Token],
    prompt_tokens: int,
    cached_tokens: int,
) -> Iterator[Chunk]:
    """One chunk for all tokens of a step, or one per token if log-probabilities are reported."""
    are_told = any(token.logprob for token in tokens)
    for group in [[token] for token in tokens] if are_told else [tokens]:
        top = group[-1].top_logprobs if group else ()
        texts = detokenizer.texts([token for token, _ in top])
        logprobs = [logprob for _, logprob in top]
        yield Chunk(
            detokenizer.append([token.id for token in group]),
            len(group),
            None,
            prompt_tokens,
            sum(token.logprob for token in group),
            cached_tokens=cached_tokens,
            top_logprobs=tuple(zip(texts, logprobs, strict=True)),
        )

"""The decoding loop: an answer token by token, from logits that something else computes.

A step reads the latest token followed by a draft of what may come next: drafted tokens that match
what the model would have said need no step of their own. The answer is the same, in fewer steps.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Generic

from starcoder_cli.engines.decoding.prompt_lookup import PromptLookup
from starcoder_cli.engines.decoding.sampler import Logits, Sampler, Token
from starcoder_cli.engines.decoding.tokenizer import DETOKENIZER_CONTEXT, CheckpointTokenizer
from starcoder_cli.model import Sampling
from starcoder_cli.prompts.token_healing import matches_forced_prefix


class SpeculativeDecoder(Generic[Logits]):
    """The tokens of one answer as they come.

    `next_ids` is what to read in the next step: the latest token, then a draft. `accepted` says
    how many ids of the previous draft were right, so all but these must be forgotten.
    `done` is true when the answer has ended, with `end_token` if a token ended it.
    """

    def __init__(
        self,
        sampling: Sampling,
        end_ids: AbstractSet[int],
        sampler: Sampler[Logits],
        lookup: PromptLookup | None,
        forced_prefix: "ForcedPrefix[Logits] | None" = None,
    ) -> None:
        """Drafts come from a lookup that has read the prompt; without one there are none."""
        self.next_ids: list[int] = []
        self.accepted = 0
        self.done = False
        self.end_token: Token | None = None
        self._remaining = sampling.max_tokens
        self._end_ids = end_ids
        self._sampler = sampler
        self._forced_prefix = forced_prefix
        self._lookup = lookup

    def process_logits(self, logits: Logits) -> list[Token]:
        """The tokens after each of `next_ids` (at first after the prompt), from their logits.

        The token that ends the answer is not among them. Raises DataError if the model's logits
        are NaN.
        """
        draft = self.next_ids[1:]
        forced_prefix = self._forced_prefix
        if forced_prefix and forced_prefix.remaining:
            sampled = [forced_prefix.next_token(logits)]
        else:
            sampled = self._sampler.sample(logits)
        self.accepted = count_accepted(draft, sampled)
        if self._lookup:
            self._lookup.record_result(len(draft), self.accepted)
        sampled = sampled[: self.accepted + 1]
        answer_tokens = sampled[: find_end_token(sampled, self._end_ids)][: self._remaining]
        self._remaining -= len(answer_tokens)
        has_ended = self._remaining and len(answer_tokens) < len(sampled)
        self.end_token = sampled[len(answer_tokens)] if has_ended else None
        self.done = not self._remaining or bool(has_ended)
        if not self.done:
            self.next_ids = [
                sampled[-1].id,
                *self._next_draft(answer_tokens, bool(forced_prefix and forced_prefix.remaining)),
            ]
        return answer_tokens

    @property
    def expects_drafts(self) -> bool:
        """Whether most steps are expected to have a draft."""
        return bool(self._lookup and self._lookup.expects_drafts)

    def truncate_draft(self, max_tokens: int) -> None:
        """Keep at most this many ids of the draft."""
        del self.next_ids[1 + max_tokens :]

    def _next_draft(self, tokens: Sequence[Token], in_forced_prefix: bool) -> list[int]:
        """What may follow these tokens; nothing while the forced prefix is being written."""
        if not self._lookup:
            return []
        self._lookup.extend([token.id for token in tokens])
        return [] if in_forced_prefix else self._lookup.draft(self._remaining - 1)


def find_end_token(tokens: Sequence[Token], end_ids: AbstractSet[int]) -> int:
    """The index of the first token that ends an answer, or the number of tokens if none does."""
    return next((index for index, token in enumerate(tokens) if token.id in end_ids), len(tokens))


def count_accepted(draft: Sequence[int], sampled: Sequence[Token]) -> int:
    """How many ids of a draft match what the model chose in their places."""
    pairs = enumerate(zip(draft, sampled, strict=False))
    return next((index for index, (drafted, token) in pairs if drafted != token.id), len(draft))


FORCED_PREFIX_CANDIDATES = 512
"""How many of the likeliest tokens are tried when looking for one that continues the text."""


class ForcedPrefix(Generic[Logits]):
    """Chooses tokens whose text begins with a given text, after ids that the model has read.

    `remaining` is the part of that text still to come.
    """

    def __init__(
        self,
        tokenizer: CheckpointTokenizer,
        ids: Sequence[int],
        text: str,
        sampler: Sampler[Logits],
    ) -> None:
        self.remaining = text
        self._tokenizer = tokenizer
        self._sampler = sampler
        self._context_ids = list(ids[-DETOKENIZER_CONTEXT:])
        self._fallback_ids: list[int] = []

    def next_token(self, logits: Logits) -> Token:
        """The next token, sampled among those that agree with what is still to come.

        If none of the likeliest agrees, the rest is encoded the tokenizer's way.
        """
        token = self._next_fallback_token() if self._fallback_ids else self._sample_matching(logits)
        self._context_ids.append(token.id)
        return token

    def _sample_matching(self, logits: Logits) -> Token:
        texts = self._decode_candidates(self._sampler.top_ids(logits, FORCED_PREFIX_CANDIDATES))
        matching = {
            token: text
            for token, text in texts.items()
            if matches_forced_prefix(text, self.remaining)
        }
        if not matching:
            self._fallback_ids = self._tokenizer.encode_text(self.remaining, first=False)
            return self._next_fallback_token()
        (sampled,) = self._sampler.sample(logits, list(matching))
        self.remaining = self.remaining[len(matching[sampled.id]) :]
        return sampled

    def _next_fallback_token(self) -> Token:
        token = Token(self._fallback_ids.pop(0))
        if not self._fallback_ids:
            self.remaining = ""
        return token

    def _decode_candidates(self, ids: Sequence[int]) -> dict[int, str]:
        """The text that each of these tokens would add here."""
        context_length = len(self._tokenizer.decode(self._context_ids))
        return {
            token: self._tokenizer.decode([*self._context_ids, token])[context_length:]
            for token in ids
        }

"""Token after token of an answer, from logits that something else computes.

A step reads the latest token and, behind it, a draft of what may follow: what was drafted and is
what the model would have said needs no step of its own. So the answer is the same, in fewer steps.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Generic

from starcoder_cli.engines.decoding.prompt_lookup import Lookup
from starcoder_cli.engines.decoding.sampler import Choice, Logits, Token
from starcoder_cli.engines.decoding.tokenizer import SEED, Tokens
from starcoder_cli.model import Sampling
from starcoder_cli.prompts.token_healing import fits


class Decoding(Generic[Logits]):
    """The tokens of one answer as they come.

    `next` is what to read for the step to come: first the latest token, then a draft. `right` says
    how many ids of the draft before were right, so that all but these are to be forgotten. `done`
    is true when the answer has ended, with `end` where that is a token.
    """

    def __init__(
        self,
        sampling: Sampling,
        ends: AbstractSet[int],
        choice: Choice[Logits],
        lookup: Lookup | None,
        beginning: "Beginning[Logits] | None" = None,
    ) -> None:
        """Drafts come from a lookup that has read the prompt; without one there are none."""
        self.next: list[int] = []
        self.right = 0
        self.done = False
        self.end: Token | None = None
        self._left = sampling.max_tokens
        self._ends = ends
        self._choice = choice
        self._beginning = beginning
        self._lookup = lookup

    def take(self, logits: Logits) -> list[Token]:
        """The tokens that follow from the logits behind each of `next`, at first behind the prompt.

        The token that ends the answer is not among them. Raises DataError for a model that
        computes no numbers.
        """
        draft = self.next[1:]
        beginning = self._beginning
        if beginning and beginning.left:
            chosen = [beginning.take(logits)]
        else:
            chosen = self._choice.tokens(logits)
        self.right = agreement(draft, chosen)
        if self._lookup:
            self._lookup.learn(len(draft), self.right)
        chosen = chosen[: self.right + 1]
        kept = chosen[: end_of(chosen, self._ends)][: self._left]
        self._left -= len(kept)
        ended = self._left and len(kept) < len(chosen)
        self.end = chosen[len(kept)] if ended else None
        self.done = not self._left or bool(ended)
        if not self.done:
            self.next = [chosen[-1].id, *self._draft(kept, bool(beginning and beginning.left))]
        return kept

    @property
    def wide(self) -> bool:
        """Whether most steps are expected to have a draft."""
        return bool(self._lookup and self._lookup.wide)

    def shorten(self, most: int) -> None:
        """Read at most so many ids of the draft."""
        del self.next[1 + most :]

    def _draft(self, made: Sequence[Token], beginning: bool) -> list[int]:
        """What may follow these tokens; nothing while each is chosen by its text."""
        if not self._lookup:
            return []
        self._lookup.extend([token.id for token in made])
        return [] if beginning else self._lookup.draft(self._left - 1)


def end_of(tokens: Sequence[Token], ends: AbstractSet[int]) -> int:
    """Where the first token that ends an answer stands; their number where there is none."""
    return next((at for at, token in enumerate(tokens) if token.id in ends), len(tokens))


def agreement(draft: Sequence[int], chosen: Sequence[Token]) -> int:
    """How many ids of a draft are what the model chose in their places."""
    pairs = enumerate(zip(draft, chosen, strict=False))
    return next((at for at, (drafted, own) in pairs if drafted != own.id), len(draft))


CANDIDATES = 512
"""How many of the likeliest tokens are tried for one that goes on with the text."""


class Beginning(Generic[Logits]):
    """Chooses tokens whose text begins with another text, behind ids that the model has read.

    `left` is what of that text is still to come.
    """

    def __init__(
        self, tokens: Tokens, ids: Sequence[int], begun: str, choice: Choice[Logits]
    ) -> None:
        self.left = begun
        self._tokens = tokens
        self._choice = choice
        self._seen = list(ids[-SEED:])
        self._spelled: list[int] = []

    def take(self, logits: Logits) -> Token:
        """The next token, chosen among those that agree with what is still to come.

        Where none of the likeliest does, the rest is spelled as the tokenizer spells it.
        """
        token = self._spelling() if self._spelled else self._agreeing(logits)
        self._seen.append(token.id)
        return token

    def _agreeing(self, logits: Logits) -> Token:
        texts = self._texts(self._choice.likeliest(logits, CANDIDATES))
        agreeing = {token: text for token, text in texts.items() if fits(text, self.left)}
        if not agreeing:
            self._spelled = self._tokens.text(self.left, first=False)
            return self._spelling()
        (chosen,) = self._choice.tokens(logits, list(agreeing))
        self.left = self.left[len(agreeing[chosen.id]) :]
        return chosen

    def _spelling(self) -> Token:
        token = Token(self._spelled.pop(0))
        if not self._spelled:
            self.left = ""
        return token

    def _texts(self, ids: Sequence[int]) -> dict[int, str]:
        """How each of these tokens would be written here."""
        before = len(self._tokens.decode(self._seen))
        return {token: self._tokens.decode([*self._seen, token])[before:] for token in ids}

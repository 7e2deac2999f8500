"""The first tokens of an answer that has to begin with some text."""

from collections.abc import Sequence
from typing import Generic

from starcoder_cli.backends.choice import Choice, Logits, Token
from starcoder_cli.backends.tokens import SEED, Tokens
from starcoder_cli.healing import fits

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

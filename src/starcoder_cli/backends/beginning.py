"""The first tokens of an answer that has to begin with some text."""

from typing import TYPE_CHECKING

from starcoder_cli.backends.decoding import Choice, Steps, Token
from starcoder_cli.backends.tokens import SEED, Tokens
from starcoder_cli.healing import fits

if TYPE_CHECKING:
    import torch

CANDIDATES = 512
"""How many of the likeliest tokens are tried for one that goes on with the text."""


class Beginning:
    """Reads tokens whose text begins with another text, behind ids that the steps have read."""

    def __init__(self, steps: Steps, ids: list[int], tokens: Tokens, choose: Choice) -> None:
        self.made: list[Token] = []
        self._steps = steps
        self._tokens = tokens
        self._choose = choose
        self._seen = ids[-SEED:]

    def read(self, logits: "torch.Tensor", begun: str, most: int) -> "torch.Tensor":
        """Read on from these logits by at most so many tokens; the logits behind the last of them.

        Each token is chosen among those that agree with what is still to come. Where none of the
        likeliest does, the rest is spelled as the tokenizer spells it.
        """
        while begun and len(self.made) < most:
            agreeing = {
                token: text for token, text in self._texts(logits).items() if fits(text, begun)
            }
            if not agreeing:
                for token in self._tokens.text(begun, first=False)[: most - len(self.made)]:
                    logits = self._take(Token(token))
                return logits
            chosen = self._choose.tokens(only(logits, list(agreeing)))[0]
            begun = begun[len(agreeing[chosen.id]) :]
            logits = self._take(chosen)
        return logits

    def _texts(self, logits: "torch.Tensor") -> dict[int, str]:
        """How each of the likeliest tokens would be written here."""
        before = len(self._tokens.decode(self._seen))
        likeliest = logits[0].topk(min(CANDIDATES, logits.shape[-1])).indices.tolist()
        return {token: self._tokens.decode([*self._seen, token])[before:] for token in likeliest}

    def _take(self, token: Token) -> "torch.Tensor":
        self.made.append(token)
        self._seen.append(token.id)
        return self._steps.read([token.id]).clone()


def only(logits: "torch.Tensor", ids: list[int]) -> "torch.Tensor":
    """Logits in which only some tokens are possible."""
    import torch

    kept = torch.full_like(logits, float("-inf"))
    kept[..., ids] = logits[..., ids]
    return kept

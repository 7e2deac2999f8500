"""How the next token is chosen from logits, by whichever library computed them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from starcoder_cli.errors import DataError
from starcoder_cli.model import Sampling

if TYPE_CHECKING:
    import torch
    from numpy import float32
    from numpy.random import Generator
    from numpy.typing import NDArray

Logits = TypeVar("Logits", contravariant=True)

LIKELIEST = 1000
"""Tokens that chance chooses among on a processor; top_p never reaches further down."""


class Token(NamedTuple):
    """An id, and the natural logarithm of its probability where that was asked for."""

    id: int
    logprob: float = 0.0


class Choice(Protocol[Logits]):
    """Chooses tokens of one answer from logits of shape [tokens, vocabulary]."""

    def tokens(self, logits: Logits, among: Sequence[int] = ()) -> list[Token]:
        """One token for each row, one of `among` where there are any.

        Raises DataError where the logits are no numbers.
        """

    def likeliest(self, logits: Logits, count: int) -> list[int]:
        """So many ids of the first row, or all there are, in any order."""


class TorchChoice:
    """Chooses on the device that has the logits."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._generator: torch.Generator | None = None

    def tokens(self, logits: "torch.Tensor", among: Sequence[int] = ()) -> list[Token]:
        """One token for each row of logits; DataError where these are no numbers."""
        import torch

        with torch.inference_mode():
            possible = only(logits, among) if among else logits
            best, greedy = possible.max(dim=-1)
            chosen = greedy if self._sampling.temperature == 0 else self._sample(possible)
            found = [chosen.float(), best.isnan().float()]  # exact for ids up to 16 million
            if self._sampling.logprobs:
                likely = logits.float().log_softmax(dim=-1)
                found.append(likely.gather(-1, chosen.unsqueeze(-1)).squeeze(-1))
            # All in one transfer: each waits until the device is done.
            ids, broken, *logprobs = torch.stack(found).tolist()
        if any(broken):
            raise damaged()
        return [Token(int(token), *own) for token, *own in zip(ids, *logprobs, strict=True)]

    def likeliest(self, logits: "torch.Tensor", count: int) -> list[int]:
        """So many ids of the first row, or all there are."""
        ids: list[int] = logits[0].topk(min(count, logits.shape[-1])).indices.tolist()
        return ids

    def _sample(self, logits: "torch.Tensor") -> "torch.Tensor":
        """Draw among the likeliest tokens that sum up to top_p (Holtzman et al. 2020)."""
        import torch

        warm = torch.nan_to_num(logits.float()) / self._sampling.temperature
        probabilities, order = warm.softmax(dim=-1).sort(dim=-1, descending=True)
        before = probabilities.cumsum(dim=-1) - probabilities
        probabilities = probabilities.masked_fill(before >= self._sampling.top_p, 0)
        # As torch.multinomial draws, which would wait to see that these are probabilities.
        noise = torch.empty_like(probabilities).exponential_(generator=self._random(logits.device))
        drawn = (probabilities / noise).argmax(dim=-1, keepdim=True)
        return order.gather(-1, drawn).squeeze(-1)

    def _random(self, device: "torch.device") -> "torch.Generator":
        """The generator of this answer's draws, made with its seed at the first of them."""
        import torch

        if self._generator is None:
            self._generator = torch.Generator(device)
            if self._sampling.seed is None:
                self._generator.seed()
            else:
                self._generator.manual_seed(self._sampling.seed)
        return self._generator


class NumpyChoice:
    """Chooses in the memory of the processor, without torch."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._generator: Generator | None = None

    def tokens(self, logits: "NDArray[float32]", among: Sequence[int] = ()) -> list[Token]:
        """One token for each row of logits; DataError where these are no numbers."""
        return [self._token(row, among) for row in logits]

    def likeliest(self, logits: "NDArray[float32]", count: int) -> list[int]:
        """So many ids of the first row, or all there are."""
        ids: list[int] = highest(logits[0], count).tolist()
        return ids

    def _token(self, row: "NDArray[float32]", among: Sequence[int]) -> Token:
        import numpy

        possible = row[list(among)] if among else row
        best = int(possible.argmax())  # the first that is no number, where there is one
        if numpy.isnan(possible[best]):
            raise damaged()
        at = self._sample(possible) if self._sampling.temperature else best
        token = among[at] if among else at
        if not self._sampling.logprobs:
            return Token(token)
        most = row.max()
        return Token(token, float(row[token] - most - numpy.log(numpy.exp(row - most).sum())))

    def _sample(self, row: "NDArray[float32]") -> int:
        """Draw among the likeliest tokens that sum up to top_p, as TorchChoice does."""
        import numpy

        warm = numpy.exp((row - row.max()) / self._sampling.temperature)
        ids = highest(row, LIKELIEST)
        ids = ids[numpy.argsort(-row[ids], kind="stable")]
        probabilities = warm[ids] / warm.sum()
        before = probabilities.cumsum() - probabilities
        probabilities[before >= self._sampling.top_p] = 0
        if self._generator is None:
            self._generator = numpy.random.default_rng(self._sampling.seed)
        noise = self._generator.standard_exponential(len(ids))
        return int(ids[(probabilities / noise).argmax()])


def only(logits: "torch.Tensor", ids: Sequence[int]) -> "torch.Tensor":
    """Logits in which only some tokens are possible."""
    import torch

    kept = torch.full_like(logits, float("-inf"))
    kept[..., list(ids)] = logits[..., list(ids)]
    return kept


def highest(row: "NDArray[float32]", count: int) -> "NDArray[Any]":
    """Where the highest numbers of a row stand, in any order."""
    import numpy

    if count >= len(row):
        return numpy.arange(len(row))
    return numpy.argpartition(row, -count)[-count:]


def damaged() -> DataError:
    """What is wrong with a model whose logits are no numbers."""
    return DataError(
        "the model computes no numbers (NaN)", "its weights are damaged: get them again"
    )

"""How the next token is chosen from logits, whichever library computed them."""

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

CPU_TOP_K = 1000
"""How many tokens are sampled from on a CPU; top_p never reaches further down."""


class Token(NamedTuple):
    """A token id, and the natural logarithm of its probability if that was asked for.

    `top_logprobs` are the likeliest ids in its place with theirs, likeliest first.
    """

    id: int
    logprob: float = 0.0
    top_logprobs: tuple[tuple[int, float], ...] = ()


class Sampler(Protocol[Logits]):
    """Chooses tokens of one answer from logits of shape [tokens, vocabulary]."""

    def sample(self, logits: Logits, allowed_ids: Sequence[int] = ()) -> list[Token]:
        """Return one token per row, from `allowed_ids` if there are any.

        Raises DataError if the logits are NaN.
        """

    def top_ids(self, logits: Logits, count: int) -> list[int]:
        """Up to `count` ids of the first row with the highest logits, in any order."""


class TorchSampler:
    """Chooses on the device that has the logits."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._generator: torch.Generator | None = None

    def sample(self, logits: "torch.Tensor", allowed_ids: Sequence[int] = ()) -> list[Token]:
        """Return one token per row of logits; raises DataError if these are NaN."""
        import torch

        with torch.inference_mode():
            allowed_logits = mask_logits(logits, allowed_ids) if allowed_ids else logits
            maxima, greedy = allowed_logits.max(dim=-1)
            sampled = greedy if self._sampling.temperature == 0 else self._draw_ids(allowed_logits)
            columns = [sampled.float(), maxima.isnan().float()]  # exact for ids up to 16 million
            top_logprobs: list[tuple[tuple[int, float], ...]] = [()] * len(logits)
            if self._sampling.logprobs:
                log_probabilities = logits.float().log_softmax(dim=-1)
                columns.append(log_probabilities.gather(-1, sampled.unsqueeze(-1)).squeeze(-1))
                top_logprobs = likeliest_tokens(log_probabilities, self._sampling.top_logprobs)
            # All in one transfer, because each one waits for the device to finish.
            ids, nan_flags, *logprobs = torch.stack(columns).tolist()
        if any(nan_flags):
            raise nan_error()
        if not logprobs:
            return [Token(int(token)) for token in ids]
        rows = zip(ids, *logprobs, top_logprobs, strict=True)
        return [Token(int(token), logprob, top) for token, logprob, top in rows]

    def top_ids(self, logits: "torch.Tensor", count: int) -> list[int]:
        """Up to `count` ids of the first row with the highest logits."""
        ids: list[int] = logits[0].topk(min(count, logits.shape[-1])).indices.tolist()
        return ids

    def _draw_ids(self, logits: "torch.Tensor") -> "torch.Tensor":
        """Draw among the likeliest tokens that add up to top_p (Holtzman et al. 2020)."""
        import torch

        scaled = torch.nan_to_num(logits.float()) / self._sampling.temperature
        probabilities, order = scaled.softmax(dim=-1).sort(dim=-1, descending=True)
        cumulative_before = probabilities.cumsum(dim=-1) - probabilities
        probabilities = probabilities.masked_fill(cumulative_before >= self._sampling.top_p, 0)
        # As torch.multinomial draws, which would wait to check that these are probabilities.
        noise = torch.empty_like(probabilities).exponential_(
            generator=self._get_generator(logits.device)
        )
        drawn = (probabilities / noise).argmax(dim=-1, keepdim=True)
        return order.gather(-1, drawn).squeeze(-1)

    def _get_generator(self, device: "torch.device") -> "torch.Generator":
        """This answer's random generator, created from its seed on first use."""
        import torch

        if self._generator is None:
            self._generator = torch.Generator(device)
            if self._sampling.seed is None:
                self._generator.seed()
            else:
                self._generator.manual_seed(self._sampling.seed)
        return self._generator


class NumpySampler:
    """Chooses in CPU memory, without torch."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._generator: Generator | None = None

    def sample(self, logits: "NDArray[float32]", allowed_ids: Sequence[int] = ()) -> list[Token]:
        """Return one token per row of logits; raises DataError if these are NaN."""
        return [self._sample_row(row, allowed_ids) for row in logits]

    def top_ids(self, logits: "NDArray[float32]", count: int) -> list[int]:
        """Up to `count` ids of the first row with the highest logits."""
        ids: list[int] = top_indices(logits[0], count).tolist()
        return ids

    def _sample_row(self, row: "NDArray[float32]", allowed_ids: Sequence[int]) -> Token:
        import numpy

        allowed_row = row[list(allowed_ids)] if allowed_ids else row
        best = int(allowed_row.argmax())  # the first NaN, if there is one
        if numpy.isnan(allowed_row[best]):
            raise nan_error()
        index = self._draw_index(allowed_row) if self._sampling.temperature else best
        token = allowed_ids[index] if allowed_ids else index
        if not self._sampling.logprobs:
            return Token(token)
        maximum = row.max()
        total = maximum + numpy.log(numpy.exp(row - maximum).sum())
        top = top_indices(row, self._sampling.top_logprobs) if self._sampling.top_logprobs else ()
        likeliest = sorted(((int(each), float(row[each] - total)) for each in top), key=by_logprob)
        return Token(token, float(row[token] - total), tuple(likeliest))

    def _draw_index(self, row: "NDArray[float32]") -> int:
        """Draw among the likeliest tokens that add up to top_p, as TorchSampler does."""
        import numpy

        weights = numpy.exp((row - row.max()) / self._sampling.temperature)
        ids = top_indices(row, CPU_TOP_K)
        ids = ids[numpy.argsort(-row[ids], kind="stable")]
        probabilities = weights[ids] / weights.sum()
        cumulative_before = probabilities.cumsum() - probabilities
        probabilities[cumulative_before >= self._sampling.top_p] = 0
        if self._generator is None:
            self._generator = numpy.random.default_rng(self._sampling.seed)
        noise = self._generator.standard_exponential(len(ids))
        return int(ids[(probabilities / noise).argmax()])


def likeliest_tokens(
    log_probabilities: "torch.Tensor", count: int
) -> list[tuple[tuple[int, float], ...]]:
    """The likeliest ids of each row with their log-probabilities, likeliest first."""
    if not count:
        return [()] * len(log_probabilities)
    top = log_probabilities.topk(min(count, log_probabilities.shape[-1]), dim=-1)
    rows = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return [tuple(zip(ids, logprobs, strict=True)) for ids, logprobs in rows]


def mask_logits(logits: "torch.Tensor", ids: Sequence[int]) -> "torch.Tensor":
    """Logits in which only the given tokens are possible."""
    import torch

    masked = torch.full_like(logits, float("-inf"))
    masked[..., list(ids)] = logits[..., list(ids)]
    return masked


def top_indices(row: "NDArray[float32]", count: int) -> "NDArray[Any]":
    """The indices of the highest numbers of a row, in any order."""
    import numpy

    if count >= len(row):
        return numpy.arange(len(row))
    return numpy.argpartition(row, -count)[-count:]


def by_logprob(pair: tuple[int, float]) -> float:
    """Sort key that puts the likeliest first."""
    return -pair[1]


def nan_error() -> DataError:
    """The error for a model whose logits are NaN."""
    return DataError(
        "the model computes no numbers (NaN)", "its weights are damaged: get them again"
    )

"""Token after token from a causal model of transformers, and the KV cache of what it has read.

A step reads some ids and gives the logits behind the last of them. On CUDA the steps are
CUDA graphs over a cache of fixed size: the thousand small kernels of a step are launched at once,
which at batch size one takes longer than to run them.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, NamedTuple, Protocol

from starcoder_cli.errors import DataError
from starcoder_cli.lookup import MOST, Lookup
from starcoder_cli.model import Sampling

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

CHUNK = 4096
"""How many tokens of a prompt are read at once: more cost memory, fewer cost time, since quantized
weights are brought back to 16 bits for each. A plan has room for all of a prompt."""


class Steps(Protocol):
    """A model with the KV cache of what it has read, which are `ids`.

    `failure` says why steps are slower than they could be; it is empty where they are not.
    """

    ids: list[int]
    failure: str

    def read(self, ids: Sequence[int], last: int = 1) -> "torch.Tensor":
        """Read on; the logits behind the last so many ids, of shape [last, vocabulary]."""

    def crop(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""


class GrowingSteps:
    """Steps with a cache that grows with the text: for any device."""

    def __init__(self, model: "PreTrainedModel") -> None:
        from transformers import DynamicCache

        self.ids: list[int] = []
        self.failure = ""
        self._model = model
        # Made without the model's configuration, so that it keeps everything: a cache that slides
        # could not be cropped. The mask slides all the same.
        self._cache = DynamicCache()

    def read(self, ids: Sequence[int], last: int = 1) -> "torch.Tensor":
        """Read on; the logits behind the last so many ids."""
        import torch

        with on(self._model.device), torch.inference_mode():
            output = self._model(
                input_ids=row(ids, self._model.device),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=last,
            )
        self.ids += ids
        logits: torch.Tensor = output.logits[0, -last:]
        return logits

    def crop(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""
        if length < len(self.ids):
            self._cache.crop(length - len(self.ids))
            del self.ids[length:]


def on(device: "torch.device") -> AbstractContextManager[object]:
    """Within it the streams, graphs and pinned memory that torch makes are those of a GPU."""
    import torch

    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def row(ids: Sequence[int], device: "torch.device") -> "torch.Tensor":
    """Some ids as a row on a device; what waits for a GPU is the GPU's next step alone."""
    import torch

    pinned = device.type == "cuda"
    return torch.tensor([list(ids)], pin_memory=pinned).to(device, non_blocking=pinned)


class Token(NamedTuple):
    """An id, and the natural logarithm of its probability where that was asked for."""

    id: int
    logprob: float = 0.0


def read(steps: Steps, prompt: Sequence[int]) -> "torch.Tensor":
    """Read a prompt; the logits behind it, in memory that no later step writes to."""
    for start in range(0, len(prompt), CHUNK):
        logits = steps.read(prompt[start : start + CHUNK])
    return logits.clone()


def decode(
    steps: Steps,
    prompt: Sequence[int],
    sampling: Sampling,
    ends: AbstractSet[int],
    *,
    lookup: bool = True,
    logits: "torch.Tensor | None" = None,
) -> Iterator[list[Token]]:
    """The tokens of an answer, those of one step at a time, without the one that ends it.

    With `lookup` a step also checks what followed the latest ids earlier on: the answer is the
    same, in fewer steps. What a step has read beyond the answer is forgotten. `logits` are those
    behind the prompt, where the steps have read it already. Raises DataError for a model that
    computes no numbers.
    """
    choose = Choice(sampling)
    drafts = Lookup(prompt if lookup else ())
    chosen = choose.tokens(read(steps, prompt) if logits is None else logits)
    left = sampling.max_tokens
    while True:
        kept = chosen[: end_of(chosen, ends)][:left]
        left -= len(kept)
        if kept:
            yield kept
        if left == 0 or len(kept) < len(chosen):
            return
        draft: list[int] = []
        if lookup and left > 1:
            drafts.extend([token.id for token in kept])
            draft = drafts.draft(min(MOST, left - 1))
        begin = len(steps.ids)
        guesses = choose.tokens(steps.read([chosen[-1].id, *draft], 1 + len(draft)))
        right = agreement(draft, guesses)
        drafts.learn(len(draft), right)
        steps.crop(begin + 1 + right)
        chosen = guesses[: right + 1]


def end_of(tokens: Sequence[Token], ends: AbstractSet[int]) -> int:
    """Where the first token that ends an answer stands; their number where there is none."""
    return next((at for at, token in enumerate(tokens) if token.id in ends), len(tokens))


def agreement(draft: Sequence[int], chosen: Sequence[Token]) -> int:
    """How many ids of a draft are what the model chose in their places."""
    pairs = enumerate(zip(draft, chosen, strict=False))
    return next((at for at, (drafted, own) in pairs if drafted != own.id), len(draft))


class Choice:
    """How the next token is chosen from logits, on the device that has them."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._generator: torch.Generator | None = None

    def tokens(self, logits: "torch.Tensor") -> list[Token]:
        """One token for each row of logits; DataError where these are no numbers."""
        import torch

        with torch.inference_mode():
            best, greedy = logits.max(dim=-1)
            chosen = greedy if self._sampling.temperature == 0 else self._sample(logits)
            found = [chosen.float(), best.isnan().float()]  # exact for ids up to 16 million
            if self._sampling.logprobs:
                likely = logits.float().log_softmax(dim=-1)
                found.append(likely.gather(-1, chosen.unsqueeze(-1)).squeeze(-1))
            # All in one transfer: each waits until the device is done.
            ids, broken, *logprobs = torch.stack(found).tolist()
        if any(broken):
            raise DataError(
                "the model computes no numbers (NaN)", "its weights are damaged: get them again"
            )
        return [Token(int(token), *own) for token, *own in zip(ids, *logprobs, strict=True)]

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

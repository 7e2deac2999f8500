"""Steps of a causal model of transformers, and the KV cache of what it has read.

A step reads some ids and gives the logits behind the last of them. On CUDA the steps are
CUDA graphs over a cache of fixed size: the thousand small kernels of a step are launched at once,
which at batch size one takes longer than to run them.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from starcoder_cli.backends.choice import Token
from starcoder_cli.backends.decoding import Decoding

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


def read(steps: Steps, prompt: Sequence[int]) -> "torch.Tensor":
    """Read a prompt; the logits behind it, in memory that no later step writes to."""
    for start in range(0, len(prompt), CHUNK):
        logits = steps.read(prompt[start : start + CHUNK])
    return logits.clone()


def decode(
    steps: Steps, decoding: "Decoding[torch.Tensor]", logits: "torch.Tensor"
) -> Iterator[list[Token]]:
    """The tokens of an answer, those of one step at a time, without the one that ends it.

    `logits` are those behind the prompt, which the steps have read. What they read beyond the
    answer is forgotten. Raises DataError for a model that computes no numbers.
    """
    kept = len(steps.ids)
    while True:
        made = decoding.take(logits)
        steps.crop(kept + decoding.right)
        if made:
            yield made
        if decoding.done:
            return
        kept = len(steps.ids) + 1
        logits = steps.read(decoding.next, len(decoding.next))

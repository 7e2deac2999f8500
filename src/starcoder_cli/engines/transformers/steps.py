"""Steps of a causal transformers model, and the KV cache of what it has read.

A step reads some ids and gives the logits after the last of them. On CUDA the steps are
CUDA graphs over a cache of fixed size: the thousand small kernels of a step are launched at once,
because at batch size one launching them takes longer than running them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from starcoder_cli.engines.decoding.loop import SpeculativeDecoder
from starcoder_cli.engines.decoding.sampler import Token

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

PREFILL_CHUNK_TOKENS = 4096
"""How many tokens of a prompt a GPU reads at once: more cost memory, fewer cost time, since
quantized weights are expanded to 16 bits for each. A plan has room for all of a prompt."""

CPU_PREFILL_CHUNK_TOKENS = 256
"""A CPU takes seconds for this many: an answer can be stopped between two of its chunks."""


class CachedForward(Protocol):
    """A model with the KV cache of what it has read: `ids`.

    `failure` says why steps are slower than they could be, and is empty if they are not.
    """

    ids: list[int]
    failure: str

    def run(self, ids: Sequence[int], last: int = 1) -> "torch.Tensor":
        """Read ids; return the logits after the last `last` of them: [last, vocabulary]."""

    def crop(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""


class DynamicCacheForward:
    """Steps with a cache that grows with the text, for any device."""

    def __init__(self, model: "PreTrainedModel") -> None:
        from transformers import DynamicCache

        self.ids: list[int] = []
        self.failure = ""
        self._model = model
        # Made without the model's configuration, so that it keeps everything: a cache that slides
        # could not be cropped. The mask still slides.
        self._cache = DynamicCache()

    def run(self, ids: Sequence[int], last: int = 1) -> "torch.Tensor":
        """Read ids; return the logits after the last `last` of them."""
        import torch

        with device_context(self._model.device), torch.inference_mode():
            output = self._model(
                input_ids=ids_tensor(ids, self._model.device),
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


def device_context(device: "torch.device") -> AbstractContextManager[object]:
    """A context in which torch creates streams, graphs and pinned memory for this GPU."""
    import torch

    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def ids_tensor(ids: Sequence[int], device: "torch.device") -> "torch.Tensor":
    """Put ids as a row on a device; only the GPU's next step waits for the copy."""
    import torch

    pinned = device.type == "cuda"
    return torch.tensor([list(ids)], pin_memory=pinned).to(device, non_blocking=pinned)


def prefill(
    forward: CachedForward, prompt_ids: Sequence[int], chunk_tokens: int = PREFILL_CHUNK_TOKENS
) -> Iterator["torch.Tensor"]:
    """Read a prompt in chunks; yield the logits after each, in memory no later step writes to."""
    for start in range(0, len(prompt_ids), chunk_tokens):
        yield forward.run(prompt_ids[start : start + chunk_tokens]).clone()


def decode_tokens(
    forward: CachedForward, decoder: "SpeculativeDecoder[torch.Tensor]", logits: "torch.Tensor"
) -> Iterator[list[Token]]:
    """Yield the tokens of an answer, one list per step, without the one that ends it.

    `logits` are those after the prompt, which has been read already. What is read beyond the answer
    is forgotten. Raises DataError for a model whose logits are NaN.
    """
    kept_length = len(forward.ids)
    while True:
        tokens = decoder.process_logits(logits)
        forward.crop(kept_length + decoder.accepted)
        if tokens:
            yield tokens
        if decoder.done:
            return
        kept_length = len(forward.ids) + 1
        logits = forward.run(decoder.next_ids, len(decoder.next_ids))


GRAPH_WIDTHS = (1, 4, 16)
"""How many ids a recorded step reads; a step with fewer is padded and cropped."""

StepFunction: TypeAlias = "Callable[[torch.Tensor], torch.Tensor]"
"""Maps a row of ids on the device to the logits after each of them."""


def supports_cuda_graphs(device: str) -> bool:
    """Whether a model's steps can be recorded, which takes a single CUDA device."""
    return device.startswith("cuda:")


class RecordedStep:
    """A CUDA graph of one step, with the tensors it reads its ids from and leaves its logits in."""

    def __init__(self, step: StepFunction, undo: Callable[[], None], ids: "torch.Tensor") -> None:
        """Record a step; raises RuntimeError if it does what no graph can, like await a number."""
        import torch

        self._ids = ids
        self._graph = torch.cuda.CUDAGraph()
        main, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(main)
        try:
            with torch.cuda.stream(side):  # kernels are chosen, workspaces made outside the graph
                for _ in range(2):
                    step(ids)
                    undo()
        finally:
            main.wait_stream(side)
        # A graph that fails leaves its stream as the current one.
        with torch.cuda.stream(main), torch.cuda.graph(self._graph, stream=side):
            self._logits = step(ids)

    def __call__(self, ids: "torch.Tensor") -> "torch.Tensor":
        """Repeat the step for other ids; its logits last until the next one."""
        self._ids.copy_(ids)
        self._graph.replay()
        return self._logits


class CudaGraphForward:
    """Steps with a cache of fixed size; those that decode are recorded.

    If a recording fails, as on a model that looks at its own numbers, steps run unrecorded.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        window: int,
        record: "Callable[[StepFunction, Callable[[], None], torch.Tensor], StepFunction]" = (
            RecordedStep
        ),
    ) -> None:
        import torch
        from transformers import Cache
        from transformers.cache_utils import StaticLayer

        self.ids: list[int] = []
        self.failure = ""
        self._model = model
        self._window = window
        self._record = record
        self._recorded: dict[int, StepFunction | None] = {}
        # Sliding layers would be cropped wrongly: all keep everything, and the mask slides.
        layers = [
            StaticLayer(max_cache_len=window)
            for _ in range(model.config.get_text_config().num_hidden_layers)
        ]
        self._cache = Cache(layers=layers)
        self._lengths = torch.zeros(len(layers), dtype=torch.long, device=model.device)
        for layer, length in zip(layers, self._lengths, strict=True):
            layer.cumulative_length = length  # views, so that one write moves them all

    def run(self, ids: Sequence[int], last: int = 1) -> "torch.Tensor":
        """Read ids; return the logits after the last `last` of them."""
        import torch

        device = self._model.device
        width = self._graph_width(len(ids))
        with device_context(device), torch.inference_mode():
            step = self._recorded_step(width) if width else None
            if step:
                padded_ids = [*ids, *[0] * (width - len(ids))]
                logits = step(ids_tensor(padded_ids, device))[len(ids) - last : len(ids)]
            else:
                logits = self._run_eager(ids_tensor(ids, device), last)
            self.ids += ids
            self._sync_lengths()
        return logits

    def crop(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""
        del self.ids[length:]
        self._sync_lengths()

    def _graph_width(self, id_count: int) -> int:
        """The recorded width for this many ids, or 0 if no width has room for them."""
        remaining = self._window - len(self.ids)
        fitting = (width for width in GRAPH_WIDTHS if id_count <= width <= remaining)
        return next(fitting, 0) if self.ids else 0

    def _run_eager(self, ids: "torch.Tensor", last: int) -> "torch.Tensor":
        output = self._model(
            input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=last
        )
        logits: torch.Tensor = output.logits[0]
        return logits

    def _sync_lengths(self) -> None:
        """Continue writing right after what has been read, wherever a step has ended."""
        self._lengths.fill_(len(self.ids))

    def _recorded_step(self, width: int) -> "StepFunction | None":
        """The recording for a width, made on first use, or None if that failed."""
        import torch

        if width not in self._recorded:
            ids = torch.zeros((1, width), dtype=torch.long, device=self._model.device)
            try:
                step = self._record(partial(self._run_eager, last=width), self._sync_lengths, ids)
                self._recorded[width] = step
            except RuntimeError as error:
                self.failure = str(error)
                self._recorded[width] = None
            self._sync_lengths()
        return self._recorded[width]

"""Steps of decoding as CUDA graphs: recorded once for each width, then replayed."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.backends.steps import on, row

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

WIDTHS = (1, 4, 16)
"""How many ids a recorded step reads; a step with fewer is filled up and cropped."""

Step: TypeAlias = "Callable[[torch.Tensor], torch.Tensor]"
"""From a row of ids on the device to the logits behind each of them."""


def can_record(device: str) -> bool:
    """Whether the steps of a model can be recorded: those on one CUDA device."""
    return device.startswith("cuda:")


class Recording:
    """A CUDA graph of one step: where it finds its ids, and where it leaves its logits."""

    def __init__(self, step: Step, undo: Callable[[], None], ids: "torch.Tensor") -> None:
        """Record a step; RuntimeError where it does what no graph can, as to wait for a number."""
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
        # A graph that fails leaves its stream the current one.
        with torch.cuda.stream(main), torch.cuda.graph(self._graph, stream=side):
            self._logits = step(ids)

    def __call__(self, ids: "torch.Tensor") -> "torch.Tensor":
        """The step again, for other ids; its logits last until the next one."""
        self._ids.copy_(ids)
        self._graph.replay()
        return self._logits


class FixedSteps:
    """Steps with a cache of fixed size, of which those that decode are recorded.

    Where a recording fails, as on a model that looks at its own numbers, steps run as they are.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        window: int,
        record: "Callable[[Step, Callable[[], None], torch.Tensor], Step]" = Recording,
    ) -> None:
        import torch
        from transformers import Cache
        from transformers.cache_utils import StaticLayer

        self.ids: list[int] = []
        self.failure = ""
        self._model = model
        self._window = window
        self._record = record
        self._recorded: dict[int, Step | None] = {}
        # Layers that slide would be cropped wrongly: all keep everything, and the mask slides.
        layers = [
            StaticLayer(max_cache_len=window)
            for _ in range(model.config.get_text_config().num_hidden_layers)
        ]
        self._cache = Cache(layers=layers)
        self._lengths = torch.zeros(len(layers), dtype=torch.long, device=model.device)
        for layer, length in zip(layers, self._lengths, strict=True):
            layer.cumulative_length = length  # views, so that one write moves them all

    def read(self, ids: Sequence[int], last: int = 1) -> "torch.Tensor":
        """Read on; the logits behind the last so many ids."""
        import torch

        device = self._model.device
        width = self._width(len(ids))
        with on(device), torch.inference_mode():
            step = self._step(width) if width else None
            if step:
                filled = [*ids, *[0] * (width - len(ids))]
                logits = step(row(filled, device))[len(ids) - last : len(ids)]
            else:
                logits = self._run(row(ids, device), last)
            self.ids += ids
            self._rewind()
        return logits

    def crop(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""
        del self.ids[length:]
        self._rewind()

    def _width(self, needed: int) -> int:
        """The recorded width for so many ids; 0 where none has room for them or behind them."""
        room = self._window - len(self.ids)
        fitting = (width for width in WIDTHS if needed <= width <= room)
        return next(fitting, 0) if self.ids else 0

    def _run(self, ids: "torch.Tensor", last: int) -> "torch.Tensor":
        output = self._model(
            input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=last
        )
        logits: torch.Tensor = output.logits[0]
        return logits

    def _rewind(self) -> None:
        """Write on behind what was read, wherever a step has ended."""
        self._lengths.fill_(len(self.ids))

    def _step(self, width: int) -> "Step | None":
        """The recording of a width, made when it is first needed; None where that failed."""
        import torch

        if width not in self._recorded:
            ids = torch.zeros((1, width), dtype=torch.long, device=self._model.device)
            try:
                step = self._record(partial(self._run, last=width), self._rewind, ids)
                self._recorded[width] = step
            except RuntimeError as error:
                self.failure = str(error)
                self._recorded[width] = None
            self._rewind()
        return self._recorded[width]

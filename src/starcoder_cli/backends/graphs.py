"""Steps of decoding as CUDA graphs: recorded once for each width, then replayed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starcoder_cli.plan import Form

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

WIDTHS = (1, 4, 16)
"""How many ids a recorded step reads; a step with fewer is filled up and cropped."""


def can_record(device: str, form: Form) -> bool:
    """Whether the steps of a model can be recorded: on one CUDA device, but for LLM.int8.

    That looks for outliers in the input of each layer, and waits for the answer.
    """
    return device.startswith("cuda:") and form != "8bit"


class FixedSteps:
    """Steps with a cache of fixed size, of which those that decode are recorded where CUDA is."""

    def __init__(self, model: "PreTrainedModel", window: int) -> None:
        import torch
        from transformers import Cache
        from transformers.cache_utils import StaticLayer

        self.length = 0
        self._model = model
        self._window = window
        # Layers that slide would be cropped wrongly: all keep everything, and the mask slides.
        layers = [
            StaticLayer(max_cache_len=window)
            for _ in range(model.config.get_text_config().num_hidden_layers)
        ]
        self._cache = Cache(layers=layers)
        self._lengths = torch.zeros(len(layers), dtype=torch.long, device=model.device)
        for layer, length in zip(layers, self._lengths, strict=True):
            layer.cumulative_length = length  # views, so that one write moves them all
        self._recorded: dict[int, Recording] = {}

    def read(self, ids: Sequence[int], last: int = 1) -> "torch.Tensor":
        """Read on; the logits behind the last so many ids."""
        import torch

        width = self._width(len(ids))
        with torch.inference_mode():
            if width:
                filled = [*ids, *[0] * (width - len(ids))]
                logits = self._step(filled)[len(ids) - last : len(ids)]
            else:
                logits = self._run(torch.tensor([list(ids)], device=self._model.device), last)
            self.length += len(ids)
            self._lengths.fill_(self.length)
        return logits

    def _width(self, needed: int) -> int:
        """The recorded width for so many ids; 0 where none has room for them or behind them."""
        first = not self.length
        fitting = (width for width in WIDTHS if needed <= width <= self._window - self.length)
        return 0 if first else next(fitting, 0)

    def crop(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""
        self.length = min(self.length, length)
        self._lengths.fill_(self.length)

    def _run(self, ids: "torch.Tensor", last: int) -> "torch.Tensor":
        output = self._model(
            input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=last
        )
        logits: torch.Tensor = output.logits[0]
        return logits

    def _step(self, ids: Sequence[int]) -> "torch.Tensor":
        """The logits behind each of the ids, by a recording where there is one."""
        import torch

        given = torch.tensor([list(ids)], device=self._model.device)
        if self._model.device.type != "cuda":
            return self._run(given, len(ids))
        if len(ids) not in self._recorded:
            self._recorded[len(ids)] = self._record(given)
        recording = self._recorded[len(ids)]
        recording.ids.copy_(given)
        recording.graph.replay()
        return recording.logits

    def _record(self, ids: "torch.Tensor") -> "Recording":
        """A graph of one step; what it did to the cache while it was recorded is undone."""
        import torch

        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # kernels are chosen and workspaces made outside the graph
            for _ in range(2):
                self._run(ids, ids.shape[1])
                self._lengths.fill_(self.length)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits = self._run(ids, ids.shape[1])
        self._lengths.fill_(self.length)
        return Recording(graph, ids, logits)


class Recording:
    """A graph, where it finds its ids, and where it leaves its logits."""

    def __init__(
        self, graph: "torch.cuda.CUDAGraph", ids: "torch.Tensor", logits: "torch.Tensor"
    ) -> None:
        self.graph = graph
        self.ids = ids
        self.logits = logits

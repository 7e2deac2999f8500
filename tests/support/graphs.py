"""What OpenVINO's graphs compute."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy
import pytest

from starcoder_cli.engines.openvino.graph import run_in_threads

if TYPE_CHECKING:
    from openvino import CompiledModel, Core, Model

EXACT: Mapping[str, str | int] = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
}
"""Numbers of 32 bits in each step, also on a processor that would rather have fewer."""


def compile_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every graph compute in 32 bits, so that it answers as transformers does."""
    import openvino

    compile_model = openvino.Core.compile_model

    def compile_in_32_bits(
        core: "Core", model: "Model", device: str, config: Mapping[str, Any]
    ) -> "CompiledModel":
        return compile_model(core, model, device, {**config, **EXACT})

    monkeypatch.setattr(openvino.Core, "compile_model", compile_in_32_bits)


def compute(model: "Model", inputs: "Sequence[numpy.ndarray[Any, Any]]") -> Any:
    """A copy of a model's first result; `run_in_threads` says why not in this thread."""

    def run() -> Any:
        from openvino import Core

        compiled = Core().compile_model(model, "CPU", dict(EXACT))
        return numpy.array(compiled(inputs)[0])

    with run_in_threads(run) as (future,):
        pass
    return future.result()

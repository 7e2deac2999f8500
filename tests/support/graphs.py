"""What OpenVINO's graphs compute."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy

from starcoder_cli.engines.openvino.graph import run_in_threads

if TYPE_CHECKING:
    from openvino import Model


def compute(model: "Model", inputs: "Sequence[numpy.ndarray[Any, Any]]") -> Any:
    """A copy of a model's first result; `run_in_threads` says why not in this thread."""

    def run() -> Any:
        from openvino import Core

        compiled = Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return numpy.array(compiled(inputs)[0])

    with run_in_threads(run) as (future,):
        pass
    return future.result()

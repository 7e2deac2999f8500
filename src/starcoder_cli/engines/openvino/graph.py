"""A model as an OpenVINO graph over a paged KV cache: token ids in, logits out."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar

from starcoder_cli.engines.native import set_default_variable
from starcoder_cli.engines.openvino.kv_cache import BLOCK_TOKENS
from starcoder_cli.engines.openvino.layers import LOGIT_INDICES_INPUT
from starcoder_cli.engines.openvino.split import HIDDEN_TENSOR, split_model
from starcoder_cli.errors import MachineError
from starcoder_cli.system.signals import allow_native_interrupts

if TYPE_CHECKING:
    from numpy import float32, uint8
    from numpy.typing import NDArray
    from openvino import CompiledModel, Core, InferRequest, Model

ThreadResult = TypeVar("ThreadResult")

FEW_BITS = ("i8", "u8", "u4")
QUANTIZED_DIMENSIONS = 3
"""A quantized matrix has rows, groups, and the numbers of a group."""

KERNEL_CACHE_SIZE = 64
"""How many kernels for earlier input lengths are kept, in each of two caches.

OpenVINO keeps 5,000 and oneDNN 1,024, and each cache keeps the other's alive: a server's memory
grew by up to a megabyte with each new length, for no measurable gain in speed.
"""


@dataclass(frozen=True)
class TokenSpan:
    """Some ids of a text to read, after `start` others, and the blocks of the text."""

    ids: Sequence[int]
    start: int
    blocks: Sequence[int]

    @property
    def end(self) -> int:
        """How many ids of the text have been read after this span."""
        return self.start + len(self.ids)


class PagedGraph:
    """The weights, and `block_count` blocks of KV cache that take memory from their first use."""

    def __init__(self, parts: "Sequence[CompiledModel]", block_count: int) -> None:
        """Run on the parts of a model that `compile_parts` has compiled."""
        self._caches: list[NDArray[uint8]] = []
        self._requests = [part.create_infer_request() for part in parts]
        self._input_names = [{port.any_name for port in part.inputs} for part in parts]
        for part, request in zip(parts, self._requests, strict=True):
            for port in part.inputs:
                if "_cache." in port.any_name:
                    self._allocate_cache(request, port, block_count)

    def run(self, spans: Sequence[TokenSpan], logit_indices: Sequence[int]) -> "NDArray[float32]":
        """Read all spans in one step; return the logits at these ids, counted across all spans.

        Their shape is [logit_indices, vocabulary], and they last until the next step. Raises
        RuntimeError if OpenVINO fails.
        """
        import numpy
        from openvino import Tensor

        block_tables = [span.blocks[: -(-span.end // BLOCK_TOKENS)] for span in spans]
        span_inputs = {
            "past_lens": [span.start for span in spans],
            "subsequence_begins": [0, *accumulate(len(span.ids) for span in spans)],
            "block_indices": [number for table in block_tables for number in table],
            "block_indices_begins": [0, *accumulate(map(len, block_tables))],
            "max_context_len": max(span.end for span in spans),
        }
        token_inputs = {
            "input_ids": [token for span in spans for token in span.ids],
            "position_ids": [
                position for span in spans for position in range(span.start, span.end)
            ],
            LOGIT_INDICES_INPUT: list(logit_indices),
        }
        arrays = {name: numpy.array(values, numpy.int32) for name, values in span_inputs.items()}
        arrays |= {name: numpy.array(values, numpy.int64) for name, values in token_inputs.items()}
        tensors = {name: Tensor(values) for name, values in arrays.items()}
        for request, names in zip(self._requests, self._input_names, strict=True):
            for name in names & tensors.keys():
                request.set_tensor(name, tensors[name])
            request.infer(share_outputs=True)
            tensors[HIDDEN_TENSOR] = request.get_output_tensor(0)
        logits: NDArray[float32] = tensors[HIDDEN_TENSOR].data[:, 0]
        return logits

    def copy_block(self, source: int, target: int) -> None:
        """Copy the contents of one block to another."""
        for cache in self._caches:
            cache[target] = cache[source]

    def close(self) -> None:
        """Release the weights and the cache."""
        self._requests.clear()
        self._caches.clear()

    def _allocate_cache(self, request: "InferRequest", port: Any, block_count: int) -> None:
        import numpy
        from openvino import Shape, Tensor

        shape = [block_count, *(axis.get_length() for axis in list(port.partial_shape)[1:])]
        cache = numpy.empty([*shape[:-1], shape[-1] * port.element_type.size], numpy.uint8)
        self._caches.append(cache)
        request.set_tensor(port, Tensor(cache, Shape(shape), port.element_type))


@contextmanager
def compile_parts(read_model: "Callable[[], Model]") -> "Iterator[list[Future[CompiledModel]]]":
    """Compile the parts of a model over a paged cache while the body runs.

    Raises RuntimeError if OpenVINO fails.
    """
    import openvino

    core, started = openvino.Core(), threading.Semaphore(0)
    parts = split_model(read_model())

    def compile_part(part: "Model") -> "CompiledModel":
        started.release()
        config = {"CPU_RUNTIME_CACHE_CAPACITY": KERNEL_CACHE_SIZE, **choose_precision(core, part)}
        return core.compile_model(part, "CPU", config)

    with (
        limit_kernel_caches(),
        run_in_threads(*(partial(compile_part, part) for part in parts)) as futures,
    ):
        for _ in parts:  # a body that keeps the interpreter to itself would keep them from starting
            started.acquire()
        yield futures


def choose_precision(core: "Core", model: "Model") -> Mapping[str, Any]:
    """The precision of computation and cache: 32 and 16 bits for weights in few bits.

    bfloat16, which OpenVINO uses on processors that have it, loses more than four-bit weights do:
    of the default model's answers to HumanEval's first 40 problems, 20 pass with it and 28 without,
    and 27 in llama.cpp. The kernels for weights in few bits are as fast without it; those for 16
    bits would need twice the memory. A cache in eight bits is rounded again with each token added
    to a block.
    """
    constants = (each for each in model.get_ops() if each.get_type_name() == "Constant")
    matrices = (each for each in constants if len(each.get_shape()) == QUANTIZED_DIMENSIONS)
    if any(each.get_element_type().to_string() in FEW_BITS for each in matrices):
        return {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f16"}
    return {"KV_CACHE_PRECISION": core.get_property("CPU", "INFERENCE_PRECISION_HINT")}


def limit_kernel_caches() -> AbstractContextManager[None]:
    """Have oneDNN keep KERNEL_CACHE_SIZE kernels if it is first used in the body."""
    return set_default_variable(
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNEL_CACHE_SIZE), "DNNL_PRIMITIVE_CACHE_CAPACITY"
    )


def import_openvino() -> Any:
    """OpenVINO without its telemetry and its converter; raises MachineError if it cannot start.

    The telemetry would write to the home folder and call home, and the converter is half of the
    import time. A module that is None cannot be imported; OpenVINO then does without it
    (`telemetry_utils.py`, `openvino/__init__.py`).
    """
    for package in ("openvino_telemetry", "openvino.tools.ovc"):
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        return __import__("openvino")
    except (ImportError, OSError) as error:
        raise MachineError(
            f"OpenVINO cannot start: {error}", "use --engine llamacpp, or install openvino"
        ) from error


@contextmanager
def translate_errors(action: str, other_way: str = "use --engine llamacpp") -> Iterator[None]:
    """Turn OpenVINO's errors into ours: what it cannot do, and why."""
    try:
        yield
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise MachineError(f"OpenVINO cannot {action}: {reason}", other_way) from error


@contextmanager
def run_in_threads(
    *functions: Callable[[], ThreadResult],
) -> "Iterator[list[Future[ThreadResult]]]":
    """Run each function in a thread of its own while the body runs.

    OpenVINO's plugin gives the thread that loads it a stack for signal handlers, and takes it away
    when it is unloaded: in the main thread, the next Ctrl-C would end the process by SIGSEGV.
    """
    with allow_native_interrupts(), ThreadPoolExecutor(len(functions)) as pool:
        yield [pool.submit(function) for function in functions]

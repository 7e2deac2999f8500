"""A prepared model as a graph of OpenVINO's over a paged KV cache: token ids in, logits out."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from starcoder_cli.engines.native import preset
from starcoder_cli.engines.openvino.kv_cache import BLOCK
from starcoder_cli.engines.openvino.rewrite import HIDDEN, halved
from starcoder_cli.errors import MachineError
from starcoder_cli.system.signals import native_interrupts

if TYPE_CHECKING:
    from numpy import float32, uint8
    from numpy.typing import NDArray
    from openvino import CompiledModel, InferRequest, Model

Made = TypeVar("Made")

MODEL = "openvino_model.xml"
WANTED = "sampled_tokens_indices"

KERNELS = 64
"""How many kernels are kept for lengths of input that have been, in each of two caches.

OpenVINO keeps 5,000 and oneDNN 1,024, which hold each other's: the memory of a server grew by up to
a megabyte with each new length, for nothing that could be measured in speed.
"""


@dataclass(frozen=True)
class Span:
    """Some ids of a text that are to be read, behind `begin` others, and the blocks of the text."""

    ids: Sequence[int]
    begin: int
    blocks: Sequence[int]

    @property
    def end(self) -> int:
        """How many ids of the text have been read then."""
        return self.begin + len(self.ids)


class PagedGraph:
    """The weights, and so many blocks of KV cache, which take memory when they are first used."""

    def __init__(self, parts: "Sequence[CompiledModel]", blocks: int) -> None:
        """Over the parts of a model that `loading` has compiled."""
        self._caches: list[NDArray[uint8]] = []
        self._parts = [part.create_infer_request() for part in parts]
        self._names = [{port.any_name for port in part.inputs} for part in parts]
        for part, request in zip(parts, self._parts, strict=True):
            for port in part.inputs:
                if "_cache." in port.any_name:
                    self._allocate(request, port, blocks)

    def read(self, spans: Sequence[Span], wanted: Sequence[int]) -> "NDArray[float32]":
        """Read all spans in one step; the logits behind the wanted ones of their ids, numbered in
        order, of shape [wanted, vocabulary], which last until the next step.

        RuntimeError where OpenVINO cannot.
        """
        import numpy
        from openvino import Tensor

        tables = [span.blocks[: -(-span.end // BLOCK)] for span in spans]
        texts = {
            "past_lens": [span.begin for span in spans],
            "subsequence_begins": [0, *accumulate(len(span.ids) for span in spans)],
            "block_indices": [number for table in tables for number in table],
            "block_indices_begins": [0, *accumulate(map(len, tables))],
            "max_context_len": max(span.end for span in spans),
        }
        tokens = {
            "input_ids": [token for span in spans for token in span.ids],
            "position_ids": [at for span in spans for at in range(span.begin, span.end)],
            WANTED: list(wanted),
        }
        given = {name: numpy.array(values, numpy.int32) for name, values in texts.items()}
        given |= {name: numpy.array(values, numpy.int64) for name, values in tokens.items()}
        tensors = {name: Tensor(values) for name, values in given.items()}
        for request, names in zip(self._parts, self._names, strict=True):
            for name in names & tensors.keys():
                request.set_tensor(name, tensors[name])
            request.infer(share_outputs=True)
            tensors[HIDDEN] = request.get_output_tensor(0)
        logits: NDArray[float32] = tensors[HIDDEN].data[:, 0]
        return logits

    def copy(self, source: int, target: int) -> None:
        """Let a block hold what another one holds."""
        for cache in self._caches:
            cache[target] = cache[source]

    def close(self) -> None:
        """Let the weights and the cache go."""
        self._parts.clear()
        self._caches.clear()

    def _allocate(self, request: "InferRequest", port: Any, blocks: int) -> None:
        import numpy
        from openvino import Shape, Tensor

        shape = [blocks, *(axis.get_length() for axis in list(port.partial_shape)[1:])]
        cache = numpy.empty([*shape[:-1], shape[-1] * port.element_type.size], numpy.uint8)
        self._caches.append(cache)
        request.set_tensor(port, Tensor(cache, Shape(shape), port.element_type))


@contextmanager
def loading(folder: Path) -> "Iterator[list[Future[CompiledModel]]]":
    """A prepared folder's model, whose parts are compiled while the body runs.

    Raises RuntimeError where OpenVINO cannot.
    """
    import openvino

    core, begun = openvino.Core(), threading.Semaphore(0)
    model = core.read_model(folder / MODEL)
    page(model)
    parts = halved(model)

    def compiled(part: "Model") -> "CompiledModel":
        try:
            number_format = core.get_property("CPU", "INFERENCE_PRECISION_HINT")
        finally:
            begun.release()
        # A cache in eight bits is rounded anew with each token that comes to a block.
        told = {"CPU_RUNTIME_CACHE_CAPACITY": KERNELS, "KV_CACHE_PRECISION": number_format}
        return core.compile_model(part, "CPU", told)

    with few_kernels(), apart(*(partial(compiled, part) for part in parts)) as futures:
        for _ in parts:  # a body that keeps the interpreter to itself would keep them from it
            begun.acquire()
        yield futures


def page(model: "Model") -> None:
    """Let a model keep what it has read in blocks, and give the logits that are wanted alone."""
    import numpy
    from openvino import opset15
    from openvino._offline_transformations import paged_attention_transformation

    paged_attention_transformation(model)
    (result,) = model.get_results()
    node = result.input(0).get_source_output().get_node()
    while node.get_type_name() != "MatMul":
        node = node.input(0).get_source_output().get_node()
    wanted = opset15.parameter([-1], numpy.int64, name=WANTED)
    wanted.output(0).get_tensor().set_names({WANTED})
    hidden = node.input(0).get_source_output()
    first_axis = opset15.constant(0, numpy.int64)
    node.input(0).replace_source_output(opset15.gather(hidden, wanted, first_axis).output(0))
    model.add_parameters([wanted])
    model.validate_nodes_and_infer_types()


def few_kernels() -> AbstractContextManager[None]:
    """Have oneDNN keep KERNELS in a process where it first works in the body."""
    return preset("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS), "DNNL_PRIMITIVE_CACHE_CAPACITY")


def import_openvino(name: str = "openvino") -> Any:
    """OpenVINO, or another package of it, without its telemetry and its converter.

    The first would write to the home folder and call home, the second is half of the time of an
    import. A module that is None cannot be imported; OpenVINO then does without
    (`telemetry_utils.py`, `openvino/__init__.py`). Raises MachineError where it cannot start.
    """
    for without in ("openvino_telemetry", "openvino.tools.ovc"):
        sys.modules[without] = None  # type: ignore[assignment]
    try:
        return __import__(name)
    except (ImportError, OSError) as error:
        raise MachineError(
            f"OpenVINO cannot start: {error}", "use --engine llamacpp, or install openvino-genai"
        ) from error


@contextmanager
def translated(what: str) -> Iterator[None]:
    """OpenVINO's error as ours: what it cannot do, and why."""
    try:
        yield
    except RuntimeError as error:
        why = " ".join(str(error).split())[:200]
        raise MachineError(f"OpenVINO cannot {what}: {why}", "use --engine llamacpp") from error


@contextmanager
def apart(*makes: Callable[[], Made]) -> "Iterator[list[Future[Made]]]":
    """What is made in threads of their own, while the body runs.

    OpenVINO's plugin gives the thread that loads it a stack for signal handlers, and takes that
    along when it is unloaded: in the main thread the next Ctrl-C would end the process by SIGSEGV.
    """
    with native_interrupts(), ThreadPoolExecutor(len(makes)) as pool:
        yield [pool.submit(make) for make in makes]

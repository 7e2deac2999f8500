"""A step of the graph: what OpenVINO is given for some texts, and what becomes of its errors."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy
import pytest

from starcoder_cli.engines.openvino.graph import (
    FEW_BITS,
    KERNEL_CACHE_SIZE,
    PagedGraph,
    TokenSpan,
    choose_precision,
    limit_kernel_caches,
    run_in_threads,
    translate_errors,
)
from starcoder_cli.engines.openvino.kv_cache import BLOCK_TOKENS
from starcoder_cli.engines.openvino.layers import LOGIT_INDICES_INPUT
from starcoder_cli.engines.openvino.sources import build_graph
from starcoder_cli.engines.openvino.split import HIDDEN_TENSOR
from starcoder_cli.errors import MachineError
from starcoder_cli.weights.tensors import map_tensors
from tiny import build

openvino = pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")

SPANS = "past_lens", "subsequence_begins", "block_indices", "block_indices_begins"
INPUTS = (*SPANS, "max_context_len", "input_ids", "position_ids", LOGIT_INDICES_INPUT)
CAPACITY = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"


@dataclass
class Port:
    """An input of a part of a model."""

    any_name: str
    partial_shape: Any = None
    element_type: Any = None


@dataclass
class Part:
    """A compiled part: what it was given in each step, and what it gives."""

    inputs: list[Port]
    output: Any
    given: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, list[int]]] = field(default_factory=list)

    def create_infer_request(self) -> "Part":
        """The part itself."""
        return self

    def set_tensor(self, port: Port | str, tensor: Any) -> None:
        """Keep an input until the next step."""
        self.given[port if isinstance(port, str) else port.any_name] = tensor

    def infer(self, share_outputs: bool) -> None:
        """Make a step of what was given."""
        assert share_outputs
        self.steps.append({name: self.given[name].data.tolist() for name in self.given})

    def get_output_tensor(self, index: int) -> Any:
        """The output."""
        assert index == 0
        return openvino.Tensor(self.output)


def cache_port(number: int) -> Port:
    """A cache of blocks of two numbers each."""
    shape = openvino.PartialShape([-1, 1, 2])
    return Port(f"key_cache.{number}", shape, openvino.Type.f32)


def parts() -> tuple[Part, Part]:
    """Two parts: the second is given what the first makes, and each has a cache."""
    names = [Port(name) for name in INPUTS]
    hidden = numpy.full((1, 3), 0.5, numpy.float32)
    logits = numpy.arange(6, dtype=numpy.float32).reshape(2, 1, 3)
    first = Part([*names[:-1], cache_port(0)], hidden)
    return first, Part([Port(HIDDEN_TENSOR), names[-1], cache_port(1)], logits)


def test_texts_are_read_in_one_step_by_all_parts() -> None:
    """One begins; the other goes on in its second block, and has one that it does not need yet."""
    first, second = parts()
    graph = PagedGraph([first, second], 4)
    spans = [TokenSpan([7, 8], 0, [3]), TokenSpan([9], BLOCK_TOKENS, [0, 2, 1])]
    assert [span.end for span in spans] == [2, BLOCK_TOKENS + 1]
    assert graph.run(spans, [1, 2]).tolist() == [[0, 1, 2], [3, 4, 5]]
    (step,) = first.steps
    assert {name: step[name] for name in INPUTS[:-1]} == {
        "past_lens": [0, BLOCK_TOKENS],
        "subsequence_begins": [0, 2, 3],
        "block_indices": [3, 0, 2],
        "block_indices_begins": [0, 1, 3],
        "max_context_len": BLOCK_TOKENS + 1,
        "input_ids": [7, 8, 9],
        "position_ids": [0, 1, BLOCK_TOKENS],
    }
    (step,) = second.steps
    assert set(step) == {HIDDEN_TENSOR, LOGIT_INDICES_INPUT, "key_cache.1"}
    assert step[LOGIT_INDICES_INPUT] == [1, 2]
    assert repr(step[HIDDEN_TENSOR]) == "[[0.5, 0.5, 0.5]]"


def test_a_block_is_copied_in_every_cache() -> None:
    both = parts()
    graph = PagedGraph(both, 4)
    caches = [part.given[f"key_cache.{number}"].data for number, part in enumerate(both)]
    assert [cache.shape for cache in caches] == [(4, 1, 2)] * 2
    for number, cache in enumerate(caches):
        cache[:] = numpy.arange(8, dtype=numpy.float32).reshape(4, 1, 2) + 10 * number
    graph.copy_block(1, 3)
    assert [cache[:, 0].tolist() for cache in caches] == [
        [[0, 1], [2, 3], [4, 5], [2, 3]],
        [[10, 11], [12, 13], [14, 15], [12, 13]],
    ]
    graph.close()


def test_an_error_of_openvino_is_one_line_with_what_helps() -> None:
    with pytest.raises(MachineError) as caught, translate_errors("go on"):
        raise RuntimeError(f"Check 'a'\n  failed {'b' * 300}")
    assert caught.value.message == f"OpenVINO cannot go on: Check 'a' failed {'b' * 183}"
    assert caught.value.hint == "use --engine llamacpp"
    with pytest.raises(KeyError), translate_errors("go on"):
        raise KeyError("ours")


def test_functions_run_beside_the_body_and_in_threads_of_their_own() -> None:
    """Ctrl-C ends the process meanwhile, and no longer than that."""
    together = threading.Barrier(3)

    def where() -> int:
        together.wait(60)
        return threading.get_ident()

    with run_in_threads(where, where) as futures:
        together.wait(60)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert len({*(future.result() for future in futures), threading.get_ident()}) == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_few_kernels_are_kept_unless_the_user_says_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(CAPACITY, raising=False)
    with limit_kernel_caches():
        assert os.environ[CAPACITY] == str(KERNEL_CACHE_SIZE)
    assert CAPACITY not in os.environ
    for name in (CAPACITY, "DNNL_PRIMITIVE_CACHE_CAPACITY"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "7")
            with limit_kernel_caches():
                assert os.environ.get(CAPACITY) == ("7" if name == CAPACITY else None)


IMPORT = """
import json, sys
from starcoder_cli.engines.openvino.graph import import_openvino
from starcoder_cli.errors import MachineError
found = import_openvino()
kept = [name for name, module in sys.modules.items() if module and "telemetry" in name]
sys.modules["openvino"] = None
try:
    import_openvino()
except MachineError as error:
    told = str(error)
print(json.dumps([found.__name__, kept, sys.modules.get("openvino.tools.ovc"), told]))
"""


def test_openvino_is_loaded_without_its_telemetry_and_its_converter() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [
        "openvino",
        [],
        None,
        "OpenVINO cannot start: import of openvino halted; None in sys.modules; "
        "use --engine llamacpp, or install openvino",
    ]


@pytest.mark.parametrize("kind", ["i8", "u8", "u4"])
def test_over_weights_in_few_bits_numbers_have_32_bits(kind: str) -> None:
    precision = choose_precision(openvino.Core(), multiply_by(kind))
    assert precision == {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f16"}


@pytest.mark.parametrize("kind", ["bf16", "f16", "f32"])
def test_over_other_weights_the_processor_chooses(kind: str) -> None:
    core = openvino.Core()
    chosen = core.get_property("CPU", "INFERENCE_PRECISION_HINT")
    precision = choose_precision(core, multiply_by(kind))
    assert precision == {"KV_CACHE_PRECISION": chosen}


def multiply_by(kind: str) -> Any:
    """A model that multiplies by a matrix with elements of that type."""
    from openvino import Model, Tensor, Type, opset15

    rows = opset15.parameter([-1, 32], Type.f32)
    data = numpy.zeros(32 * 32 * 4, numpy.uint8)
    shape = [32, 2, 16] if kind in FEW_BITS else [32, 32]
    constant = openvino.op.Constant(Tensor(data, openvino.Shape(shape), getattr(Type, kind)))
    square = opset15.constant(numpy.array([32, 32], numpy.int64))
    matrix = opset15.reshape(opset15.convert(constant, "f32"), square, False)
    product = opset15.matmul(rows, matrix, False, True)
    # What is no matrix does not count.
    bytes_of = opset15.convert(opset15.constant(numpy.zeros(32, numpy.uint8)), "f32")
    return Model([opset15.add(product, bytes_of)], [rows])


@pytest.mark.parametrize(("bits", "precision"), [(4, "f32"), (8, "f32"), (16, None)])
def test_a_checkpoint_as_it_is_leaves_it_to_the_processor(
    bits: Literal[4, 8, 16], precision: str | None, tmp_path: Path
) -> None:
    build(tmp_path, "gpt_bigcode")
    config = json.loads((tmp_path / "config.json").read_text())
    tensors = map_tensors([tmp_path / "model.safetensors"])
    model = build_graph(config, tensors, bits)
    chosen = choose_precision(openvino.Core(), model)
    assert chosen.get("INFERENCE_PRECISION_HINT") == precision

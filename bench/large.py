"""A StarCoder of any size on a CPU, from random weights that are only ever written in few bits.

    python bench/large.py FOLDER [--shape NAME] [--bits 4|8] [--read N] [--write N]

FOLDER receives the prepared weights of the shape and is kept; existing weights are used. Prints the
seconds that loading and the first step take, the tokens per second read and written after that, and
the peak memory, including the mapped weights.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy

from gpu import make_config, save_tokenizer
from starcoder_cli.engines.openvino.convert import WEIGHTS_FILE, make_group, write_groups
from starcoder_cli.engines.openvino.graph import PagedGraph, TokenSpan, compile_parts
from starcoder_cli.engines.openvino.kv_cache import BLOCK_TOKENS
from starcoder_cli.engines.openvino.quantize import Bits, form_in_bits
from starcoder_cli.engines.openvino.sources import build_graph
from starcoder_cli.weights.tensors import map_tensors

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

STEP_TOKENS = 240


@dataclass(frozen=True)
class RandomTensor:
    """A tensor that never exists anywhere as a whole."""

    shape: tuple[int, ...]

    def floats(self, first: int = 0, count: int | None = None) -> "NDArray[float32]":
        """The numbers of `count` rows, the same whenever they are asked for."""
        rows = self.shape[0] if count is None else count
        numbers = numpy.random.default_rng(first).standard_normal(
            (rows, *self.shape[1:]), numpy.float32
        )
        return 0.02 * numbers


def main() -> None:
    """Make the weights if they are missing, load them, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shape", default="starcoder")
    parser.add_argument("--bits", type=int, choices=(4, 8), default=4)
    parser.add_argument("--read", type=int, default=2 * STEP_TOKENS)
    parser.add_argument("--write", type=int, default=8)
    options = parser.parse_args()
    if not (options.folder / WEIGHTS_FILE).exists():
        seconds = timed(lambda: prepare(options.folder, options.shape, options.bits))
        print(f"prepared in {seconds:.0f} s")
    size = (options.folder / WEIGHTS_FILE).stat().st_size
    config = json.loads((options.folder / "config.json").read_text())
    tensors = map_tensors([options.folder / WEIGHTS_FILE])
    begin = time.perf_counter()
    with compile_parts(lambda: build_graph(config, tensors, options.bits)) as parts:
        compiled = [part.result() for part in parts]
    load = time.perf_counter() - begin
    total = STEP_TOKENS + options.read + options.write
    blocks = range(-(-total // BLOCK_TOKENS))
    graph = PagedGraph(compiled, len(blocks))
    steps = list(read(graph, STEP_TOKENS + options.read, blocks))
    first, others = steps[0], steps[1:]
    writes = [
        timed(lambda at=at: graph.run([TokenSpan([at % 200], at, blocks)], [0]))  # type: ignore[misc]
        for at in range(total - options.write, total)
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    rate = STEP_TOKENS / numpy.median(others)
    print(
        f"{options.shape}, {options.bits} bit, {size / 1e9:.1f} GB: loads in {load:.1f} s, first "
        f"{STEP_TOKENS} tokens {first:.1f} s, reads {rate:.1f} tokens/s, writes "
        f"{1 / numpy.median(writes):.2f} tokens/s, peak {peak:.1f} GB"
    )


def prepare(folder: Path, shape: str, bits: Bits) -> None:
    """Write random weights in their prepared form."""
    import torch
    from transformers import AutoModelForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    config = make_config(shape)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    config.save_pretrained(folder)
    save_tokenizer(folder)
    groups = []
    for name, parameter in model.named_parameters():
        tensor = RandomTensor(tuple(parameter.shape))
        form = form_in_bits(name, tensor, bits) if len(tensor.shape) == 2 else None
        groups.append(make_group(name, tensor, form))
    write_groups(folder, groups, lambda done, total: None)


def read(graph: PagedGraph, length: int, blocks: range) -> Iterator[float]:
    """Yield the seconds that each step of a prompt takes."""
    for start in range(0, length, STEP_TOKENS):
        ids = [(start + number * 37) % 200 for number in range(STEP_TOKENS)]
        span = TokenSpan(ids, start, blocks)
        yield timed(lambda span=span: graph.run([span], [STEP_TOKENS - 1]))  # type: ignore[misc]


def timed(run: Callable[[], object]) -> float:
    """The seconds that a call takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()

"""Quantized weights in the form a family's graph reads, from a GGUF file or a checkpoint.

Numbers of a GGUF file stay what they are, except those of five and six bits, which a kernel knows
only in eight; where measurements showed no loss, some of them are stored in four bits instead, so
that they are read from memory that much faster for each token.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.engines.openvino.matrices import OFFSETS, SCALES, ZEROS
from starcoder_cli.engines.openvino.quantize import (
    EMBEDDING,
    Bits,
    Form,
    Tensor,
    form_in_bits,
    form_of,
    group_size,
    in_groups,
    quantize,
)
from starcoder_cli.engines.openvino.rounding import to_four_bits
from starcoder_cli.errors import DataError, MachineError
from starcoder_cli.models.transfer import Progress
from starcoder_cli.weights.gguf import read_gguf_header
from starcoder_cli.weights.gguf_blocks import BLOCK_SIZES
from starcoder_cli.weights.gguf_names import (
    UnknownArchitectureError,
    checkpoint_config,
    checkpoint_name,
    find_architecture,
    paired_heads,
)
from starcoder_cli.weights.gguf_tensors import BlockTensor, map_gguf_tensors
from starcoder_cli.weights.safetensors import TensorEntry
from starcoder_cli.weights.safetensors_writer import TensorGroup, write_safetensors
from starcoder_cli.weights.tensors import FLOAT_TYPES, map_tensors

if TYPE_CHECKING:
    from numpy import generic
    from numpy.typing import NDArray

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
POSITIONS = "transformer.wpe.weight"
FEED_FORWARD = re.compile(r"model\.layers\.\d+\.mlp\.(gate|up)_proj\.weight")
OTHER_ENGINE = "use --engine llamacpp"
SAMPLE_DIVISOR = 8
"""One in this many rows of a matrix is sampled to estimate how much it loses in four bits."""


def convert_gguf(path: Path, folder: Path, four_bit_count: int, report: Progress) -> None:
    """Write the configuration and the weights of a GGUF file into a folder.

    The `four_bit_count` feed-forward matrices that lose least are stored in four bits in place of
    eight. `report` is given how many tensors are written. Raises DataError for a malformed file,
    MachineError for one of a family that has no graph.
    """
    try:
        config, tensors = read_gguf(path)
    except UnknownArchitectureError as error:
        raise MachineError(f"OpenVINO runs no model of the kind {error}", OTHER_ENGINE) from error
    try:
        write_gguf_weights(tensors, folder, four_bit_count, report)
    except (NotImplementedError, ValueError) as error:  # in types that only llama.cpp reads
        raise unknown_type(path) from error
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def write_gguf_weights(
    tensors: Mapping[str, BlockTensor], folder: Path, four_bit_count: int, report: Progress
) -> None:
    """Write the weights of a GGUF file, with `four_bit_count` matrices in four bits."""
    four_bit_names = choose_four_bits(tensors, four_bit_count)
    groups = [
        make_group(name, tensor, "four" if name in four_bit_names else None)
        for name, tensor in tensors.items()
    ]
    write_groups(folder, groups, report)


def convert_checkpoint(files: Iterable[Path], folder: Path, bits: Bits, report: Progress) -> None:
    """Write a checkpoint's weights into a folder, in `bits` bits; otherwise as `convert_gguf`."""
    groups = [
        make_group(name, tensor, form_in_bits(name, tensor, bits) if tensor.shape[1:] else None)
        for name, tensor in map_tensors(files).items()
        if tensor.entry.dtype in FLOAT_TYPES and len(tensor.shape) in (1, 2)  # masks are computed
    ]
    write_groups(folder, groups, report)


def write_groups(folder: Path, groups: Sequence[TensorGroup], report: Progress) -> None:
    """Write the weights, reporting each group before it is made."""
    write_safetensors(
        folder / WEIGHTS_FILE,
        [
            TensorGroup(
                group.entries, partial(reported, group, partial(report, number, len(groups)))
            )
            for number, group in enumerate(groups)
        ],
    )


def reported(group: TensorGroup, report: Callable[[], None]) -> "Collection[NDArray[generic]]":
    """A group's arrays, reported before they are made."""
    report()
    return list(group.arrays())


def unknown_type(path: Path) -> DataError:
    """The error for a file some of whose tensors cannot be read."""
    return DataError(f"{path} has tensors of a type that is not known", OTHER_ENGINE)


def read_gguf(path: Path) -> tuple[dict[str, object], Mapping[str, BlockTensor]]:
    """The configuration and the tensors of a GGUF file, under the names used in checkpoints.

    Raises UnknownArchitectureError for an unknown architecture, DataError for a malformed file or
    one with tensors of an unknown type.
    """
    header = read_gguf_header(path)
    if any(tensor.ggml_type not in BLOCK_SIZES for tensor in header.tensors):
        raise unknown_type(path)
    architecture = find_architecture(header)
    tensors = {
        checkpoint_name(architecture, name): replace(
            tensor, paired_heads=paired_heads(architecture, header, name, tensor.shape[0])
        )
        for name, tensor in map_gguf_tensors(path, header).items()
    }
    return checkpoint_config(header), tensors


def choose_four_bits(tensors: Mapping[str, BlockTensor], limit: int) -> Collection[str]:
    """The names of up to `limit` feed-forward matrices, those that lose least in four bits."""
    losses = {
        name: estimate_loss(tensor)
        for name, tensor in tensors.items()
        if limit and FEED_FORWARD.fullmatch(name) and form_of(tensor) == "eight"
    }
    return frozenset(sorted(losses, key=losses.__getitem__)[:limit])


def estimate_loss(tensor: BlockTensor) -> float:
    """Estimate how much a matrix loses in four bits, from its first rows."""
    rows = tensor.floats(0, max(tensor.shape[0] // SAMPLE_DIVISOR, 1))
    return to_four_bits(in_groups(rows))[1]


def make_group(name: str, tensor: Tensor, form: Form | None) -> TensorGroup:
    """How to write a tensor: a vector in 32 bits, positions in 16, a matrix in a quantized form."""
    rows, columns = (1, *tensor.shape)[-2:]
    if rows == 1:
        entry = TensorEntry("F32", (columns,), 4 * columns)
        return TensorGroup({name: entry}, lambda: [tensor.floats()])
    if name == POSITIONS:
        import numpy

        entry = TensorEntry("F16", (rows, columns), 2 * rows * columns)
        return TensorGroup({name: entry}, lambda: [tensor.floats().astype(numpy.float16)])
    form = "eight" if EMBEDDING.fullmatch(name) else form or form_of(tensor)
    size = group_size(tensor, form)
    groups = columns // size
    packed = size if form == "eight" else size // 2
    scales = TensorEntry("F16", (rows, groups, 1), 2 * rows * groups)
    entries = {
        name: TensorEntry(
            "I8" if form == "eight" else "U8", (rows, groups, packed), rows * groups * packed
        ),
        name + SCALES: scales,
    }
    if form != "eight":
        entries[name + ZEROS] = TensorEntry("U8", (rows, groups, 1), rows * groups)
    if form == "four and offset":
        entries[name + OFFSETS] = TensorEntry("F16", (rows, groups), 2 * rows * groups)

    def arrays() -> "list[NDArray[generic]]":
        matrix = quantize(tensor, form)
        each = (matrix.numbers, matrix.scales, matrix.zeros, matrix.offsets)
        return [array for array in each if array is not None]

    return TensorGroup(entries, arrays)

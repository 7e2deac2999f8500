"""Write a safetensors file piece by piece, for tensors that do not fit in memory together."""

import json
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.weights.safetensors import TensorEntry

if TYPE_CHECKING:
    from numpy import generic
    from numpy.typing import NDArray

HEADER_ALIGNMENT = 64


@dataclass(frozen=True)
class TensorGroup:
    """Tensors made together: `arrays` returns each of them, in the order of `entries`."""

    entries: Mapping[str, TensorEntry]
    arrays: "Callable[[], Iterable[NDArray[generic]]]"


def write_safetensors(path: Path, groups: Sequence[TensorGroup]) -> None:
    """Write tensors, making each group only after the previous one is written.

    Data begins at a multiple of HEADER_ALIGNMENT. Raises OSError if it cannot be written.
    """
    import numpy

    described, end = dict[str, object](), 0
    for group in groups:
        for name, entry in group.entries.items():
            start, end = end, end + entry.byte_count
            described[name] = {
                "dtype": entry.dtype, "shape": entry.shape, "data_offsets": [start, end],
            }  # fmt: skip
    header = json.dumps(described, separators=(",", ":")).encode()
    header += b" " * (-(8 + len(header)) % HEADER_ALIGNMENT)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for group in groups:
            for array in group.arrays():
                file.write(array.reshape(-1).view(numpy.uint8).data)

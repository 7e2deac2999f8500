"""Read the header of a safetensors file, and refuse what no loader should be given.

A header is JSON that gives the position of each tensor's bytes. Even a valid one can be made to
cost gigabytes of memory, so the limits here are far below what the format allows; lengths, shapes
and positions must agree with one another and with the file to the last byte. Tensor data is never
touched.
"""

import math
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from starcoder_cli.errors import DataError, InputError, MalformedError
from starcoder_cli.files.strict_json import parse_object

MAX_HEADER_BYTES = 1 << 24
MAX_TENSORS = 100_000
MAX_SAFETENSORS_DIMENSIONS = 16
MAX_INTEGER = 1 << 63
MAX_VALUES = 1 << 48
"""No tensor has more, not even one that is empty since another of its dimensions is 0."""

REFETCH_FILE = "get the file again"

DTYPE_BITS: Mapping[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "I32": 32, "U32": 32, "I64": 64, "U64": 64,
    "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip


@dataclass(frozen=True)
class TensorEntry:
    """A tensor's type, as the format names it, its shape, and its size in bytes."""

    dtype: str
    shape: tuple[int, ...]
    byte_count: int

    @property
    def element_count(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class SafetensorsHeader:
    """The tensors of a file by name, in the order of their data; names are unmodified."""

    tensors: Mapping[str, TensorEntry]

    @property
    def total_bytes(self) -> int:
        """The bytes of all tensors."""
        return sum(tensor.byte_count for tensor in self.tensors.values())

    @property
    def parameter_count(self) -> int:
        """The number of elements in all tensors."""
        return sum(tensor.element_count for tensor in self.tensors.values())


def read_safetensors_header(path: Path) -> SafetensorsHeader:
    """Read the header of a safetensors file and check its consistency.

    Raises DataError for a malformed file, InputError if there is no file to read.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is not a file", "check the path")
        if status.st_size == 0:
            raise DataError(f"{path} is empty", REFETCH_FILE)
        with path.open("rb") as file:
            text = _read_header_text(file, status.st_size)
        return SafetensorsHeader(_parse_tensors(parse_object(text), status.st_size - 8 - len(text)))
    except MalformedError as error:
        raise DataError(f"{path} is not a sound safetensors file: {error}", REFETCH_FILE) from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error


def _read_header_text(file: BinaryIO, size: int) -> bytes:
    """Read the header's JSON, whose length comes first in the file."""
    start = file.read(512)
    if size < 8:
        raise MalformedError("it is cut off in the header")
    (length,) = struct.unpack_from("<Q", start)
    if length > MAX_HEADER_BYTES:
        raise MalformedError(_identify_other_format(start) or f"its header claims {length} bytes")
    if length > size - 8:
        raise MalformedError("it is cut off in the header")
    if start[8:9] != b"{" or not length:
        raise MalformedError("its header does not begin with {")
    file.seek(8)
    text = file.read(length)
    if len(text) < length:
        raise MalformedError("it is cut off in the header")
    return text


def _identify_other_format(start: bytes) -> str:
    """The actual format of a file that begins like this; empty if unknown."""
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page"
    if start.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not what that points to"
    return ""


def _parse_tensors(entries: Mapping[str, object], data_bytes: int) -> dict[str, TensorEntry]:
    """Parse a header's tensors in the order of their data, which must fill all `data_bytes`."""
    names = entries.keys() - {"__metadata__"}
    if len(names) > MAX_TENSORS:
        raise MalformedError(f"it claims {len(names)} tensors")
    _check_metadata(entries.get("__metadata__", {}))
    placed = (_parse_tensor(name, entries[name]) for name in names)
    ordered = sorted(placed, key=lambda place: (place.offsets, place.name))
    start = _PlacedTensor("", (0, 0), TensorEntry("", (0,), 0))
    for previous, place in pairwise([start, *ordered]):
        if place.offsets[0] != previous.offsets[1]:
            problem = (
                "overlaps another" if place.offsets[0] < previous.offsets[1] else "leaves a gap"
            )
            raise MalformedError(f"the tensor {place.name[:80]!r} {problem}")
    end = ordered[-1].offsets[1] if ordered else 0
    if end > data_bytes:
        raise MalformedError(f"it is cut off: {end - data_bytes} bytes of tensor data are missing")
    if end < data_bytes:
        raise MalformedError(f"{data_bytes - end} bytes in it belong to no tensor")
    return {place.name: place.tensor for place in ordered}


def _check_metadata(value: object) -> None:
    """Refuse metadata that is not a mapping to texts."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise MalformedError("its metadata is not text")


@dataclass(frozen=True)
class _PlacedTensor:
    """A tensor, and where its data begins and ends after the header."""

    name: str
    offsets: tuple[int, int]
    tensor: TensorEntry


def _parse_tensor(name: str, entry: object) -> _PlacedTensor:
    """Parse the description of a tensor in the header."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise MalformedError(f"the tensor {name[:80]!r} is not described by type, shape and place")
    dtype, shape, offsets = (
        entry["dtype"],
        _parse_counts(entry["shape"]),
        _parse_counts(entry["data_offsets"]),
    )
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        raise MalformedError(f"the tensor {name[:80]!r} has the unknown type {str(dtype)[:40]!r}")
    if shape is None or math.prod(filter(None, shape)) > MAX_VALUES:
        raise MalformedError(f"the tensor {name[:80]!r} has an impossible shape")
    if offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise MalformedError(f"the tensor {name[:80]!r} has an impossible place")
    length = offsets[1] - offsets[0]
    if math.prod(shape) * DTYPE_BITS[dtype] != length * 8:
        raise MalformedError(f"the tensor {name[:80]!r} does not take {length} bytes")
    return _PlacedTensor(name, (offsets[0], offsets[1]), TensorEntry(dtype, shape, length))


def _parse_counts(value: object) -> tuple[int, ...] | None:
    """A short list of non-negative whole numbers, None for anything else."""
    if not isinstance(value, list) or len(value) > MAX_SAFETENSORS_DIMENSIONS:
        return None
    # True and False are whole numbers in Python, but not in the format.
    if all(type(number) is int and 0 <= number < MAX_INTEGER for number in value):
        return tuple(value)
    return None

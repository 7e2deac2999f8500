"""Read the header of a safetensors file, and refuse what no loader should be given.

A header is JSON that says where each tensor's bytes are. A valid one can still be made to cost
gigabytes of memory, so the limits here are far below what the format allows; and lengths, shapes
and places have to agree with one another and with the file to the last byte. Tensor data is never
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

from starcoder_cli.errors import DataError, InputError
from starcoder_cli.files.strict_json import MalformedError, parse_object

MAX_HEADER = 1 << 24
MAX_TENSORS = 100_000
MAX_DIMENSIONS = 16
MAX_NUMBER = 1 << 63

FILE_AGAIN = "get the file again"

BITS: Mapping[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "I32": 32, "U32": 32, "I64": 64, "U64": 64,
    "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """What one tensor is: its type as the format names it, its shape, and the bytes it takes."""

    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """The tensors of a file by name, in the order of their data; names are as found."""

    tensors: Mapping[str, Tensor]

    @property
    def size(self) -> int:
        """The bytes of all tensors."""
        return sum(tensor.bytes for tensor in self.tensors.values())

    @property
    def parameters(self) -> int:
        """The numbers in all tensors."""
        return sum(tensor.numbers for tensor in self.tensors.values())


def read_header(path: Path) -> Header:
    """The header of a safetensors file, after everything in it was found to be consistent.

    Raises DataError for a malformed file, InputError where there is no file to read.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is not a file", "check the path")
        if status.st_size == 0:
            raise DataError(f"{path} is empty", FILE_AGAIN)
        with path.open("rb") as file:
            text = _text(file, status.st_size)
        return Header(_tensors(parse_object(text), status.st_size - 8 - len(text)))
    except MalformedError as error:
        raise DataError(f"{path} is not a sound safetensors file: {error}", FILE_AGAIN) from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error


def _text(file: BinaryIO, size: int) -> bytes:
    """The JSON of the header, whose length comes first in a file."""
    start = file.read(512)
    if size < 8:
        raise MalformedError("it is cut off in the header")
    (length,) = struct.unpack_from("<Q", start)
    if length > MAX_HEADER:
        raise MalformedError(_instead(start) or f"its header claims {length} bytes")
    if length > size - 8:
        raise MalformedError("it is cut off in the header")
    if start[8:9] != b"{" or not length:
        raise MalformedError("its header does not begin with {")
    file.seek(8)
    text = file.read(length)
    if len(text) < length:
        raise MalformedError("it is cut off in the header")
    return text


def _instead(start: bytes) -> str:
    """What a file is that begins like this, where that can be told."""
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page"
    if start.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not what that points to"
    return ""


def _tensors(entries: Mapping[str, object], room: int) -> dict[str, Tensor]:
    """The tensors that a header names, in the order of their data, which fills all of `room`."""
    names = entries.keys() - {"__metadata__"}
    if len(names) > MAX_TENSORS:
        raise MalformedError(f"it claims {len(names)} tensors")
    _check_metadata(entries.get("__metadata__", {}))
    places = (_tensor(name, entries[name]) for name in names)
    found = sorted(places, key=lambda place: (place.ends, place.name))
    start = _Place("", (0, 0), Tensor("", (0,), 0))
    for before, place in pairwise([start, *found]):
        if place.ends[0] != before.ends[1]:
            wrong = "overlaps another" if place.ends[0] < before.ends[1] else "leaves a gap"
            raise MalformedError(f"the tensor {place.name[:80]!r} {wrong}")
    end = found[-1].ends[1] if found else 0
    if end > room:
        raise MalformedError(f"it is cut off: {end - room} bytes of tensor data are missing")
    if end < room:
        raise MalformedError(f"{room - end} bytes in it belong to no tensor")
    return {place.name: place.tensor for place in found}


def _check_metadata(value: object) -> None:
    """Refuse metadata that is not texts by name."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise MalformedError("its metadata is not text")


@dataclass(frozen=True)
class _Place:
    """A tensor, and where its data begins and ends after the header."""

    name: str
    ends: tuple[int, int]
    tensor: Tensor


def _tensor(name: str, entry: object) -> _Place:
    """The tensor that an entry of the header describes."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise MalformedError(f"the tensor {name[:80]!r} is not described by type, shape and place")
    dtype, shape, ends = entry["dtype"], _counts(entry["shape"]), _counts(entry["data_offsets"])
    if not isinstance(dtype, str) or dtype not in BITS:
        raise MalformedError(f"the tensor {name[:80]!r} has the unknown type {str(dtype)[:40]!r}")
    if shape is None or math.prod(shape) >= MAX_NUMBER:
        raise MalformedError(f"the tensor {name[:80]!r} has an impossible shape")
    if ends is None or len(ends) != 2 or ends[0] > ends[1]:
        raise MalformedError(f"the tensor {name[:80]!r} has an impossible place")
    length = ends[1] - ends[0]
    if math.prod(shape) * BITS[dtype] != length * 8:
        raise MalformedError(f"the tensor {name[:80]!r} does not take {length} bytes")
    return _Place(name, (ends[0], ends[1]), Tensor(dtype, shape, length))


def _counts(value: object) -> tuple[int, ...] | None:
    """A short list of whole numbers from 0, None for anything else."""
    if not isinstance(value, list) or len(value) > MAX_DIMENSIONS:
        return None
    # True and False are whole numbers to Python, not to the format.
    if all(type(number) is int and 0 <= number < MAX_NUMBER for number in value):
        return tuple(value)
    return None

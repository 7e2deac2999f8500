"""Safetensors files for tests: headers of some shapes, and the bytes of a file."""

import json
import struct
from collections.abc import Mapping
from typing import TypeAlias, TypedDict

from starcoder_cli.weights.safetensors import DTYPE_BITS

Shapes: TypeAlias = Mapping[str, tuple[str, tuple[int, ...]]]


class Entry(TypedDict):
    """What a header says about a tensor."""

    dtype: str
    shape: list[int]
    data_offsets: list[int]


def header(shapes: Shapes) -> dict[str, Entry]:
    """The entries of tensors, whose data follow one another."""
    entries: dict[str, Entry] = {}
    end = 0
    for name, (dtype, shape) in shapes.items():
        start, length = end, DTYPE_BITS[dtype] // 8
        for width in shape:
            length *= width
        end = start + length
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    return entries


def build(head: object, data: int = 0) -> bytes:
    """A file with this header, as an object or as its text, and this many bytes of data."""
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + bytes(data)

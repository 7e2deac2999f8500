"""Read the header of a GGUF file, versions 2 and 3, and refuse what no loader should be given.

Native loaders have crashed, hung or leaked memory on malformed headers (CVE-2026-7482,
GHSA-8wwf-w4qm-gpqr). So every count, length and offset is compared here with the bytes that are
really there before anything is read, allocated or looped over. Tensor data is never touched.
"""

import mmap
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TypeAlias

from starcoder_cli.errors import DataError, InputError

MAX_ENTRIES = 1 << 16
MAX_STRING = 1 << 20
MAX_ELEMENTS = 1 << 21
MAX_NAME = 64
MAX_DIMENSIONS = 4

MAGIC = b"GGUF"
STRING, ARRAY = 8, 9
SCALARS: Mapping[int, str] = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
INTEGERS = frozenset({0, 1, 2, 3, 4, 5, 10, 11})

# Elements in a block and bytes of it, by the number of ggml's type.
BLOCKS: Mapping[int, tuple[int, int]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
MAX_TYPE = 63

Values: TypeAlias = Mapping[str, int | float | str]
Spans: TypeAlias = Mapping[str, tuple[int, int]]

_ENDINGS = ".context_length", "tokenizer.chat_template", "tokenizer.ggml.eos_token_id"
_KEEP = "general.architecture", "general.name", "general.license", "general.alignment"


@dataclass(frozen=True)
class Tensor:
    """A tensor: its shape, fastest axis first, ggml's type, and where its bytes are in the data."""

    name: str
    shape: tuple[int, ...]
    kind: int
    start: int
    length: int


@dataclass(frozen=True)
class Header:
    """What a GGUF file says about itself; texts are as found, possibly hostile.

    `window` counts tokens and is 0 where the file does not tell; the texts are then empty. `eos`
    ends an answer. `entries` says where each entry of the metadata begins and ends in the file,
    `data` where the bytes of tensors begin.
    """

    architecture: str
    name: str
    window: int
    chat_template: str
    licence: str
    tensors: tuple[Tensor, ...]
    alignment: int
    entries: Spans
    data: int
    eos: int | None = None


def read_header(path: Path) -> Header:
    """The header of a GGUF file, after everything in it was found to be consistent.

    Raises DataError for a malformed file, InputError where there is no file to read.
    """
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                raise DataError(f"{path} is empty", "get the file again")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data).header()
    except _Malformed as error:
        raise DataError(f"{path} is not a sound GGUF file: {error}", "get the file again") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error


class _Malformed(Exception):
    """What is wrong with the bytes."""


class _Reader:
    """A place in the bytes that moves forward, never past the end."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.size = len(data)
        self.at = 0
        self.elements = 0

    def header(self) -> Header:
        """The whole header, checked."""
        tensors, count = self.preamble()
        known, entries = self.metadata(count)
        texts = {key: value for key, value in known.items() if isinstance(value, str)}
        architecture = texts.get("general.architecture", "")
        if not re.fullmatch(r"[\w.-]{1,64}", architecture):
            raise _Malformed("it names no architecture")
        alignment = self.alignment(known)
        listed = self.tensors(tensors)
        data = -(-self.at // alignment) * alignment
        self.check(listed, alignment, self.size - data)
        window = known.get(f"{architecture}.context_length", 0)
        return Header(
            architecture=architecture,
            name=texts.get("general.name", ""),
            window=window if isinstance(window, int) and 0 <= window < 1 << 32 else 0,
            chat_template=texts.get("tokenizer.chat_template", ""),
            licence=texts.get("general.license", ""),
            tensors=tuple(listed),
            alignment=alignment,
            entries=entries,
            data=data,
            eos=eos if isinstance(eos := known.get(_ENDINGS[2]), int) else None,
        )

    def preamble(self) -> tuple[int, int]:
        """The number of tensors and of metadata entries, after magic and version."""
        if self.data[:4] != MAGIC:
            start = self.data[:512].lstrip().lower()
            page = start.startswith((b"<!doctype", b"<html", b"<?xml"))
            raise _Malformed("it is a web page" if page else "it does not begin with GGUF")
        self.at = 4
        version = self.number("I")
        if version not in (2, 3):
            big = int.from_bytes(version.to_bytes(4, "little"), "big") in (2, 3)
            raise _Malformed("it is big-endian" if big else f"version {version} is not known")
        tensors, entries = self.number("Q"), self.number("Q")
        # The smallest entry is a key and a value of a byte; the smallest tensor has one dimension.
        self.count(entries, 14, "metadata entries")
        self.count(tensors, 33, "tensors")
        return tensors, entries

    def count(self, number: int, smallest: int, what: str) -> None:
        """Refuse a number of things that cannot be there."""
        if number > MAX_ENTRIES or number * smallest > self.size - self.at:
            raise _Malformed(f"it claims {number} {what}")

    def number(self, code: str) -> int:
        """The next integer, of a type named as `struct` names it."""
        value = self.scalar(code)
        if not isinstance(value, int):
            raise _Malformed("a number is not whole")
        return value

    def scalar(self, code: str) -> int | float:
        """The next value of a fixed length."""
        end = self.at + struct.calcsize(f"<{code}")
        if end > self.size:
            raise _Malformed("it is cut off in the header")
        value: int | float
        (value,) = struct.unpack_from(f"<{code}", self.data, self.at)
        if code == "?" and self.data[self.at] > 1:
            raise _Malformed("a truth value is neither 0 nor 1")
        self.at = end
        return value

    def string(self, limit: int = MAX_STRING) -> str:
        """The next text; bytes that are not UTF-8 are replaced."""
        length = self.number("Q")
        if length > limit:
            raise _Malformed(f"a text claims {length} bytes")
        if length > self.size - self.at:
            raise _Malformed("it is cut off in the header")
        self.at += length
        return self.data[self.at - length : self.at].decode(errors="replace")

    def metadata(self, count: int) -> tuple[Values, Spans]:
        """The few values that are of use here, and where all entries are; each is checked."""
        known: dict[str, int | float | str] = {}
        entries: dict[str, tuple[int, int]] = {}
        for _ in range(count):
            begin = self.at
            key = self.string(1 << 16)
            if not key or key in entries:
                raise _Malformed(f"the key {key[:80]!r} is empty or there twice")
            value = self.value(self.number("I"))
            entries[key] = begin, self.at
            if value is not None and (key in _KEEP or key.endswith(_ENDINGS)):
                known[key] = value
        return known, entries

    def value(self, kind: int) -> int | float | str | None:
        """The next value of a metadata type, None for an array."""
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            self.skip_array()
            return None
        if kind not in SCALARS:
            raise _Malformed(f"a value has the unknown type {kind}")
        return self.scalar(SCALARS[kind])

    def skip_array(self) -> None:
        """Move past an array of scalars or texts."""
        kind, length = self.number("I"), self.number("Q")
        if kind == ARRAY:
            raise _Malformed("it holds arrays inside arrays")
        if kind != STRING and kind not in SCALARS:
            raise _Malformed(f"an array has the unknown type {kind}")
        width = 8 if kind == STRING else struct.calcsize(f"<{SCALARS[kind]}")
        if length > (self.size - self.at) // width:
            raise _Malformed(f"an array claims {length} elements")
        if kind == STRING:
            self.skip_strings(length)
        else:
            self.at += length * width

    def skip_strings(self, length: int) -> None:
        """Move past texts; a vocabulary has 150,000 of them, so this loop does the least it can."""
        self.elements += length
        if self.elements > MAX_ELEMENTS:
            raise _Malformed(f"its arrays hold more than {MAX_ELEMENTS} texts")
        data, at, last, number = self.data, self.at, self.size - 8, struct.Struct("<Q").unpack_from
        for _ in range(length):
            if at > last:
                raise _Malformed("it is cut off in the header")
            (size,) = number(data, at)
            if size > MAX_STRING:
                raise _Malformed(f"a text claims {size} bytes")
            at += 8 + size
        if at > self.size:
            raise _Malformed("it is cut off in the header")
        self.at = at

    def alignment(self, known: Values) -> int:
        """The alignment of tensor data: a power of two."""
        value = known.get("general.alignment", 32)
        if not isinstance(value, int) or not 0 < value <= MAX_STRING or value & (value - 1):
            raise _Malformed(f"the alignment {str(value)[:40]!r} is not a power of two")
        return value

    def tensors(self, number: int) -> list[Tensor]:
        """Where each tensor says that its data is."""
        found: list[Tensor] = []
        names: set[str] = set()
        for _ in range(number):
            name = self.string(MAX_NAME)
            if name in names:
                raise _Malformed(f"the tensor {name!r} is there twice")
            names.add(name)
            shape, kind = self.shape(), self.number("I")
            found.append(Tensor(name, shape, kind, self.number("Q"), tensor_length(shape, kind)))
        return found

    def shape(self) -> tuple[int, ...]:
        """How many elements a tensor has along each axis."""
        dimensions = self.number("I")
        if not 1 <= dimensions <= MAX_DIMENSIONS:
            raise _Malformed(f"a tensor has {dimensions} dimensions")
        return tuple(self.number("Q") for _ in range(dimensions))

    def check(self, tensors: list[Tensor], alignment: int, room: int) -> None:
        """Refuse data that is not aligned, overlaps, or ends after the file does."""
        end = 0
        for tensor in sorted(tensors, key=lambda tensor: tensor.start):
            if tensor.start % alignment:
                raise _Malformed(f"the tensor {tensor.name!r} is not aligned")
            if tensor.start < end:
                raise _Malformed(f"the tensor {tensor.name!r} overlaps another")
            end = tensor.start + tensor.length
            if end > room:
                raise _Malformed(f"it is cut off: {end - room} bytes of tensor data are missing")


def tensor_length(shape: Sequence[int], kind: int) -> int:
    """The bytes of a tensor's data, from its shape and type.

    A type that is newer than this table counts as one byte: the loader knows its true length.
    """
    elements = prod(shape)
    if not 0 < elements < 1 << 63 or kind > MAX_TYPE:
        raise _Malformed("a tensor has an impossible shape or type")
    if kind not in BLOCKS:
        return 1
    block, size = BLOCKS[kind]
    if shape[0] % block:
        raise _Malformed("a tensor's rows are not whole blocks")
    return elements // block * size

"""Read the header of a GGUF file, versions 2 and 3, and refuse what no loader should be given.

Native loaders have crashed, hung or leaked memory on malformed headers (CVE-2026-7482,
GHSA-8wwf-w4qm-gpqr). So every count, length and offset is compared here with the bytes that are
really there before anything is read, allocated or looped over. Tensor data is never touched.
"""

import mmap
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from starcoder_cli.errors import DataError, InputError
from starcoder_cli.weights.gguf_blocks import GgufError, tensor_length

MAX_ENTRIES = 1 << 16
MAX_STRING_BYTES = 1 << 20
MAX_ARRAY_STRINGS = 1 << 21
MAX_TENSOR_NAME_BYTES = 64
MAX_GGUF_DIMENSIONS = 4

MAGIC = b"GGUF"
STRING_TYPE, ARRAY_TYPE = 8, 9
SCALAR_CODES: Mapping[int, str] = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip

MetadataValues: TypeAlias = Mapping[str, int | float | str]

_KEPT_TEXTS = re.compile(
    r"general\.(architecture|name|license|alignment)|tokenizer\.(chat_template|ggml\.(model|pre))|.*\.rope\.scaling\.type"
)


@dataclass(frozen=True)
class GgufTensor:
    """A tensor: its shape, fastest axis first, ggml's type, and its position in the data."""

    name: str
    shape: tuple[int, ...]
    ggml_type: int
    offset: int
    length: int


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says about itself; texts are unmodified, possibly hostile.

    `window` is in tokens, 0 if the file does not say; missing texts are empty. `eos_id` ends an
    answer. `metadata` has all numeric entries, and these texts; `data_offset` is where the tensors'
    bytes begin, `arrays` where those of metadata arrays do.
    """

    architecture: str
    name: str
    window: int
    chat_template: str
    licence: str
    tensors: tuple[GgufTensor, ...]
    metadata: MetadataValues
    data_offset: int
    arrays: Mapping[str, int]
    eos_id: int | None = None


def read_gguf_header(path: Path) -> GgufHeader:
    """Read the header of a GGUF file and check its consistency.

    Raises DataError for a malformed file, InputError if there is no file to read.
    """
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                raise DataError(f"{path} is empty", "get the file again")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data).read_header()
    except GgufError as error:
        raise DataError(f"{path} is not a sound GGUF file: {error}", "get the file again") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error


class _Reader:
    """A position in the bytes that moves forward, never past the end."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.size = len(data)
        self.offset = 0
        self.string_count = 0
        self.arrays: dict[str, int] = {}

    def read_header(self) -> GgufHeader:
        """Read and check the whole header."""
        tensor_count, entry_count = self.read_preamble()
        values = self.read_metadata(entry_count)
        texts = {key: value for key, value in values.items() if isinstance(value, str)}
        architecture = texts.get("general.architecture", "")
        if not re.fullmatch(r"[\w.-]{1,64}", architecture):
            raise GgufError("it names no architecture")
        alignment = self.parse_alignment(values)
        tensor_list = self.read_tensors(tensor_count)
        data_offset = -(-self.offset // alignment) * alignment
        self.check_layout(tensor_list, alignment, self.size - data_offset)
        window = values.get(f"{architecture}.context_length", 0)
        return GgufHeader(
            architecture=architecture,
            name=texts.get("general.name", ""),
            window=window if isinstance(window, int) and 0 <= window < 1 << 32 else 0,
            chat_template=texts.get("tokenizer.chat_template", ""),
            licence=texts.get("general.license", ""),
            tensors=tuple(tensor_list),
            metadata=values,
            data_offset=data_offset,
            arrays=self.arrays,
            eos_id=eos
            if isinstance(eos := values.get("tokenizer.ggml.eos_token_id"), int)
            else None,
        )

    def read_preamble(self) -> tuple[int, int]:
        """Read the number of tensors and of metadata entries, after magic and version."""
        if self.data[:4] != MAGIC:
            start = self.data[:512].lstrip().lower()
            is_html = start.startswith((b"<!doctype", b"<html", b"<?xml"))
            raise GgufError("it is a web page" if is_html else "it does not begin with GGUF")
        self.offset = 4
        version = self.read_integer("I")
        if version not in (2, 3):
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in (2, 3)
            raise GgufError("it is big-endian" if swapped else f"version {version} is not known")
        tensor_count, entry_count = self.read_integer("Q"), self.read_integer("Q")
        # The smallest entry is a key and a one-byte value; the smallest tensor has one dimension.
        self.check_count(entry_count, 14, "metadata entries")
        self.check_count(tensor_count, 33, "tensors")
        return tensor_count, entry_count

    def check_count(self, number: int, smallest: int, what: str) -> None:
        """Refuse a count that cannot fit in the file."""
        if number > MAX_ENTRIES or number * smallest > self.size - self.offset:
            raise GgufError(f"it claims {number} {what}")

    def read_integer(self, code: str) -> int:
        """Read an integer whose type is given as a `struct` code."""
        value = self.read_scalar(code)
        if not isinstance(value, int):
            raise GgufError("a number is not whole")
        return value

    def read_scalar(self, code: str) -> int | float:
        """Read a fixed-length value."""
        end = self.offset + struct.calcsize(f"<{code}")
        if end > self.size:
            raise GgufError("it is cut off in the header")
        value: int | float
        (value,) = struct.unpack_from(f"<{code}", self.data, self.offset)
        if code == "?" and self.data[self.offset] > 1:
            raise GgufError("a truth value is neither 0 nor 1")
        self.offset = end
        return value

    def read_string(self, limit: int = MAX_STRING_BYTES) -> str:
        """Read a text; bytes that are not UTF-8 are replaced."""
        length = self.read_integer("Q")
        if length > limit:
            raise GgufError(f"a text claims {length} bytes")
        if length > self.size - self.offset:
            raise GgufError("it is cut off in the header")
        self.offset += length
        return self.data[self.offset - length : self.offset].decode(errors="replace")

    def read_metadata(self, count: int) -> MetadataValues:
        """Read all numbers, and the few texts that are needed; each entry is checked."""
        values: dict[str, int | float | str] = {}
        keys: set[str] = set()
        for _ in range(count):
            key = self.read_string(1 << 16)
            if not key or key in keys:
                raise GgufError(f"the key {key[:80]!r} is empty or there twice")
            keys.add(key)
            value_type, start = self.read_integer("I"), self.offset
            value = self.read_value(value_type)
            if value_type == ARRAY_TYPE:
                self.arrays[key] = start
            if isinstance(value, int | float) or (value is not None and _KEPT_TEXTS.fullmatch(key)):
                values[key] = value
        return values

    def read_value(self, value_type: int) -> int | float | str | None:
        """Read a value of a metadata type; None for an array."""
        if value_type == STRING_TYPE:
            return self.read_string()
        if value_type == ARRAY_TYPE:
            self.skip_array()
            return None
        if value_type not in SCALAR_CODES:
            raise GgufError(f"a value has the unknown type {value_type}")
        return self.read_scalar(SCALAR_CODES[value_type])

    def skip_array(self) -> None:
        """Skip an array of scalars or texts."""
        value_type, length = self.read_integer("I"), self.read_integer("Q")
        if value_type == ARRAY_TYPE:
            raise GgufError("it holds arrays inside arrays")
        if value_type != STRING_TYPE and value_type not in SCALAR_CODES:
            raise GgufError(f"an array has the unknown type {value_type}")
        width = 8 if value_type == STRING_TYPE else struct.calcsize(f"<{SCALAR_CODES[value_type]}")
        if length > (self.size - self.offset) // width:
            raise GgufError(f"an array claims {length} elements")
        if value_type == STRING_TYPE:
            self.skip_strings(length)
        else:
            self.offset += length * width

    def skip_strings(self, length: int) -> None:
        """Skip texts; a vocabulary has 150,000 of them, so this loop does as little as possible."""
        self.string_count += length
        if self.string_count > MAX_ARRAY_STRINGS:
            raise GgufError(f"its arrays hold more than {MAX_ARRAY_STRINGS} texts")
        data, offset, last = self.data, self.offset, self.size - 8
        unpack = struct.Struct("<Q").unpack_from
        for _ in range(length):
            if offset > last:
                raise GgufError("it is cut off in the header")
            (size,) = unpack(data, offset)
            if size > MAX_STRING_BYTES:
                raise GgufError(f"a text claims {size} bytes")
            offset += 8 + size
        if offset > self.size:
            raise GgufError("it is cut off in the header")
        self.offset = offset

    def parse_alignment(self, values: MetadataValues) -> int:
        """The alignment of tensor data: a power of two."""
        value = values.get("general.alignment", 32)
        if not isinstance(value, int) or not 0 < value <= MAX_STRING_BYTES or value & (value - 1):
            raise GgufError(f"the alignment {str(value)[:40]!r} is not a power of two")
        return value

    def read_tensors(self, count: int) -> list[GgufTensor]:
        """Read the position of each tensor's data."""
        tensors: list[GgufTensor] = []
        names: set[str] = set()
        for _ in range(count):
            name = self.read_string(MAX_TENSOR_NAME_BYTES)
            if name in names:
                raise GgufError(f"the tensor {name!r} is there twice")
            names.add(name)
            shape, ggml_type = self.read_shape(), self.read_integer("I")
            offset, length = self.read_integer("Q"), tensor_length(shape, ggml_type)
            tensors.append(GgufTensor(name, shape, ggml_type, offset, length))
        return tensors

    def read_shape(self) -> tuple[int, ...]:
        """Read the length of a tensor along each axis."""
        dimensions = self.read_integer("I")
        if not 1 <= dimensions <= MAX_GGUF_DIMENSIONS:
            raise GgufError(f"a tensor has {dimensions} dimensions")
        return tuple(self.read_integer("Q") for _ in range(dimensions))

    def check_layout(self, tensors: list[GgufTensor], alignment: int, limit: int) -> None:
        """Refuse data that is misaligned, overlaps, or extends past the end of the file."""
        end = 0
        for tensor in sorted(tensors, key=lambda tensor: tensor.offset):
            if tensor.offset % alignment:
                raise GgufError(f"the tensor {tensor.name!r} is not aligned")
            if tensor.offset < end:
                raise GgufError(f"the tensor {tensor.name!r} overlaps another")
            end = tensor.offset + tensor.length
            if end > limit:
                raise GgufError(f"it is cut off: {end - limit} bytes of tensor data are missing")

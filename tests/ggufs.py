"""GGUF files, put together byte by byte."""

import struct
from dataclasses import dataclass

STRING, ARRAY, U8, U32, BOOL, U64 = 8, 9, 0, 4, 7, 10


def text(value: str | bytes) -> bytes:
    """A text as GGUF writes it."""
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def entry(key: str, kind: int, value: bytes) -> bytes:
    """A metadata entry."""
    return text(key) + struct.pack("<I", kind) + value


def array(kind: int, length: int, elements: bytes = b"") -> bytes:
    """An array as a metadata value."""
    return struct.pack("<IQ", kind, length) + elements


def tensor(
    name: str, offset: int, shape: tuple[int, ...] = (32,), kind: int = 0, dimensions: int = -1
) -> bytes:
    """The description of a tensor; 32 numbers of type 0 take 128 bytes."""
    count = len(shape) if dimensions < 0 else dimensions
    sizes = struct.pack(f"<{len(shape)}Q", *shape)
    return text(name) + struct.pack("<I", count) + sizes + struct.pack("<IQ", kind, offset)


ARCHITECTURE = entry("general.architecture", STRING, text("llama"))


@dataclass(frozen=True)
class Parts:
    """The parts of a GGUF file; by default of a sound one with two tensors."""

    magic: bytes = b"GGUF"
    version: int = 3
    entries: tuple[bytes, ...] = (
        ARCHITECTURE,
        entry("general.name", STRING, text("Tiny \x1b[31m")),
        entry("general.license", STRING, text("mit")),
        entry("llama.context_length", U32, struct.pack("<I", 2048)),
        entry("tokenizer.ggml.tokens", ARRAY, array(STRING, 3, text("a") + text("") + text("bc"))),
        entry("tokenizer.ggml.types", ARRAY, array(U32, 2, bytes(8))),
        entry("tokenizer.ggml.add_bos_token", BOOL, b"\1"),
        entry("tokenizer.chat_template", STRING, text("{{ messages }}")),
    )
    tensors: tuple[bytes, ...] = (tensor("a", 0), tensor("b", 128))
    entry_count: int | None = None
    tensor_count: int | None = None
    alignment: int = 32
    data: bytes = bytes(256)

    def build(self) -> bytes:
        """The file."""
        tensors = len(self.tensors) if self.tensor_count is None else self.tensor_count
        entries = len(self.entries) if self.entry_count is None else self.entry_count
        head = self.magic + struct.pack("<IQQ", self.version, tensors, entries)
        head += b"".join(self.entries) + b"".join(self.tensors)
        return head + bytes(-len(head) % self.alignment) + self.data

"""GGUF files, put together byte by byte."""

import random
import struct
from dataclasses import dataclass

STRING, ARRAY, U8, U32, I32, F32, BOOL, U64 = 8, 9, 0, 4, 5, 6, 7, 10


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


WIDTH, INNER, WINDOW = 64, 128, 2048
TEMPLATE = "{{ messages[0].content }}"
CONTROLS = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")


def alphabet() -> list[str]:
    """A token for each byte, as GPT-2 writes them."""
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())


def tiny(
    pair: str = "Ġ Ġ",
    pre_tokenizer: str = "qwen2",
    chat_template: str = TEMPLATE,
    block_count: int = 1,
) -> bytes:
    """A Qwen 2 of one layer with random five-bit weights, and control tokens behind the others.

    One pair of characters is a token as well. The file may say that it has more layers.
    """
    ordinary = [*alphabet(), pair.replace(" ", "")]
    tokens = [*ordinary, *CONTROLS]
    kinds = [1] * len(ordinary) + [3] * len(CONTROLS)
    end = tokens.index("<|endoftext|>")

    def number(key: str, value: int) -> bytes:
        return entry(key, U32, struct.pack("<I", value))

    def strings(key: str, values: list[str]) -> bytes:
        return entry(key, ARRAY, array(STRING, len(values), b"".join(map(text, values))))

    entries = (
        entry("general.architecture", STRING, text("qwen2")),
        number("general.file_type", 8),
        number("qwen2.block_count", block_count),
        number("qwen2.context_length", WINDOW),
        number("qwen2.embedding_length", WIDTH),
        number("qwen2.feed_forward_length", INNER),
        number("qwen2.attention.head_count", 2),
        number("qwen2.attention.head_count_kv", 1),
        entry("qwen2.rope.freq_base", F32, struct.pack("<f", 10000)),
        entry("qwen2.attention.layer_norm_rms_epsilon", F32, struct.pack("<f", 1e-6)),
        entry("tokenizer.ggml.model", STRING, text("gpt2")),
        entry("tokenizer.ggml.pre", STRING, text(pre_tokenizer)),
        strings("tokenizer.ggml.tokens", tokens),
        entry(
            "tokenizer.ggml.token_type",
            ARRAY,
            array(I32, len(kinds), struct.pack(f"<{len(kinds)}i", *kinds)),
        ),
        strings("tokenizer.ggml.merges", [pair]),
        number("tokenizer.ggml.eos_token_id", end),
        number("tokenizer.ggml.padding_token_id", end),
        entry("tokenizer.ggml.add_bos_token", BOOL, b"\0"),
        entry("tokenizer.chat_template", STRING, text(chat_template)),
    )
    half = WIDTH // 2
    shapes = {
        "token_embd.weight": (WIDTH, len(tokens)),
        "output_norm.weight": (WIDTH,),
        "blk.0.attn_norm.weight": (WIDTH,),
        "blk.0.attn_q.weight": (WIDTH, WIDTH),
        "blk.0.attn_q.bias": (WIDTH,),
        "blk.0.attn_k.weight": (WIDTH, half),
        "blk.0.attn_k.bias": (half,),
        "blk.0.attn_v.weight": (WIDTH, half),
        "blk.0.attn_v.bias": (half,),
        "blk.0.attn_output.weight": (WIDTH, WIDTH),
        "blk.0.ffn_norm.weight": (WIDTH,),
        "blk.0.ffn_gate.weight": (WIDTH, INNER),
        "blk.0.ffn_up.weight": (WIDTH, INNER),
        "blk.0.ffn_down.weight": (INNER, WIDTH),
    }
    chance = random.Random(0)
    described, data = [], b""
    for name, shape in shapes.items():
        data += bytes(-len(data) % 32)
        five = len(shape) == 2
        described.append(tensor(name, len(data), shape, 6 if five else 0))
        count = shape[0] * (shape[1] if five else 1)
        if five:
            scale = struct.pack("<e", 0.02)
            data += b"".join(scale + chance.randbytes(20) for _ in range(count // 32))
        else:
            data += struct.pack(f"<{count}f", *[float("norm" in name)] * count)
    return Parts(entries=entries, tensors=tuple(described), data=data).build()

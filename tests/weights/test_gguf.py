"""GGUF headers: what is read from sound ones, and that every malformed one is refused."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ggufs import ARCHITECTURE, ARRAY, BOOL, STRING, U8, U32, U64, Parts, array, entry, tensor, text
from starcoder_cli.errors import DataError, InputError
from starcoder_cli.weights.gguf import GgufHeader, GgufTensor, read_gguf_header

SOUND = Parts()


def read(tmp_path: Path, data: bytes) -> GgufHeader:
    """The header of a file with these bytes."""
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    return read_gguf_header(path)


@pytest.mark.parametrize("version", [2, 3])
def test_a_sound_header(tmp_path: Path, version: int) -> None:
    built = replace(SOUND, version=version).build()
    header = read(tmp_path, built)
    assert set(header.arrays) == {"tokenizer.ggml.tokens", "tokenizer.ggml.types"}
    assert replace(header, arrays={}) == GgufHeader(
        architecture="llama",
        name="Tiny \x1b[31m",
        window=2048,
        chat_template="{{ messages }}",
        licence="mit",
        tensors=(GgufTensor("a", (32,), 0, 0, 128), GgufTensor("b", (32,), 0, 128, 128)),
        metadata={
            "general.architecture": "llama",
            "general.name": "Tiny \x1b[31m",
            "general.license": "mit",
            "llama.context_length": 2048,
            "tokenizer.ggml.add_bos_token": True,
            "tokenizer.chat_template": "{{ messages }}",
        },
        data_offset=len(built) - 256,
        arrays={},
    )


def test_what_a_header_does_not_say_is_empty(tmp_path: Path) -> None:
    bare = Parts(entries=(ARCHITECTURE,), tensors=(), data=b"")
    assert read(tmp_path, bare.build()) == GgufHeader(
        "llama", "", 0, "", "", (), {"general.architecture": "llama"}, 96, {}
    )


def test_an_alignment_of_its_own(tmp_path: Path) -> None:
    aligned = Parts(
        entries=(ARCHITECTURE, entry("general.alignment", U32, struct.pack("<I", 128))),
        alignment=128,
    )
    assert len(read(tmp_path, aligned.build()).tensors) == 2


def test_a_type_newer_than_the_table_is_left_to_the_loader(tmp_path: Path) -> None:
    newer = Parts(entries=(ARCHITECTURE,), tensors=(tensor("a", 0, kind=40),))
    assert len(read(tmp_path, newer.build()).tensors) == 1


def test_a_large_vocabulary_is_skipped(tmp_path: Path) -> None:
    words = b"".join(text(f"word{number}") for number in range(50_000))
    large = Parts(
        entries=(ARCHITECTURE, entry("tokenizer.ggml.tokens", ARRAY, array(STRING, 50_000, words)))
    )
    assert read(tmp_path, large.build()).architecture == "llama"


def only(*entries: bytes, count: int | None = None) -> bytes:
    """A file with these metadata entries and no tensors."""
    return Parts(entries=entries, tensors=(), data=b"", entry_count=count).build()


def tensors(*found: bytes, data: bytes = bytes(256)) -> bytes:
    """A file with these tensors."""
    return Parts(entries=(ARCHITECTURE,), tensors=found, data=data).build()


def long_text(length: int) -> bytes:
    """The length of a text without the text."""
    return struct.pack("<Q", length)


BOMB = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + entry("a", ARRAY, array(U8, 1 << 40))

MALFORMED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "an HTML page": (b"\n<!DOCTYPE html><html>" + bytes(99), "it is a web page"),
    "another format": (b"PK\3\4" + bytes(99), "it does not begin with GGUF"),
    "magic alone": (b"GGUF", "it is cut off in the header"),
    "cut off in the counts": (SOUND.build()[:20], "it is cut off in the header"),
    "cut off in the metadata": (SOUND.build()[:60], "it claims 8 metadata entries"),
    "cut off in the vocabulary": (
        SOUND.build()[: SOUND.build().index(b"bc") + 1],
        "it is cut off in the header",
    ),
    "version 1": (Parts(version=1).build(), "version 1 is not known"),
    "version 4": (Parts(version=4).build(), "version 4 is not known"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "it is big-endian"),
    "2^63 entries": (Parts(entry_count=1 << 63).build(), f"it claims {1 << 63} metadata entries"),
    "2^63 tensors": (Parts(tensor_count=1 << 63).build(), f"it claims {1 << 63} tensors"),
    "70000 tensors": (Parts(tensor_count=70_000).build(), "it claims 70000 tensors"),
    "the 49-byte bomb": (BOMB, f"an array claims {1 << 40} elements"),
    "2^40 texts": (
        only(ARCHITECTURE, entry("a", ARRAY, array(STRING, 1 << 40))),
        f"an array claims {1 << 40} elements",
    ),
    "a text of 2 MiB": (
        only(ARCHITECTURE, entry("a", STRING, text(bytes(1 << 21)))),
        f"a text claims {1 << 21} bytes",
    ),
    "a text of 2^64 - 1 bytes": (
        only(ARCHITECTURE, entry("a", STRING, long_text((1 << 64) - 1)), count=2),
        f"a text claims {(1 << 64) - 1} bytes",
    ),
    "a key of 2^20 bytes": (
        only(ARCHITECTURE, text(bytes(1 << 20)) + bytes(40)),
        f"a text claims {1 << 20} bytes",
    ),
    "a long text in an array": (
        only(ARCHITECTURE, entry("a", ARRAY, array(STRING, 1, long_text(1 << 50)))),
        f"a text claims {1 << 50} bytes",
    ),
    "an array that ends after the file": (
        only(ARCHITECTURE, entry("a", ARRAY, array(STRING, 2, text("x") + long_text(900)))),
        "it is cut off in the header",
    ),
    "nested arrays": (
        only(ARCHITECTURE, entry("a", ARRAY, array(ARRAY, 1, array(U8, 0) + bytes(8)))),
        "it holds arrays inside arrays",
    ),
    "an array of an unknown type": (
        only(ARCHITECTURE, entry("a", ARRAY, array(99, 1, bytes(8)))),
        "an array has the unknown type 99",
    ),
    "an unknown type": (
        only(ARCHITECTURE, entry("a", 13, bytes(8))),
        "a value has the unknown type 13",
    ),
    "a truth value of 2": (
        only(ARCHITECTURE, entry("a", BOOL, b"\2")),
        "a truth value is neither 0 nor 1",
    ),
    "a key twice": (
        only(ARCHITECTURE, ARCHITECTURE),
        "the key 'general.architecture' is empty or there twice",
    ),
    "an empty key": (
        only(ARCHITECTURE, entry("", U8, b"\0")),
        "the key '' is empty or there twice",
    ),
    "no architecture": (only(entry("a", U64, bytes(8))), "it names no architecture"),
    "an architecture that is a number": (
        only(entry("general.architecture", U64, bytes(8))),
        "it names no architecture",
    ),
    "an alignment of 0": (
        only(ARCHITECTURE, entry("general.alignment", U32, bytes(4))),
        "the alignment '0' is not a power of two",
    ),
    "an alignment of 48": (
        only(ARCHITECTURE, entry("general.alignment", U32, struct.pack("<I", 48))),
        "the alignment '48' is not a power of two",
    ),
    "an alignment that is a text": (
        only(ARCHITECTURE, entry("general.alignment", STRING, text("32"))),
        "the alignment '32' is not a power of two",
    ),
    "a tensor past the end": (
        tensors(tensor("a", 0), tensor("b", 1 << 40)),
        f"it is cut off: {(1 << 40) - 128} bytes of tensor data are missing",
    ),
    "data cut off": (
        tensors(tensor("a", 0), tensor("b", 128), data=bytes(200)),
        "it is cut off: 56 bytes of tensor data are missing",
    ),
    "overlapping tensors": (
        tensors(tensor("a", 0), tensor("b", 96)),
        "the tensor 'b' overlaps another",
    ),
    "a tensor that is not aligned": (
        tensors(tensor("a", 8)),
        "the tensor 'a' is not aligned",
    ),
    "a tensor twice": (
        tensors(tensor("a", 0), tensor("a", 128)),
        "the tensor 'a' is there twice",
    ),
    "no dimensions": (
        tensors(tensor("a", 0, shape=(), dimensions=0) + bytes(8)),
        "a tensor has 0 dimensions",
    ),
    "2^32 - 1 dimensions": (
        tensors(tensor("a", 0, dimensions=(1 << 32) - 1)),
        f"a tensor has {(1 << 32) - 1} dimensions",
    ),
    "a dimension of 0": (
        tensors(tensor("a", 0, shape=(32, 0))),
        "a tensor has an impossible shape or type",
    ),
    "a shape that overflows": (
        tensors(tensor("a", 0, shape=(1 << 33, 1 << 33))),
        "a tensor has an impossible shape or type",
    ),
    "a tensor type of 2^31": (
        tensors(tensor("a", 0, kind=1 << 31)),
        "a tensor has an impossible shape or type",
    ),
    "half a block": (
        tensors(tensor("a", 0, shape=(48,), kind=8)),
        "a tensor's rows are not whole blocks",
    ),
    "a tensor name of 65 bytes": (
        tensors(tensor("a" * 65, 0)),
        "a text claims 65 bytes",
    ),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_file_is_refused(tmp_path: Path, kind: str) -> None:
    data, reason = MALFORMED[kind]
    with pytest.raises(DataError) as caught:
        read(tmp_path, data)
    path = tmp_path / "model.gguf"
    said = "" if kind == "empty" else "is not a sound GGUF file: "
    assert str(caught.value) == f"{path} {said}{reason}; get the file again"


def test_the_bomb_is_49_bytes() -> None:
    assert len(BOMB) == 49


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_gguf_header(tmp_path / "missing.gguf")
    with pytest.raises(InputError):
        read_gguf_header(tmp_path)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sound file with bytes changed, taken out or put in, perhaps cut off."""
    data = bytearray(SOUND.build())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data) - 1))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data[: draw(st.integers(1, len(data)))])


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(damaged())
def test_any_damage_is_refused_or_harmless(tmp_path: Path, data: bytes) -> None:
    try:
        header = read(tmp_path, data)
    except DataError:
        return
    assert len(header.tensors) <= 2

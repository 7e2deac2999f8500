"""Safetensors headers: what is read from sound ones, and that every malformed one is refused."""

import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shards import Shapes, build, header
from starcoder_cli.errors import DataError, InputError
from starcoder_cli.files.strict_json import parse_object
from starcoder_cli.weights.safetensors import (
    DTYPE_BITS,
    SafetensorsHeader,
    TensorEntry,
    read_safetensors_header,
)


def read(tmp_path: Path, data: bytes) -> SafetensorsHeader:
    """The header of a file with these bytes."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    return read_safetensors_header(path)


SHAPES: Shapes = {"wte": ("BF16", (8, 4)), "mask": ("U8", (4,)), "none": ("F32", (0, 3))}
SOUND = build({**header(SHAPES), "__metadata__": {"format": "pt"}}, 68)


def test_a_sound_header(tmp_path: Path) -> None:
    found = read(tmp_path, SOUND)
    assert found == SafetensorsHeader(
        {
            "wte": TensorEntry("BF16", (8, 4), 64),
            "mask": TensorEntry("U8", (4,), 4),
            "none": TensorEntry("F32", (0, 3), 0),
        }
    )
    assert (found.total_bytes, found.parameter_count) == (68, 36)


def test_a_file_without_tensors_is_sound(tmp_path: Path) -> None:
    assert read(tmp_path, build({})) == SafetensorsHeader({})


def test_tensors_may_be_listed_in_any_order_and_hold_one_number(tmp_path: Path) -> None:
    entries = header({"a": ("F32", ()), "b": ("F64", (1,))})
    found = read(tmp_path, build(dict(reversed(entries.items())), 12))
    assert list(found.tensors) == ["a", "b"]
    assert found.parameter_count == 2


def test_spaces_may_follow_the_header(tmp_path: Path) -> None:
    assert read(tmp_path, build(b"{}      ")) == SafetensorsHeader({})


@pytest.mark.parametrize("dtype", DTYPE_BITS)
def test_every_type_takes_its_bits(tmp_path: Path, dtype: str) -> None:
    entry = {"dtype": dtype, "shape": [8], "data_offsets": [0, DTYPE_BITS[dtype]]}
    assert read(tmp_path, build({"a": entry}, DTYPE_BITS[dtype])).total_bytes == DTYPE_BITS[dtype]


def one(
    shape: object = (4,), offsets: object = (0, 8), dtype: object = "F16", data: int = 8
) -> bytes:
    """A file with one tensor `a`, of four numbers in two bytes each unless told otherwise."""
    return build({"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}, data)


def two(first: tuple[int, int], second: tuple[int, int]) -> bytes:
    """A file with 8 bytes of data, and two tensors that lie where they are told to."""
    ends = {"a": first, "b": second}
    return build(
        {
            name: {"dtype": "U8", "shape": [end - start], "data_offsets": [start, end]}
            for name, (start, end) in ends.items()
        },
        8,
    )


ENTRY = b'{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
PAGE = b"<!DOCTYPE html><html><body>Not found</body></html>"
NOTHING = b'{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
CROWD = b"{" + b",".join(b'"%d":' % number + NOTHING for number in range(100_001)) + b"}"

MALFORMED: dict[str, tuple[bytes, str]] = {
    "an HTML page": (PAGE, "it is a web page"),
    "an HTML page after blank lines": (b"\n\n" + PAGE, "it is a web page"),
    "a pointer of Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        "it is a pointer of Git LFS, not what that points to",
    ),
    "another format": (
        b"PK\3\4" + bytes(3) + b"\1" + bytes(99),
        f"its header claims {int.from_bytes(b'PK' + bytes([3, 4, 0, 0, 0, 1]), 'little')} bytes",
    ),
    "cut off in the length": (SOUND[:5], "it is cut off in the header"),
    "length alone": (SOUND[:8], "it is cut off in the header"),
    "cut off in the header": (SOUND[:40], "it is cut off in the header"),
    "cut off in the data": (SOUND[:-3], "it is cut off: 3 bytes of tensor data are missing"),
    "bytes after the data": (SOUND + bytes(5), "5 bytes in it belong to no tensor"),
    "zeros": (bytes(64), "its header does not begin with {"),
    "a header of 2^64 - 1 bytes": (
        b"\xff" * 8 + b"{}",
        f"its header claims {(1 << 64) - 1} bytes",
    ),
    "a header of 16 MiB and a byte": (
        struct.pack("<Q", (1 << 24) + 1) + b"{}",
        f"its header claims {(1 << 24) + 1} bytes",
    ),
    "a list": (build([]), "its header does not begin with {"),
    "a header that begins with a space": (build(b" {}"), "its header does not begin with {"),
    "broken JSON": (build(b'{"a":'), "its JSON is broken"),
    "JSON twice": (build(b"{}{}"), "its JSON is broken"),
    "a number of 5000 digits": (build(b'{"a":' + b"9" * 5000 + b"}"), "its JSON is broken"),
    "a header that is not UTF-8": (build(b'{"\xff":1}'), "its JSON is broken"),
    "100000 lists in one another": (
        build(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        "it is nested too deeply",
    ),
    "a million empty lists": (
        build(b'{"a":[' + b"[]," * 1_000_000 + b"[]]}"),
        "it holds too many values",
    ),
    "100001 empty tensors": (build(CROWD), "it claims 100001 tensors"),
    "a tensor twice": (
        build(b'{"a":' + ENTRY + b',"a":' + ENTRY + b"}", 1),
        "the key 'a' is there twice",
    ),
    "a shape twice": (
        build(b'{"a":{"dtype":"U8","shape":[1],"shape":[2],"data_offsets":[0,1]}}', 1),
        "the key 'shape' is there twice",
    ),
    "NaN": (build(b'{"a":NaN}'), "NaN is not JSON"),
    "an infinity": (build(b'{"a":-Infinity}'), "-Infinity is not JSON"),
    "metadata that is a number": (
        build({"__metadata__": {"format": 1}}),
        "its metadata is not text",
    ),
    "metadata that is a list": (build({"__metadata__": []}), "its metadata is not text"),
    "a tensor that is a list": (
        build({"a": []}),
        "the tensor 'a' is not described by type, shape and place",
    ),
    "a tensor without a shape": (
        build({"a": {"dtype": "U8", "data_offsets": [0, 0]}}),
        "the tensor 'a' is not described by type, shape and place",
    ),
    "a tensor with one thing more": (
        build({"a": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0], "file": "/etc"}}),
        "the tensor 'a' is not described by type, shape and place",
    ),
    "an unknown type": (one(dtype="Q8_0"), "the tensor 'a' has the unknown type 'Q8_0'"),
    "a type that is a list": (
        one(dtype=["F16"]),
        "the tensor 'a' has the unknown type \"['F16']\"",
    ),
    "a negative dimension": (one(shape=[-4]), "the tensor 'a' has an impossible shape"),
    "a dimension that is a fraction": (one(shape=[4.0]), "the tensor 'a' has an impossible shape"),
    "a dimension that is true": (one(shape=[4, True]), "the tensor 'a' has an impossible shape"),
    "a shape that is a text": (one(shape="4"), "the tensor 'a' has an impossible shape"),
    "a shape that overflows": (
        one(shape=[1 << 33, 1 << 33]),
        "the tensor 'a' has an impossible shape",
    ),
    "a shape that overflows if it were not empty": (
        build({"a": {"dtype": "F32", "shape": [0, 1 << 60], "data_offsets": [0, 0]}}),
        "the tensor 'a' has an impossible shape",
    ),
    "17 dimensions": (one(shape=[1] * 17), "the tensor 'a' has an impossible shape"),
    "a place that ends before it begins": (
        one(offsets=[8, 0]),
        "the tensor 'a' has an impossible place",
    ),
    "a place with one end": (one(offsets=[0]), "the tensor 'a' has an impossible place"),
    "a place before the data": (one(offsets=[-8, 0]), "the tensor 'a' has an impossible place"),
    "a place at 2^63": (one(offsets=[0, 1 << 63]), "the tensor 'a' has an impossible place"),
    "a shape larger than its bytes": (one(shape=[5]), "the tensor 'a' does not take 8 bytes"),
    "a shape smaller than its bytes": (one(shape=[3]), "the tensor 'a' does not take 8 bytes"),
    "half a byte": (
        one(shape=[1], offsets=[0, 0], dtype="F4", data=0),
        "the tensor 'a' does not take 0 bytes",
    ),
    "data past the end": (
        one(shape=[1 << 40], offsets=[0, 1 << 41]),
        f"it is cut off: {(1 << 41) - 8} bytes of tensor data are missing",
    ),
    "tensors that overlap": (two((0, 5), (4, 8)), "the tensor 'b' overlaps another"),
    "one place for two tensors": (two((0, 8), (0, 8)), "the tensor 'b' overlaps another"),
    "a gap between tensors": (two((0, 3), (4, 8)), "the tensor 'b' leaves a gap"),
    "a gap before the first tensor": (two((1, 4), (4, 8)), "the tensor 'a' leaves a gap"),
    "a gap after the last tensor": (two((0, 3), (3, 7)), "1 bytes in it belong to no tensor"),
    "a name of a megabyte": (
        build({"a" * (1 << 20): []}),
        f"the tensor {'a' * 80!r} is not described by type, shape and place",
    ),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_file_is_refused(tmp_path: Path, kind: str) -> None:
    data, reason = MALFORMED[kind]
    with pytest.raises(DataError) as caught:
        read(tmp_path, data)
    path = tmp_path / "model.safetensors"
    assert str(caught.value) == (
        f"{path} is not a sound safetensors file: {reason}; get the file again"
    )


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, b"")
    assert str(caught.value) == f"{tmp_path / 'model.safetensors'} is empty; get the file again"


def test_what_is_not_a_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError):
            read_safetensors_header(path)


def test_an_object_is_parsed_and_anything_else_is_not() -> None:
    assert parse_object(b'{"a": [1, 2.5, null, "\\u00e9"]}') == {"a": [1, 2.5, None, "é"]}
    with pytest.raises(ValueError, match=r"^its JSON is not an object$"):
        parse_object(b"[1]")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sound file with bytes changed, taken out or put in, perhaps cut off."""
    data = bytearray(SOUND)
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
        found = read(tmp_path, data)
    except DataError:
        return
    assert 8 + found.total_bytes <= len(data)
    assert len(found.tensors) <= 3

"""Safetensors files written piece by piece: what others write, and what others read."""

from pathlib import Path

import numpy
import pytest
from safetensors.numpy import load_file

from servers import full_disk
from starcoder_cli.weights.safetensors import TensorEntry, read_safetensors_header
from starcoder_cli.weights.safetensors_writer import (
    HEADER_ALIGNMENT,
    TensorGroup,
    write_safetensors,
)

FLOATS = numpy.arange(6, dtype=numpy.float16).reshape(2, 3)
BYTES = numpy.arange(-4, 4, dtype=numpy.int8).reshape(2, 2, 2)


def groups(made: list[str]) -> list[TensorGroup]:
    """A group of two tensors and one of one, which note when they are made."""

    def make(name: str, *arrays: "numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.generic]]"):  # type: ignore[no-untyped-def]
        made.append(name)
        return arrays

    return [
        TensorGroup(
            {"b": TensorEntry("I8", (2, 2, 2), 8), "b.scales": TensorEntry("F16", (2, 3), 12)},
            lambda: make("b", BYTES, FLOATS),
        ),
        TensorGroup({"a": TensorEntry("F16", (2, 3), 12)}, lambda: make("a", FLOATS)),
    ]


def test_what_is_written_is_read_by_others(tmp_path: Path) -> None:
    path, made = tmp_path / "m.safetensors", list[str]()
    write_safetensors(path, groups(made))
    found = load_file(path)
    assert made == ["b", "a"] and list(read_safetensors_header(path).tensors) == [
        "b",
        "b.scales",
        "a",
    ]
    assert numpy.array_equal(found["b"], BYTES)
    assert all(numpy.array_equal(found[name], FLOATS) for name in ("a", "b.scales"))
    assert (path.stat().st_size - 32) % HEADER_ALIGNMENT == 0


def test_a_disk_that_fills(tmp_path: Path) -> None:
    with full_disk(10), pytest.raises(OSError, match="."):
        write_safetensors(tmp_path / "m.safetensors", groups([]))

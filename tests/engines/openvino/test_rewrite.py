"""A graph without what it says twice: fewer nodes, the same numbers."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy
import pytest

from graphs import compute
from starcoder_cli.engines.openvino.rewrite import simplify_model

if TYPE_CHECKING:
    from openvino import Model

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A model that adds two equal numbers, and others that are like them."""
    from openvino import opset13, serialize
    from openvino.op import Constant

    given = opset13.parameter([2], numpy.float32, name="given")
    ones = [Constant(numpy.ones(2, kind)) for kind in ("float32", "float32", "float16")]
    total = given
    for one in (*ones, Constant(numpy.full(2, 2, "float32")), Constant(numpy.ones(1, "float32"))):
        total = opset13.add(total, opset13.convert(one, "f32"))
    minus = [opset13.reduce_sum(given, [0], keep_dims=keep) for keep in (True, False, True)]
    for each in minus:
        total = opset13.subtract(total, each)
    serialize(model_of(total, given), tmp_path / "model.xml")
    return tmp_path / "model.xml"


def model_of(result: object, *parameters: object) -> "Model":
    """A model with one result."""
    from openvino import Model

    return Model([result], list(parameters), "model")


def outcome(path: Path) -> tuple[int, list[float]]:
    """How many nodes a model has, and what it computes."""
    from openvino import Core

    model = Core().read_model(path)
    computed = compute(model, [numpy.array([3, 4], "float32")])
    return len(model.get_ops()), list(map(float, computed))


def test_equal_nodes_are_one(path: Path) -> None:
    """Another type, shape, value or attribute makes another node."""
    before, numbers = outcome(path)
    simplify_model(path)
    after, same = outcome(path)
    assert same == numbers == [3 + 6 - 21, 4 + 6 - 21]
    # A constant, four conversions that change nothing, the axes twice, and a sum.
    assert before - after == 8
    assert sorted(each.name for each in path.parent.iterdir()) == ["model.bin", "model.xml"]


def test_a_compact_model_stays_as_it_is(path: Path) -> None:
    simplify_model(path)
    once = outcome(path)
    simplify_model(path)
    assert outcome(path) == once


def test_what_remembers_is_not_shared(tmp_path: Path) -> None:
    """Two states that begin alike."""
    from openvino import Core, Model, opset13, serialize

    given = opset13.parameter([1], numpy.float32, name="given")
    found = [opset13.add(opset13.read_value(given, name), given) for name in "ab"]
    assigned = [opset13.assign(each, name) for each, name in zip(found, "ab", strict=True)]
    model = Model([opset13.result(opset13.add(*found))], assigned, [given], "model")
    serialize(model, tmp_path / "model.xml")
    simplify_model(tmp_path / "model.xml")
    kept = Core().read_model(tmp_path / "model.xml")
    assert sum(node.get_type_name() == "ReadValue" for node in kept.get_ops()) == 2


def test_a_disk_without_room_for_two(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(OSError, match="No space left on device"):
        simplify_model(path)
    assert path.read_bytes() == before
    assert sorted(each.name for each in path.parent.iterdir()) == ["model.bin", "model.xml"]


def test_a_damaged_model(path: Path) -> None:
    path.write_bytes(b"<?xml")
    with pytest.raises(RuntimeError, match="Unable to read the model"):
        simplify_model(path)
    assert path.read_bytes() == b"<?xml"

"""The numbers of a checkpoint, in whichever type its file has them."""

from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import save_file

from starcoder_cli.errors import DataError
from starcoder_cli.weights.tensors import map_tensors

NUMBERS = torch.tensor([[1.0, -2.5, 0.0], [3.140625, 1e-3, -65504.0]])


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_the_numbers_are_those_that_torch_reads(kind: torch.dtype, tmp_path: Path) -> None:
    numbers, small = NUMBERS.to(kind), torch.ones(5, dtype=torch.int8)
    tensors = {"b": numbers, "a": small, "c": numbers[0].clone()}
    save_file(tensors, tmp_path / "model.safetensors")
    mapped = map_tensors([tmp_path / "model.safetensors"])
    for name in ("b", "c"):
        found = mapped[name].floats()
        assert found.dtype == numpy.float32 and found.shape == tuple(tensors[name].shape)
        assert numpy.array_equal(found, tensors[name].float().numpy())


def test_the_tensors_of_several_files(tmp_path: Path) -> None:
    for name in "ab":
        save_file({name: NUMBERS}, tmp_path / f"{name}.safetensors")
    mapped = map_tensors([tmp_path / "a.safetensors", tmp_path / "b.safetensors"])
    assert mapped.keys() == {"a", "b"}
    (tmp_path / "a.safetensors").write_bytes(b"{}")
    with pytest.raises(DataError):
        map_tensors([tmp_path / "a.safetensors"])

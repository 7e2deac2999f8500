"""Which checkpoints run in a graph of ours: the plan of `doctor` and the loader say the same."""

import pytest

from starcoder_cli.engines.openvino import graph_fit
from starcoder_cli.engines.openvino.graph_fit import (
    bits_to_prepare,
    choose_bits,
    choose_prepared_bits,
    describe_graph,
)
from starcoder_cli.loading import LoadOptions
from starcoder_cli.settings import QuantizeChoice

GB = 10**9
AUTO = LoadOptions()


@pytest.fixture(autouse=True)
def without_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has a processor alone."""
    monkeypatch.setattr(graph_fit, "may_have_accelerator", lambda: False)


@pytest.mark.parametrize(
    ("quantize", "bits", "bytes_needed"),
    [("8bit", 8, 2.21), ("4bit", 4, 1.57), ("none", 16, 3.07), ("auto", 4, 1.57)],
)
def test_what_a_graph_takes_while_it_is_compiled(
    quantize: QuantizeChoice, bits: int, bytes_needed: float
) -> None:
    loading, bytes_needed = LoadOptions(quantize=quantize), round(bytes_needed * 3 * GB)
    assert choose_bits("starcoder2", 3 * GB, loading, bytes_needed + 1) == bits
    assert choose_bits("starcoder2", 3 * GB, loading, bytes_needed) is None


def test_the_most_bits_that_fit_unless_others_are_prepared() -> None:
    assert choose_bits("starcoder2", 15 * GB, AUTO, 40 * GB) == 8
    assert choose_bits("starcoder2", 15 * GB, AUTO, 40 * GB, prepared_bits=4) == 4
    assert choose_bits("starcoder2", 15 * GB, AUTO, 24 * GB) == 4
    assert choose_bits("starcoder2", 15 * GB, AUTO, 18 * GB, prepared_bits=8) == 8
    assert choose_bits("starcoder2", 15 * GB, AUTO, 14 * GB, prepared_bits=8) is None
    assert choose_bits("starcoder2", 15 * GB, AUTO, 14 * GB, prepared_bits=4) == 4
    eight = LoadOptions(quantize="8bit")
    assert choose_bits("starcoder2", 15 * GB, eight, 40 * GB, prepared_bits=4) == 8


def test_what_is_prepared_loads_here() -> None:
    assert bits_to_prepare(15 * GB, "auto", 18 * GB) == 8
    assert bits_to_prepare(15 * GB, "auto", 17 * GB) == 4
    assert bits_to_prepare(15 * GB, "4bit", 100 * GB) == 4
    assert bits_to_prepare(15 * GB, "8bit", GB) == 8
    for free_memory, bits in ((18 * GB, 8), (17 * GB, 4), (12 * GB, None)):
        assert choose_prepared_bits("starcoder2", 15 * GB, AUTO, free_memory) == bits


@pytest.mark.parametrize(
    "loading",
    [LoadOptions(dtype="bf16"), LoadOptions(adapter="folder"), LoadOptions(device="cuda")],
)
def test_what_no_graph_does(loading: LoadOptions) -> None:
    assert choose_bits("starcoder2", GB, loading, 100 * GB) is None
    assert choose_bits("gpt_neox", GB, AUTO, 100 * GB) is None


def test_where_there_may_be_a_gpu_the_processor_has_to_be_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph_fit, "may_have_accelerator", lambda: True)
    assert choose_bits("starcoder2", GB, AUTO, 100 * GB) is None
    assert choose_bits("starcoder2", GB, LoadOptions(device="cpu"), 100 * GB) == 8


def test_a_line_says_what_it_takes() -> None:
    lines = [describe_graph("m", 3 * GB, bits, 11 * GB) for bits in (4, 8, 16)]
    assert lines == [
        f"m: {bits} bit on cpu (OpenVINO), needs {needed} of 11.0 GB free"
        for bits, needed in ((4, "2.5 GB"), (8, "3.4 GB"), (16, "9.2 GB"))
    ]

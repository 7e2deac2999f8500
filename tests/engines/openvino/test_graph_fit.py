"""Which checkpoints run in a graph of ours: the plan of `doctor` and the loader say the same."""

import pytest

from starcoder_cli.engines.openvino import graph_fit
from starcoder_cli.engines.openvino.graph_fit import describe_graph, runs_in_graph
from starcoder_cli.loading import LoadOptions

GB = 10**9
AUTO = LoadOptions()


@pytest.fixture(autouse=True)
def without_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has a processor alone."""
    monkeypatch.setattr(graph_fit, "may_have_accelerator", lambda: False)


def test_a_graph_takes_two_bytes_a_number_while_it_is_compiled() -> None:
    assert runs_in_graph("starcoder2", 3 * GB, AUTO, 6 * GB + 1)
    assert not runs_in_graph("starcoder2", 3 * GB, AUTO, 6 * GB)
    exact = LoadOptions(quantize="none")
    assert runs_in_graph("starcoder2", 3 * GB, exact, 9 * GB + 1)
    assert not runs_in_graph("starcoder2", 3 * GB, exact, 9 * GB)


@pytest.mark.parametrize(
    "loading",
    [
        LoadOptions(quantize="4bit"),
        LoadOptions(dtype="bf16"),
        LoadOptions(adapter="folder"),
        LoadOptions(device="cuda"),
    ],
)
def test_what_no_graph_does(loading: LoadOptions) -> None:
    assert not runs_in_graph("starcoder2", GB, loading, 100 * GB)
    assert not runs_in_graph("gpt_neox", GB, AUTO, 100 * GB)


def test_where_there_may_be_a_gpu_the_processor_has_to_be_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph_fit, "may_have_accelerator", lambda: True)
    assert not runs_in_graph("starcoder2", GB, AUTO, 100 * GB)
    assert runs_in_graph("starcoder2", GB, LoadOptions(device="cpu"), 100 * GB)


def test_a_line_says_what_it_takes() -> None:
    assert describe_graph("m", 3 * GB, AUTO, 11 * GB) == (
        "m: 8 bit on cpu (OpenVINO), needs 6.0 GB of 11.0 GB free while it loads, then about 3.0 GB"
    )
    assert describe_graph("m", 3 * GB, LoadOptions(quantize="none"), 11 * GB).startswith(
        "m: 16 bit on cpu (OpenVINO), needs 9.0 GB of 11.0 GB free while it loads"
    )

"""Results as a picture."""

import sys

import pytest

from starcoder_cli.benchmark.chart import check_chart_path, render_chart
from starcoder_cli.benchmark.measure import BenchmarkMetric, Measurement
from starcoder_cli.benchmark.results import BenchmarkResult
from starcoder_cli.errors import MachineError, UsageError


def trial(pace: float) -> Measurement:
    """The figures of a model of some speed."""
    first = {BenchmarkMetric("first_token", length): length / pace for length in (64, 256)}
    return {**first, BenchmarkMetric("write"): pace / 4, BenchmarkMetric("memory"): 1e9}


RESULTS = [
    BenchmarkResult.from_measurements("quick $x_1$", "llamacpp", [trial(200), trial(210)]),
    BenchmarkResult.from_measurements("slow", "openvino", [trial(20), trial(30)]),
]


def test_svg_has_text_for_what_it_shows() -> None:
    pytest.importorskip("matplotlib")
    drawn = render_chart(RESULTS, "a.svg")
    assert drawn == render_chart(RESULTS, "a.svg")
    text = drawn.decode()
    assert text.startswith("<?xml")
    for said in ("quick $x_1$, llama.cpp", "slow, OpenVINO", "seconds to the first token", "256"):
        assert f"<!-- {said} -->" in text


@pytest.mark.parametrize(("path", "begin"), [("a.PNG", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_other_forms(path: str, begin: bytes) -> None:
    pytest.importorskip("matplotlib")
    assert render_chart(RESULTS, path).startswith(begin)


def test_what_no_result_has_is_not_drawn() -> None:
    pytest.importorskip("matplotlib")
    remote = BenchmarkResult.from_measurements(
        "far", "endpoint", [{BenchmarkMetric("first_token", 64): 0.5}]
    )
    text = render_chart([remote], "a.svg").decode()
    assert "seconds to the first token" in text
    assert "memory" not in text


@pytest.mark.parametrize("path", ["a", "a.jpeg", ".svg"])
def test_a_name_that_no_picture_has(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_chart_path(path)
    assert str(caught.value) == (
        f"no picture can be drawn into {path}; let its name end in .svg, .png, .pdf"
    )


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MachineError) as caught:
        check_chart_path("a.svg")
    assert str(caught.value) == (
        "a picture needs matplotlib, which is not installed; install the extra `eval`: "
        "put '.[eval]' in place of . in the command that you installed with"
    )

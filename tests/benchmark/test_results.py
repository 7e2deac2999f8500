"""What several trials come to."""

from starcoder_cli.benchmark.measure import BenchmarkMetric
from starcoder_cli.benchmark.results import (
    BenchmarkResult,
    Spread,
    list_metrics,
    shorten_model_name,
)

LOAD, WRITE, MEMORY = BenchmarkMetric("load"), BenchmarkMetric("write"), BenchmarkMetric("memory")
SHORT, LONG = BenchmarkMetric("first_token", 64), BenchmarkMetric("first_token", 256)


def test_a_result_has_medians_and_how_far_they_are_from_the_rest() -> None:
    trials = [
        {LOAD: 0.5, SHORT: 0.123456, LONG: 1.0, MEMORY: 664_321_987.0},
        {LOAD: 0.7, SHORT: 0.2, LONG: 2.0, WRITE: 48.456, MEMORY: 664_321_987.0},
        {LOAD: 0.6, SHORT: 0.1, LONG: 9.0, WRITE: 40.0, MEMORY: 664_321_987.0},
    ]
    result = BenchmarkResult.from_measurements("tiny", "llamacpp", trials)
    assert (result.short_name, result.engine_title) == ("tiny", "llama.cpp")
    assert result.spreads[LOAD] == Spread(0.6, 0.5, 0.7)
    assert result.spreads_by_length("first_token")[256] == Spread(2.0, 1.0, 9.0)
    assert (result.median("load"), result.median("gpu_memory")) == (0.6, None)
    assert result.record() == {
        "model": "tiny",
        "engine": "llamacpp",
        "runs": 3,
        "load": {"median": 0.6, "low": 0.5, "high": 0.7},
        "first_token": {
            "64": {"median": 0.1235, "low": 0.1, "high": 0.2},
            "256": {"median": 2.0, "low": 1.0, "high": 9.0},
        },
        "memory": {"median": 664300000, "low": 664300000, "high": 664300000},
        "write": {"median": 44.23, "low": 40.0, "high": 48.46},
    }


def test_the_rows_are_what_any_result_has() -> None:
    one, other = (
        BenchmarkResult.from_measurements("a", "echo", [{LOAD: 1.0}]),
        BenchmarkResult.from_measurements("b", "echo", [{WRITE: 1.0}]),
    )
    assert list_metrics([one, other]) == [LOAD, WRITE]
    assert list_metrics([]) == []


def test_a_long_name_is_told_by_its_end() -> None:
    assert shorten_model_name("owner/name/tiny.gguf") == "owner/name/tiny.gguf"
    assert (
        shorten_model_name("/a/long/path/to/some/other/model\x1b.gguf")
        == "...h/to/some/other/model␛.gguf"
    )

"""Results side by side: what is best, what fits, and how numbers are written."""

import pytest

from starcoder_cli.benchmark.measure import BenchmarkMetric
from starcoder_cli.benchmark.results import BenchmarkResult, Spread
from starcoder_cli.benchmark.table import (
    bar_metrics,
    best_result,
    build_bar_table,
    build_table,
    format_median,
    format_quantity,
    format_range,
    format_table,
    render_text,
    sorted_metrics,
    split_into_pages,
)

LOAD, WRITE, MEMORY = BenchmarkMetric("load"), BenchmarkMetric("write"), BenchmarkMetric("memory")
SHORT, LONG = BenchmarkMetric("first_token", 64), BenchmarkMetric("first_token", 1024)


def result(name: str, **medians: float) -> BenchmarkResult:
    """A result of one run; `first_token` is that of the long prompt."""
    metrics = {
        BenchmarkMetric(metric, 1024 if metric == "first_token" else 0): value
        for metric, value in medians.items()
    }
    return BenchmarkResult.from_measurements(name, "llamacpp", [metrics])


ONE = result("one", load=2.0, write=10.0, memory=2e9)
TWO = result("two", load=1.0, write=40.0, first_token=3.0)


def test_rows_are_in_the_order_in_which_they_are_read() -> None:
    results = [
        BenchmarkResult.from_measurements("a", "echo", [{MEMORY: 1, LONG: 1, WRITE: 1}]),
        BenchmarkResult.from_measurements("b", "echo", [{SHORT: 1, LOAD: 1}]),
    ]
    assert sorted_metrics(results) == [LOAD, SHORT, LONG, WRITE, MEMORY]


@pytest.mark.parametrize(
    ("metric", "best"), [(LOAD, TWO), (WRITE, TWO), (MEMORY, None), (SHORT, None)]
)
def test_the_best_takes_less_time_or_does_more_in_it(
    metric: BenchmarkMetric, best: BenchmarkResult | None
) -> None:
    assert best_result(metric, [ONE, TWO]) is best
    assert best_result(metric, [TWO, ONE]) is best


@pytest.mark.parametrize(
    ("metric", "number", "text"),
    [
        (LOAD, 1234.4, "1,234"),
        (LOAD, 99.96, "100.0"),
        (LOAD, 12.345, "12.3"),
        (LOAD, 1.2345, "1.23"),
        (LOAD, 0.01234, "0.012"),
        (LOAD, 0.0, "0.000"),
        (MEMORY, 1.37e9, "1.4 GB"),
    ],
)
def test_a_number_has_about_three_digits(metric: BenchmarkMetric, number: float, text: str) -> None:
    assert format_quantity(metric, number) == text


def test_a_range_is_there_where_it_can_be_seen() -> None:
    assert format_range(LOAD, Spread(1.0, 0.5, 2.0)) == " (0.50-2.00)"
    assert format_range(LOAD, Spread(1.0, 0.999, 1.001)) == ""
    assert (format_median(LOAD, None), format_range(LOAD, None)) == ("-", "")


def test_the_best_of_a_row_is_bold_where_there_are_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR")
    plain = render_text(build_table([ONE, TWO]), 80, color=False)
    assert plain == format_table([ONE, TWO])
    assert plain.splitlines() == [
        "                              one        two",
        "                              llama.cpp  llama.cpp",
        "load, s                       2.00       1.00",
        "first token, 1,024 tokens, s  -          3.00",
        "writes, tokens/s              10.0       40.0",
        "memory                        2.0 GB     -",
    ]
    coloured = render_text(build_table([ONE, TWO]), 80, color=True)
    assert [text in coloured for text in ("\x1b[1;32m1.00", "\x1b[1;32m40.0")] == [True, True]
    assert coloured.count("\x1b[1;32m") == 2


@pytest.mark.parametrize(
    ("width", "pages"), [(200, [4]), (28 + 3 * 11, [3, 1]), (28 + 2 * 11, [2, 2]), (1, [1] * 4)]
)
def test_as_many_columns_as_fit_stand_beside_each_other(width: int, pages: list[int]) -> None:
    results = [TWO] * 4
    found = list(split_into_pages(results, width))
    assert [len(page) for page in found] == pages
    for page in found:
        text = render_text(build_table(page), max(width, 39), color=False)
        assert max(map(len, text.splitlines())) <= max(width, 39)


def test_bars_compare_several_results() -> None:
    assert bar_metrics([TWO]) == []
    assert bar_metrics([ONE, TWO]) == [LONG, WRITE, MEMORY]


def test_a_bar_is_as_long_as_its_number_is_large() -> None:
    text = render_text(build_bar_table(WRITE, [ONE, TWO], 80), 80, color=False)
    heading, one, two = text.splitlines()
    assert (heading, one.split(), two.split()) == (
        "writes, tokens/s",
        ["one,", "llama.cpp", "███████▌", "10.0"],
        ["two,", "llama.cpp", "█" * 30, "40.0"],
    )
    none = render_text(build_bar_table(LOAD, [result("a", load=0.0)], 80), 80, color=False)
    assert none.splitlines()[1].split() == ["a,", "llama.cpp", "0.000"]

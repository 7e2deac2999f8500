"""Examples that are told in passing."""

import pytest

from starcoder_cli.candidates.checks.evidence import find_prose_examples


@pytest.mark.parametrize(
    ("line", "example"),
    [
        ("mean([1, 3]) == 2", "mean([1, 3]) == 2"),
        ("For example, mean([1, 3]) => 2.0.", "mean([1, 3]) == 2.0"),
        ("mean([1, 3]) ➞ 2", "mean([1, 3]) == 2"),
        ("mean([1, 3]) returns 2", "mean([1, 3]) == 2"),
        ("print(mean([1, 3]))  # => 2", ""),
        ("mean([1, 3]) // 2", "mean([1, 3]) == 2"),
        ("mean('a == b') -> ' == '", "mean('a == b') == ' == '"),
        ("mean([1, 3]) == 2 (rounded)", "mean([1, 3]) == 2"),
        ("mean(values) == 2", ""),
        ("mean([1, 3], exact=True) == 2", ""),
        ("geometric_mean([1, 3]) == 2", ""),
        ("statistics.mean([1, 3]) == 2", ""),
        ("mean([1, 3]) == the one in the middle", ""),
        (">>> mean([1, 3]) == 2", ""),
        ("mean(" + "[" * 600, ""),
    ],
)
def test_what_a_line_says_of_a_call(line: str, example: str) -> None:
    assert find_prose_examples("mean", line) == ([example] if example else [])


def test_each_example_counts_once() -> None:
    assert find_prose_examples("f", "f(1) -> 2\nf(1) == 2\nf(2) == 3") == ["f(1) == 2", "f(2) == 3"]

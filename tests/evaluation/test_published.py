"""What others measured."""

from starcoder_cli.evaluation.benchmarks import BENCHMARKS, MULTIPL_E_LANGUAGES
from starcoder_cli.evaluation.published import all_published_scores, find_published_scores


def test_starcoders_own_numbers() -> None:
    rows = find_published_scores("humaneval", "python")
    assert [(row.model, row.value, row.prompted) for row in rows[:2]] == [
        ("starcoder", 0.336, False),
        ("starcoder", 0.408, True),
    ]
    assert [row.value for row in find_published_scores("mbpp", "python")] == [0.527]
    shell = find_published_scores("multipl-e", "shell")
    assert [(row.model, round(row.value, 4)) for row in shell] == [("starcoder", 0.1046)]


def test_each_number_is_of_a_benchmark_and_a_group_that_there_are_and_has_a_source() -> None:
    for row in all_published_scores():
        assert row.benchmark in BENCHMARKS
        assert row.group in MULTIPL_E_LANGUAGES.values()
        assert 0 <= row.value <= 1
        assert row.source.startswith("https://")
    keys = [(row.benchmark, row.group, row.model, row.prompted) for row in all_published_scores()]
    assert len(set(keys)) == len(keys)

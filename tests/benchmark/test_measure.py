"""One measurement: which figures there are, and what they are made of."""

import time

import pytest

from starcoder_cli.benchmark.measure import (
    BenchmarkMetric,
    BenchmarkWorkload,
    measure_speed,
    seconds_to_first_token,
    warm_up_seconds,
    write_rate,
)
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.model import Question, Sampling, as_prompt
from starcoder_cli.stream import Chunk, Completion, Stream


class Writer(EchoModel):
    """Reads and writes a token in a millisecond, and writes as many as it may."""

    asked: list[tuple[int, int]]

    def __init__(self) -> None:
        self.asked = []

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """So many letters."""
        read = len("".join(as_prompt(question).pieces))
        self.asked.append((read, sampling.max_tokens))
        time.sleep(read / 1000)
        for _ in range(sampling.max_tokens):
            time.sleep(0.001)
            yield Chunk("a", prompt_tokens=read)
        yield Chunk("", 0, "length", read)


def test_a_course_is_run() -> None:
    model, told = Writer(), list[str]()
    figures = measure_speed(model, BenchmarkWorkload((20, 40), 8), told.append)
    assert model.asked == [(64, 1), (20, 8), (40, 8), (40, 1)]
    assert told == [
        "reads a first prompt",
        "reads 20 tokens",
        "reads 40 tokens",
        "reads the end of it again",
    ]
    assert list(figures) == [
        BenchmarkMetric("first_token", 20),
        BenchmarkMetric("first_token", 40),
        BenchmarkMetric("edited", 40),
        BenchmarkMetric("warm_up"),
        BenchmarkMetric("read"),
        BenchmarkMetric("write"),
    ]
    assert figures[BenchmarkMetric("first_token", 40)] > 0.04
    assert 0 < figures[BenchmarkMetric("read")] < 1000
    assert 0 < figures[BenchmarkMetric("write")] < 1000


def test_a_model_that_writes_nothing_has_no_rates() -> None:
    class Silent(EchoModel):
        def stream(self, question: Question, sampling: Sampling) -> Stream:
            yield Chunk("", 1, "stop", 5)

    figures = measure_speed(Silent(), BenchmarkWorkload((20,), 8), lambda text: None)
    assert list(figures) == [BenchmarkMetric("first_token", 20), BenchmarkMetric("edited", 20)]
    assert figures[BenchmarkMetric("first_token", 20)] > 0


def test_the_rates() -> None:
    first = Completion("a", "length", 1, 64, first_token_seconds=2.0, seconds=2.1)
    assert (warm_up_seconds(first, 64.0), warm_up_seconds(first, 16.0)) == (1.0, 0.0)
    long = Completion("abc", "length", 3, 10, first_token_seconds=1.0, seconds=2.0)
    other = Completion("ab", "stop", 2, 10, first_token_seconds=1.0, seconds=1.5)
    assert write_rate([first, long, other]) == 2.0
    assert write_rate([first]) == 0.0
    assert seconds_to_first_token(Completion("", "stop", seconds=3.0)) == 3.0


@pytest.mark.parametrize("lengths", ["", "0", "64,", "a", "64,-1", "1000001", "6.5"])
def test_what_is_no_length_of_a_prompt(lengths: str) -> None:
    with pytest.raises(UsageError) as caught:
        BenchmarkWorkload.parse(lengths, 8)
    assert str(caught.value) == (
        f"{lengths!r} is not a list of prompt lengths; give numbers of tokens: 64,256,1024"
    )


@pytest.mark.parametrize("written", [1, 0, -1, 1_000_001])
def test_what_is_no_number_of_tokens(written: int) -> None:
    with pytest.raises(UsageError) as caught:
        BenchmarkWorkload.parse("64", written)
    assert str(caught.value) == f"--tokens cannot be {written}; give a number from 2 to 1000000"


def test_lengths_are_taken_once_and_in_order() -> None:
    course = BenchmarkWorkload.parse("256, 64,256", 8)
    assert course == BenchmarkWorkload((64, 256), 8)
    assert course.required_window == 328


def test_what_does_not_fit_a_window_is_left_out() -> None:
    course = BenchmarkWorkload((64, 256, 1024), 32)
    assert course.fit_to_window(4096) == course
    assert course.fit_to_window(1056) == BenchmarkWorkload((64, 256), 32)
    with pytest.raises(DataError) as caught:
        course.fit_to_window(64)
    assert str(caught.value) == (
        "it reads at most 64 tokens; give it shorter prompts: --prompt-tokens"
    )

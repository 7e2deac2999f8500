"""One measurement, as the process that waits for it hears of it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from processes import start
from serving import tiny_file
from sites import serving
from starcoder_cli.app.benchmark_worker import WorkerMessages, memory_metrics
from starcoder_cli.benchmark.worker import WorkerResult, parse_result
from starcoder_cli.errors import ExitCode

__all__ = ["tiny_file"]

SHORT = ("--prompt-tokens", "20,40", "--tokens", "4")


@dataclass(frozen=True)
class Told:
    """What a process said, line by line, its result, its errors and its exit code."""

    said: list[tuple[str, str]]
    result: WorkerResult | None
    errors: str
    code: int

    @property
    def figures(self) -> list[tuple[str, int]]:
        """What was measured."""
        return [(name, length) for name, length in self.result.measurement] if self.result else []


def measured(*words: str) -> Told:
    """A measurement in a process of its own, whose standard input stays open meanwhile."""
    with start("bench", "--trial", *words) as process:
        assert process.stdout and process.stderr and process.stdin
        records = [json.loads(line) for line in process.stdout]
        errors = process.stderr.read().decode()
        code = process.wait()
        process.stdin.close()
    said = [(kind, text) for each in records if len(each) == 1 for kind, text in each.items()]
    results = [found for found in map(parse_result, records) if found]
    return Told(said, results[-1] if results else None, errors, code)


def test_what_is_said_goes_to_the_process_that_waits(capfd: pytest.CaptureFixture[str]) -> None:
    messages = WorkerMessages(quiet=True)
    messages.note("a\nb")
    messages.detail("c")
    with messages.show_progress("loading") as inner:
        inner.note("d")
    assert inner is messages
    out, err = capfd.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"note": "a\nb"},
        {"detail": "c"},
        {"doing": "loads"},
        {"note": "d"},
    ]
    assert err == ""


def test_memory_is_told_where_there_is_some() -> None:
    figures = memory_metrics()
    assert {figure.name for figure in figures} <= {"memory", "gpu_memory"}
    assert all(value > 1_000_000 for value in figures.values())


def test_a_model_of_this_machine_is_measured_with_its_loading_and_its_memory(
    tiny_file: Path,
) -> None:
    told = measured(*SHORT, "--prompt-tokens", "20,40,4000", "--", str(tiny_file))
    assert (told.code, told.errors) == (0, "")
    assert told.result and told.result.model == str(tiny_file)
    assert {("load", 0), ("first_token", 20), ("first_token", 40), ("memory", 0)} <= {*told.figures}
    assert ("first_token", 4000) not in told.figures
    assert told.said[0] == ("doing", "loads")
    notes = [text for kind, text in told.said if kind == "note"]
    assert notes == [f"{tiny_file} reads at most 2048 tokens: longer prompts are left out"]


def test_a_model_of_an_endpoint_has_neither_loading_nor_memory() -> None:
    with serving(pieces=("one", " two", " three")) as site:
        told = measured(*SHORT, "--endpoint", site.url, "--", site.model)
    assert (told.code, told.errors) == (0, "")
    assert told.result and told.result.model == site.model
    assert {("first_token", 20), ("first_token", 40), ("edited", 40)} <= {*told.figures}
    assert not {("load", 0), ("memory", 0), ("gpu_memory", 0)} & {*told.figures}


def test_a_model_that_cannot_be_loaded_is_an_error_without_a_result() -> None:
    told = measured(*SHORT, "--", "./none.gguf")
    assert (told.result, told.code) == (None, ExitCode.NO_INPUT)
    assert told.errors == "error: there is no model file './none.gguf'; check the path\n"


def test_a_measurement_ends_with_the_process_that_waits_for_it() -> None:
    with start("bench", "--trial", "--prompt-tokens", "900000", "--", "echo") as process:
        assert process.stdout and process.stdin
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(60) == ExitCode.INTERRUPTED

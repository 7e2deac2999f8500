"""A trial in a process of its own, and the ways in which one ends."""

import signal
import sys

import pytest

from starcoder_cli.benchmark.measure import BenchmarkMetric
from starcoder_cli.benchmark.worker import WorkerError, error_from_exit, run_worker
from starcoder_cli.errors import ExitCode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
WORDS = ("bench", "--trial", "--prompt-tokens", "20,40", "--tokens", "4", "--")


def test_its_figures_and_what_it_is_doing() -> None:
    heard: list[tuple[str, str]] = []
    measured = run_worker((*WORDS, "echo"), lambda kind, text: heard.append((kind, text)))
    assert measured.model == "echo"
    assert set(measured.measurement) == {
        *(BenchmarkMetric(name) for name in ("load", "warm_up", "read", "memory")),
        *(
            BenchmarkMetric("first_token", 20),
            BenchmarkMetric("first_token", 40),
            BenchmarkMetric("edited", 40),
        ),
    }
    assert all(value >= 0 for value in measured.measurement.values())
    assert heard == [
        ("doing", "loads"),
        ("doing", "reads a first prompt"),
        ("doing", "reads 20 tokens"),
        ("doing", "reads 40 tokens"),
        ("doing", "reads the end of it again"),
    ]


def test_its_error_is_ours() -> None:
    with pytest.raises(WorkerError) as caught:
        run_worker((*WORDS, "./none.gguf"), lambda kind, text: None)
    assert str(caught.value) == "there is no model file './none.gguf'; check the path"
    assert caught.value.exit_code == ExitCode.NO_INPUT


@pytest.mark.parametrize(
    ("code", "errors", "text", "meaning"),
    [
        (
            -signal.SIGKILL,
            "",
            "its process was killed, as the system does where memory runs out; "
            "end other programs, or choose a smaller model",
            ExitCode.MACHINE,
        ),
        (
            -signal.SIGSEGV,
            "error: of a library\n",
            "its process ended by SIGSEGV; try another engine",
            ExitCode.MACHINE,
        ),
        (65, "noise\nerror: it is damaged; get it again\n", "it is damaged; get it again", 65),
        (
            1,
            "Traceback\n",
            "this is a bug: its process ended without figures; please report it",
            ExitCode.BUG,
        ),
        (
            0,
            "",
            "this is a bug: its process ended without figures; please report it",
            ExitCode.BUG,
        ),
    ],
)
def test_how_it_ended(code: int, errors: str, text: str, meaning: int) -> None:
    error = error_from_exit(code, errors)
    assert (str(error), error.exit_code) == (text, meaning)

"""No text takes the parsers more than their time and memory, or ends more than their process."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from starcoder_cli.candidates import parser_process
from starcoder_cli.candidates.functions import find_functions
from starcoder_cli.candidates.syntax import count_syntax_errors, find_body_ranges
from starcoder_cli.candidates.texts import find_open_text
from starcoder_cli.languages import find_language
from starcoder_cli.system.worker import Worker
from starcoder_cli.tuning.syntax_holes import find_ranges

COSTLY = (
    ("java", "a<" * 25_000),
    ("java", "*/~s(" * 25_000),
    ("c-sharp", "%i[\n" * 25_000),
    ("go", "|#%i[" * 25_000),
    ("kotlin", "a@" * 25_000),
    ("scala", "`" * 25_000),
    ("swift", "#" * 25_000),
    ("typescript", "f<a," * 25_000),
    ("java", "".join(f"a{number * 7919 % 99991}<" for number in range(25_000))),
)
"""They took minutes or gigabytes; nothing in the last one repeats."""


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A parser with little time, and no text that took too much yet."""
    made = Worker(parser_process.MAX_MEMORY, 0.4)
    monkeypatch.setattr(parser_process, "PARSER", made)
    monkeypatch.setattr(parser_process, "COSTLY_EDGES", {})
    yield made
    made.close()


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(("language", "text"), COSTLY)
def test_what_takes_too_much_is_not_judged(language: str, text: str) -> None:
    assert count_syntax_errors(text, language) is None
    assert find_functions(text, language) == ()
    assert find_ranges("block", text, find_language(language)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_little_memory_is_enough_for_none_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with_little = Worker(1 << 27, 60)
    monkeypatch.setattr(parser_process, "PARSER", with_little)
    monkeypatch.setattr(parser_process, "COSTLY_EDGES", {})
    assert count_syntax_errors("a<" * 25_000, "java") is None
    assert count_syntax_errors("class A {}", "java") == 0
    status = with_little.call(Path.read_text, Path("/proc/self/status"))
    with_little.close()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak
    assert int(peak[1]) < 1 << 18


def test_it_is_not_asked_again_for_a_minute(
    parser: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "[" * (16 << 20)
    assert count_syntax_errors(slow, "python") is None
    process = parser.call(os.getpid)
    assert find_body_ranges(slow + "y", "python") == []
    assert find_body_ranges("x = 1\n" + slow, "python") == []
    assert parser.call(os.getpid) == process
    assert count_syntax_errors("y = 1\n", "python") == 0
    monkeypatch.setattr(parser_process, "COSTLY_SECONDS", -1.0)
    parser_process.COSTLY_EDGES.clear()
    assert count_syntax_errors(slow, "python") is None
    assert parser.call(os.getpid) != process
    assert count_syntax_errors(slow[:1024], "python")


def test_only_some_are_remembered(parser: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "call", lambda *arguments: raise_error(ChildProcessError))
    for number in range(200):
        assert count_syntax_errors(f"{number}", "python") is None
    assert list(parser_process.COSTLY_EDGES) == [f"{number}" for number in range(72, 200)]


@pytest.mark.usefixtures("parser")
def test_many_ends_to_try_take_no_longer() -> None:
    text = "".join(f"# <<A{number}\n" for number in range(20_000))
    assert find_open_text(text, "shell", 0) is None


@pytest.mark.parametrize("error", [ChildProcessError, MemoryError, RecursionError])
def test_what_a_parser_ends_with_is_no_error_of_ours(
    parser: Worker, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(parser, "call", lambda *arguments: raise_error(error))
    assert count_syntax_errors("x = (", "python") is None


def test_without_processes_nothing_is_judged(
    parser: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/missing")
    assert count_syntax_errors("x = (", "python") is None


def raise_error(error: type[Exception]) -> None:
    """Do as a call that fails."""
    raise error

"""What a Python file does: runs its examples, assertions and tests, and calls its functions.

A script for the Python of a user's project, with a file that names the trials as its argument. It
writes a line for each: a letter, the number of the trial, and its outcome. Values are written as
digests, the same one for values that Python considers equal.
"""

import contextlib
import doctest
import hashlib
import importlib
import importlib.machinery
import importlib.util
import itertools
import json
import os
import random
import re
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CALL_SECONDS = 0.5
SKIPS = ("Skipped", "SkipTest", "XFailed")
SESSION_SECONDS = 2.0
MAX_TIMEOUTS = 3
MAX_ITEMS = 1000
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
Write = Callable[..., None]
LOADED, DETAIL, SESSION, STATEMENT, CALL, TESTS, DONE = "lxsactd"


class TooSlowError(BaseException):
    """A trial takes longer than it may; a program's `except Exception` does not catch it."""


def main() -> None:
    """Run the trials in the file named as argument, and write their outcomes to standard output."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    output = os.fdopen(os.dup(1), "w", encoding="ascii", errors="backslashreplace")
    null_fd = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null_fd, descriptor)

    def write(*words: object) -> None:
        print(*words, file=output, flush=True)

    os.chdir(job["folder"])
    sys.path[:0] = job["paths"]
    sys.dont_write_bytecode = True
    random.seed(0)
    signal.signal(signal.SIGALRM, raise_too_slow)
    try:
        with time_limit(job["load_seconds"]):
            module = load_module(job["module"], job["file"])
    except BaseException as error:  # a file may raise anything, including an exit
        write(DETAIL, 0, f"{type(error).__name__}: {error}"[:300].replace("\n", " "))
        return
    write(LOADED, 0, 1)
    for number, text in enumerate(job["sessions"]):
        write(SESSION, number, *run_session(text, module))
    for number, text in enumerate(job["statements"]):
        write(STATEMENT, number, *run_statement(text, module))
    run_calls(job["calls"], module, write)
    if job["tests"]:
        write(TESTS, 0, *run_tests(job["folder"], job["tests"], job["file"]))
    write(DONE, 0, 1)


def load_module(name: str, file: str) -> types.ModuleType:
    """Load a file as a module, in the package that it belongs to."""
    package = name.rpartition(".")[0]
    if package:
        importlib.import_module(package)
    known = getattr(sys.modules.get(name), "__file__", None)
    if known != file:  # a module of Python's may have its name
        loader = importlib.machinery.SourceFileLoader(name, file)  # whatever the file's suffix is
        spec = importlib.util.spec_from_file_location(name, file, loader=loader)
        assert spec, "there is a loader"
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
    return sys.modules[name]


def raise_too_slow(number: int, frame: object) -> None:
    """End a trial."""
    raise TooSlowError


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooSlowError in the body after this many seconds."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def run_session(text: str, module: types.ModuleType) -> tuple[int, int]:
    """How many examples of a docstring pass, and how many do not."""
    session = doctest.DocTestParser().get_doctest(text, vars(module).copy(), "session", None, 0)
    runner = doctest.DocTestRunner(verbose=False)
    try:
        with time_limit(SESSION_SECONDS):
            results = runner.run(session, out=lambda text: None)
    except BaseException:  # exiting is not an answer to an example
        return 0, len(session.examples)
    skipped = getattr(results, "skipped", 0)  # from Python 3.13 on these count as attempted
    return results.attempted - results.failed - skipped, results.failed


def run_statement(text: str, module: types.ModuleType) -> tuple[int, int]:
    """Run a statement; return passed and failed counts, where one that skips itself is neither."""
    try:
        with time_limit(SESSION_SECONDS):
            exec(compile(text, "<statement>", "exec"), vars(module).copy())
    except BaseException as error:  # as above
        return 0, int(type(error).__name__ not in SKIPS)
    return 1, 0


def run_calls(calls: list[list[str]], module: types.ModuleType, write: Write) -> None:
    """Write the outcome of each call: the digest of a value, or an exception after a `!`."""
    timeouts = 0
    for number, (function, arguments) in enumerate(calls):
        if timeouts >= MAX_TIMEOUTS:
            return
        try:
            values = eval(arguments, {})
            with time_limit(CALL_SECONDS):
                value = eval(function, vars(module))(*values)
                outcome = digest(describe(value) + describe(values))
        except TooSlowError:
            timeouts += 1
            outcome = "!TooSlowError"
        except BaseException as error:  # as above
            outcome = f"!{type(error).__name__}"[:60]
        write(CALL, number, outcome)


def digest(text: str) -> str:
    """A short name for a text."""
    return hashlib.blake2s(text.encode("utf-8", "backslashreplace"), digest_size=6).hexdigest()


def describe(value: object, depth: int = 8) -> str:
    """A text for a value, the same for values that are equal."""
    if isinstance(value, (bool, int, complex)) or value is None:
        return repr(int(value)) if isinstance(value, bool) else repr(value)
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else f"{value:.9g}"
    if depth and isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return f"{kind}({','.join(describe(each, depth - 1) for each in value[:MAX_ITEMS])})"
    if depth and isinstance(value, (set, frozenset)):
        return f"set({','.join(sorted(describe(each, depth - 1) for each in value))})"
    if depth and isinstance(value, dict):
        items = (f"{describe(k, depth - 1)}:{describe(v, depth - 1)}" for k, v in value.items())
        return f"dict({','.join(sorted(items))})"
    if depth and isinstance(value, types.GeneratorType):
        given = map(describe, itertools.islice(value, MAX_ITEMS))
        return f"generator({','.join(given)})"
    if callable(value):
        return "function"
    return ADDRESS.sub("", repr(value))


def run_tests(folder: str, paths: list[str], file: str) -> tuple[int, int]:
    """How many tests in some files pass and fail under pytest; none if pytest is missing.

    One that passes without running anything of the file is about another, such as one of its name.
    """
    counter = TestCounter(file)
    with contextlib.suppress(BaseException):  # even if pytest exits, what was counted counts
        pytest = importlib.import_module("pytest")
        options = ["-q", "--tb=no", "-o", "addopts=", "-p", "no:cacheprovider"]
        options += ["--continue-on-collection-errors", f"--rootdir={folder}"]
        pytest.main([*options, *paths], plugins=[counter])
    return counter.counts["passed"], counter.counts["failed"]


class TestCounter:
    """A pytest plugin that counts outcomes of tests that run code of a file."""

    __test__ = False

    def __init__(self, file: str) -> None:
        self._files = {file, os.path.realpath(file)}
        self._has_run = False
        self.counts = {"passed": 0, "failed": 0}

    def pytest_runtest_setup(self) -> None:
        """Note from now on what is called: fixtures may call the file too."""
        self._has_run = False
        sys.setprofile(self._note_call)
        threading.setprofile(self._note_call)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count the outcome of one phase of a test."""
        is_result = report.when == "call" and (self._has_run or report.outcome != "passed")
        if is_result or report.outcome == "failed":
            self.counts[report.outcome] = self.counts.get(report.outcome, 0) + 1

    def pytest_runtest_logfinish(self) -> None:
        """Note no longer what is called."""
        sys.setprofile(None)
        threading.setprofile(None)

    def _note_call(self, frame: types.FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename in self._files:
            self._has_run = True
            sys.setprofile(None)


if __name__ == "__main__":
    main()

"""The side of the tests: they run here, and only calls and values cross to the program's side."""

import ast
import builtins
import json
import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import cast

from starcoder_cli.sandbox.inside.channel import Channel, ClosedError
from starcoder_cli.sandbox.inside.confine import confine
from starcoder_cli.sandbox.inside.values import MOST_DIGITS, Json, pack, unpack

TESTS = "tests"
MOST_TEXT = 500

Names = dict[str, object]


class BrokenError(BaseException):
    """The program's side has ended, or says what is no answer."""

    def __init__(self, result: str, detail: str) -> None:
        super().__init__(detail)
        self.result = result
        self.detail = detail


class Foreign:
    """A value that stayed with the program: it equals itself alone and can only be given back."""

    def __init__(self, number: int) -> None:
        self.number = number


class Program:
    """The other side: its functions can be called, and nothing else of it can be used."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._foreign: dict[int, Foreign] = {}
        self.calls = 0
        self.broken: BrokenError | None = None

    def offered(self) -> Names:
        """What the program defines, once it has run; BrokenError where it failed.

        Its functions are called there; a module of Python's own that it imports is imported here.
        """
        reply = self._receive()
        names, modules = reply.get("names"), reply.get("modules")
        if not isinstance(names, list) or not isinstance(modules, dict):
            raise self._break("refused", "the program's side does not say what it defines")
        offered: Names = {name: self.function(name) for name in names if isinstance(name, str)}
        for name, module in modules.items():
            if name in offered and is_standard(name, module):
                offered[name] = import_module(module)
        return offered

    def function(self, name: str) -> Callable[..., object]:
        """A function that calls the program's own of that name."""

        def call(*positional: object, **named: object) -> object:
            self.calls += 1
            arguments = pack((list(positional), named), self._number)
            self._send({"call": name, "arguments": arguments})
            return self._value()

        return call

    def _value(self) -> object:
        reply = self._receive()
        if "raised" in reply:
            raise exception(reply)
        try:
            return unpack(reply["value"], self._find)
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise self._break("refused", f"an answer of no agreed form: {error}") from error

    def _send(self, message: object) -> None:
        try:
            self._channel.send(message)
        except ClosedError as error:
            raise self._break("crashed", "the program ended before its tests") from error

    def _receive(self) -> dict[str, Json]:
        try:
            reply = self._channel.receive()
        except ClosedError as error:
            raise self._break("crashed", "the program ended before its tests") from error
        except (RecursionError, ValueError) as error:
            raise self._break("refused", f"an answer of no agreed form: {error}") from error
        if not isinstance(reply, dict):
            raise self._break("refused", "an answer of no agreed form")
        if "raised" in reply and not self.calls:
            raise outcome_of(exception(reply))
        return cast(dict[str, Json], reply)

    def _break(self, result: str, detail: str) -> BrokenError:
        """What ends the tests, even if these catch it."""
        self.broken = self.broken or BrokenError(result, detail)
        return self.broken

    def _find(self, number: int) -> Foreign:
        return self._foreign.setdefault(number, Foreign(number))

    def _number(self, value: object) -> int:
        if not isinstance(value, Foreign):
            raise TypeError(f"{type(value).__name__} cannot be given to the program")
        return value.number


def is_standard(name: str, module: object) -> bool:
    """Whether a name may stand for a module of Python's own, and not in place of another one."""
    standard = sys.stdlib_module_names
    return module in standard and (name == module or name not in standard)


def exception(reply: dict[str, Json]) -> Exception:
    """What the program raised, as the nearest honest built-in exception."""
    kinds, text = reply.get("raised"), str(reply.get("text"))[:MOST_TEXT]
    names = [name for name in kinds if isinstance(name, str)] if isinstance(kinds, list) else []
    for name in names:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                return kind(text if name == names[0] else f"{names[0]}: {text}")
            except TypeError:  # UnicodeDecodeError and its like take more
                continue
    return RuntimeError(f"{names[0] if names else 'an exception'}: {text}")


def outcome_of(error: BaseException) -> BrokenError:
    """How a trial ended that an exception has ended."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return BrokenError("memory" if isinstance(error, MemoryError) else "crashed", text)


def main() -> None:
    """Run the tests of the job on standard input, and print how they ended as one line of JSON."""
    job = json.load(sys.stdin)
    verdict = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    confine(job["confinement"])
    sys.set_int_max_str_digits(MOST_DIGITS)
    result, detail = judged(job, Program(Channel(job["reads"], job["writes"])))
    os.write(verdict, json.dumps([result, detail[:MOST_TEXT]]).encode("ascii") + b"\n")
    os._exit(0)


def judged(job: dict[str, str], program: Program) -> tuple[str, str]:
    """How the tests end: a result and a detail."""
    try:
        run(job, program)
    except BrokenError as error:
        return error.result, error.detail
    except AssertionError as error:
        return "wrong", f"{failing_line(error, job['tests'])} {error}".strip()
    except BaseException as error:
        ended = outcome_of(error)
        return ended.result, ended.detail
    if program.broken:
        return program.broken.result, program.broken.detail
    if not program.calls:
        return "wrong", "the tests called nothing"
    return "passed", ""


def run(job: dict[str, str], program: Program) -> None:
    """Run the tests with the program's functions, and the prompt's helpers, under their names."""
    namespace: Names = {"__name__": TESTS}
    honest(job["prompt"], namespace)
    code = ast.parse(job["tests"], TESTS)
    entry = job["entry_point"]
    namespace |= wanted(code, program.offered(), namespace)
    if entry:
        namespace[entry] = program.function(entry)
    exec(compile(code, TESTS, "exec"), namespace)
    check = namespace.get("check")
    if entry and callable(check):
        check(namespace[entry])


def honest(prompt: str, namespace: Names) -> None:
    """Define what a benchmark's prompt defines; one that is no program alone defines nothing."""
    try:
        exec(compile(prompt, "prompt", "exec"), namespace)
    except Exception:
        return


def wanted(code: ast.Module, offered: Names, namespace: Names) -> Names:
    """What tests take from the program.

    Built-in functions are honest ones, unless the tests use nothing else of the program's.
    """
    used = {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}
    taken = {name: offered[name] for name in used & offered.keys() - namespace.keys()}
    own = {name: value for name, value in taken.items() if not hasattr(builtins, name)}
    return own if any(callable(value) for value in own.values()) else taken


def failing_line(error: BaseException, tests: str) -> str:
    """The line of the tests that an exception came from."""
    numbers = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == TESTS and frame.lineno
    ]
    lines = tests.splitlines()
    return lines[numbers[-1] - 1].strip() if numbers and numbers[-1] <= len(lines) else ""

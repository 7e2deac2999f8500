"""The tests' side: they run here, and only calls and values cross to the program's side."""

import ast
import builtins
import json
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TypeGuard, cast

from starcoder_cli.sandbox.inside.channel import Channel, ChannelClosedError
from starcoder_cli.sandbox.inside.confine import confine
from starcoder_cli.sandbox.inside.values import MAX_INT_DIGITS, PackedValue, pack, unpack

TESTS_MODULE_NAME = "tests"
MAX_TEXT_CHARACTERS = 500
# An iterator in the tests, such as `map`, would mistake these, raised by the program, for its end.
LOOP_ENDINGS = (StopIteration, StopAsyncIteration)

Namespace = dict[str, object]


class CandidateError(BaseException):
    """The program's side has ended, or sent something that is not an answer."""

    def __init__(self, result: str, detail: str) -> None:
        super().__init__(detail)
        self.result = result
        self.detail = detail


class RemoteObject:
    """A value that stayed with the program: it equals only itself and can only be passed back."""

    def __init__(self, number: int) -> None:
        self.number = number


class RemoteProgram:
    """The other side: its functions can be called, and nothing else of it can be used."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._objects: dict[int, RemoteObject] = {}
        self.call_count = 0
        self.failure: CandidateError | None = None

    def receive_definitions(self, wanted: set[str]) -> Namespace:
        """The wanted names that the program defines; raises CandidateError if the program failed.

        Its functions are called remotely; a standard-library module that it imports is imported.
        """
        reply = self._receive()
        names, modules = reply.get("names"), reply.get("modules")
        if not is_list_of_texts(names) or not is_list_of_texts(modules):
            raise self._fail("refused", "the program's side does not say what it defines")
        definitions: Namespace = {
            name: self.remote_function(name) for name in wanted.intersection(names)
        }
        for name in wanted.intersection(modules, sys.stdlib_module_names):
            definitions[name] = import_module(name)
        return definitions

    def remote_function(self, name: str) -> Callable[..., object]:
        """A function that calls the program's function of that name."""

        def call(*positional: object, **named: object) -> object:
            self.call_count += 1
            arguments = pack((list(positional), named), self._object_number)
            self._send({"call": name, "arguments": arguments})
            return self._receive_value()

        return call

    def _receive_value(self) -> object:
        reply = self._receive()
        if "raised" in reply:
            raise rebuild_exception(reply)
        try:
            return unpack(reply["value"], self._find_object)
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise self._fail("refused", f"an answer of no agreed form: {error}") from error

    def _send(self, message: object) -> None:
        try:
            self._channel.send(message)
        except ChannelClosedError as error:
            raise self._fail("crashed", "the program ended before its tests") from error

    def _receive(self) -> dict[str, PackedValue]:
        try:
            reply = self._channel.receive()
        except ChannelClosedError as error:
            raise self._fail("crashed", "the program ended before its tests") from error
        except (RecursionError, ValueError) as error:
            raise self._fail("refused", f"an answer of no agreed form: {error}") from error
        if not isinstance(reply, dict):
            raise self._fail("refused", "an answer of no agreed form")
        if "raised" in reply and not self.call_count:
            raise convert_exception(rebuild_exception(reply))
        return cast(dict[str, PackedValue], reply)

    def _fail(self, result: str, detail: str) -> CandidateError:
        """The error that ends the tests, even if these catch it."""
        self.failure = self.failure or CandidateError(result, detail)
        return self.failure

    def _find_object(self, number: int) -> RemoteObject:
        return self._objects.setdefault(number, RemoteObject(number))

    def _object_number(self, value: object) -> int:
        if not isinstance(value, RemoteObject):
            raise TypeError(f"{type(value).__name__} cannot be given to the program")
        return value.number


def is_list_of_texts(value: object) -> TypeGuard[list[str]]:
    """Whether a value is a list of texts only."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def rebuild_exception(reply: dict[str, PackedValue]) -> Exception:
    """What the program raised, as the nearest built-in exception."""
    kinds, text = reply.get("raised"), str(reply.get("text"))[:MAX_TEXT_CHARACTERS]
    names = [name for name in kinds if isinstance(name, str)] if isinstance(kinds, list) else []
    for name in names:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception) and kind not in LOOP_ENDINGS:
            try:
                return kind(text if name == names[0] else f"{names[0]}: {text}")
            except TypeError:  # UnicodeDecodeError and its like take more arguments
                continue
    return RuntimeError(f"{names[0] if names else 'an exception'}: {text}")


def convert_exception(error: BaseException) -> CandidateError:
    """The result of a job that an exception has ended."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return CandidateError("memory" if isinstance(error, MemoryError) else "crashed", text)


def main() -> None:
    """Run the tests of the job on standard input, and print their outcome as one line of JSON."""
    job = json.load(sys.stdin)
    result_fd = os.dup(1)
    null_fd = os.open(os.devnull, os.O_RDWR)
    os.dup2(null_fd, 1)
    confine(job["confinement"], job.get("parent"))
    os.dup2(null_fd, 2)
    sys.set_int_max_str_digits(MAX_INT_DIGITS)
    result, detail = judge_tests(job, RemoteProgram(Channel(job["reads"], job["writes"])))
    os.write(result_fd, json.dumps([result, detail[:MAX_TEXT_CHARACTERS]]).encode("ascii") + b"\n")
    os._exit(0)


def judge_tests(job: dict[str, str], program: RemoteProgram) -> tuple[str, str]:
    """Run the tests and return a result and a detail."""
    try:
        run_tests(job, program)
    except CandidateError as error:
        return error.result, error.detail
    except AssertionError as error:
        return "wrong", f"{find_failing_line(error, job['tests'])} {error}".strip()
    except BaseException as error:  # whatever the tests raise is their outcome
        failure = convert_exception(error)
        return failure.result, failure.detail
    if program.failure:
        return program.failure.result, program.failure.detail
    if not program.call_count:
        return "wrong", "the tests called nothing"
    return "passed", ""


def run_tests(job: dict[str, str], program: RemoteProgram) -> None:
    """Run the tests with the program's functions, and the prompt's helpers, under their names."""
    namespace: Namespace = {"__name__": TESTS_MODULE_NAME}
    define_prompt(job["prompt"], namespace)
    code = ast.parse(job["tests"], TESTS_MODULE_NAME)
    entry_point = job["entry_point"]
    namespace |= program.receive_definitions(undefined_names(code) - namespace.keys())
    if entry_point:
        namespace[entry_point] = program.remote_function(entry_point)
    exec(compile(code, TESTS_MODULE_NAME, "exec"), namespace)
    if entry_point and defines_check(code):
        cast(Callable[..., object], namespace["check"])(namespace[entry_point])


def define_prompt(prompt: str, namespace: Namespace) -> None:
    """Define what a benchmark's prompt defines, except a last statement continued in a hole."""
    lines = prompt.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if not line[:1].isspace()]
    for end in (len(lines), *reversed(starts)):
        try:
            code = compile("".join(lines[:end]), "prompt", "exec")
        except (SyntaxError, ValueError):
            continue
        with suppress(Exception):  # whatever a text that is not a program raises
            exec(code, namespace)
        return


def undefined_names(code: ast.Module) -> set[str]:
    """The names that tests need from the program: those used but not built into Python."""
    used_names = {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}
    return used_names - vars(builtins).keys()


def defines_check(code: ast.Module) -> bool:
    """Whether the tests are HumanEval's function rather than statements."""
    return any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in code.body)


def find_failing_line(error: BaseException, tests: str) -> str:
    """The line of the tests that an exception came from."""
    numbers = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == TESTS_MODULE_NAME and frame.lineno
    ]
    lines = tests.splitlines()
    return lines[numbers[-1] - 1].strip() if numbers and numbers[-1] <= len(lines) else ""

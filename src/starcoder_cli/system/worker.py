"""Calls functions in a process of their own, whose memory and processor time are limited.

Native code that reads a foreign text may need any amount of both, cannot be interrupted, and may
end its process.
"""

import atexit
import os
import pickle
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TYPE_CHECKING, ParamSpec, TypeVar, cast

from starcoder_cli.system.processes import limit_memory

if TYPE_CHECKING:
    from subprocess import Popen

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

is_worker = False
"""Whether this process is a worker itself."""

START = "import sys; sys.path[:] = {path!r}; from starcoder_cli.system import worker; worker.{call}"


class Worker:
    """A process that starts with the first call, and again with the next one after its end.

    A call may take `max_seconds` of processor time, and the process `max_memory` bytes.
    """

    def __init__(self, max_memory: int, max_seconds: float) -> None:
        """Give the limits; nothing starts yet."""
        self._limits = max_memory, max_seconds
        self._process: Popen[bytes] | None = None
        self._lock = threading.Lock()

    def call(
        self,
        function: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """What a function of a module returns; arguments and results can be pickled.

        Raises OSError if no process can start, its subclass ChildProcessError if the call exceeds a
        limit or ends the process, and whatever the function raises.
        """
        with self._lock:
            process = self._process = self._process or self._start()
            try:
                send(cast("IO[bytes]", process.stdin), (function, arguments, named))
                result, error = pickle.load(cast("IO[bytes]", process.stdout))
            except (EOFError, BrokenPipeError) as ended:
                self.close()
                raise ChildProcessError("the process of the call ended") from ended
            except BaseException:  # its response would be taken for that to the next call
                self.close()
                raise
        if error:
            raise error
        return cast("Result", result)

    def close(self) -> None:
        """End the process; another call starts a new one."""
        process, self._process = self._process, None
        if not process:
            return
        atexit.unregister(self.close)
        process.kill()
        for stream in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                cast("IO[bytes]", stream).close()
        process.wait()

    def _start(self) -> "Popen[bytes]":
        import subprocess

        call = f"respond_to_calls{self._limits}"
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", START.format(path=sys.path, call=call)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us
        )
        atexit.register(self.close)
        return process


def send(stream: IO[bytes], message: object) -> None:
    """Write a whole message, or nothing of one that cannot be pickled."""
    stream.write(pickle.dumps(message))
    stream.flush()


def respond_to_calls(max_memory: int, max_seconds: float) -> None:
    """Make the calls that stdin names, and write what they return or raise to stdout."""
    import resource
    import signal

    global is_worker
    is_worker = True
    limit_memory(os.getpid(), max_memory)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # what native code prints is no response
        with suppress(EOFError, BrokenPipeError):
            while True:
                function, arguments, named = pickle.load(sys.stdin.buffer)
                signal.setitimer(signal.ITIMER_PROF, max_seconds)  # whose signal ends the process
                result = error = None
                try:
                    result = function(*arguments, **named)
                except Exception as raised:  # for whoever makes the call
                    error = raised
                signal.setitimer(signal.ITIMER_PROF, 0)
                send(out, (result, error))

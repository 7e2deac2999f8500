"""Calls of the system that go wrong: the Nth that a program makes, in every way there is."""

import errno
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import pytest

Call: TypeAlias = Callable[[], object]
Fault: TypeAlias = Callable[[str, Call, tuple[object, ...]], object]

CALLS = (
    *("open", "close", "read", "write", "fstat", "stat", "access", "listdir", "fsync"),
    *("fchown", "fchmod", "listxattr", "getxattr", "setxattr", "removexattr"),
    *("replace", "unlink", "urandom"),
)
SHORT = ("read", "write")
ERRORS = (
    *(errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EPERM, errno.EACCES, errno.EROFS),
    *(errno.EMFILE, errno.EINTR),
)


@contextmanager
def system(at: int, fault: Fault) -> Iterator[list[str]]:
    """The names of the calls that are made; at one of them, counted from 1, something else is done.

    `flock` counts too, which is in a module of its own.
    """
    import fcntl

    made: list[str] = []

    def stand_in(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*words: object, **options: object) -> object:
            made.append(name)
            if len(made) == at:
                return fault(name, lambda: real(*words, **options), words)
            return real(*words, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, stand_in(name, getattr(os, name)))
        patch.setattr(fcntl, "flock", stand_in("flock", fcntl.flock))
        yield made


def nothing(name: str, call: Call, words: tuple[object, ...]) -> object:
    """No fault."""
    return call()


def failing(number: int) -> Fault:
    """The system refuses; a descriptor is closed nevertheless, as Linux does it."""

    def fail(name: str, call: Call, words: tuple[object, ...]) -> object:
        if name == "close":
            call()
        raise OSError(number, os.strerror(number))

    return fail


def short(name: str, call: Call, words: tuple[object, ...]) -> object:
    """Half of what was asked for is read or written; other calls are interrupted once."""
    if name == "write":
        descriptor, data = words
        assert isinstance(descriptor, int)
        assert isinstance(data, memoryview)
        return REAL_WRITE(descriptor, data[: max(len(data) // 2, 1)])
    if name == "read":
        descriptor, size = words
        assert isinstance(descriptor, int)
        assert isinstance(size, int)
        return REAL_READ(descriptor, max(size // 2, 1))
    return call()


def interrupted_before(name: str, call: Call, words: tuple[object, ...]) -> object:
    """Ctrl-C arrives before the call, past all that would keep it back."""
    if name == "close":
        call()
    raise KeyboardInterrupt


def interrupted_after(name: str, call: Call, words: tuple[object, ...]) -> object:
    """Ctrl-C arrives when the call is done."""
    call()
    raise KeyboardInterrupt


def signalled(name: str, call: Call, words: tuple[object, ...]) -> object:
    """Ctrl-C as the system sends it."""
    signal.raise_signal(signal.SIGINT)
    return call()


def killed_before(name: str, call: Call, words: tuple[object, ...]) -> object:
    """The process is gone before the call."""
    os.kill(os.getpid(), signal.SIGKILL)
    return call()


def killed_after(name: str, call: Call, words: tuple[object, ...]) -> object:
    """The process is gone after the call."""
    call()
    return killed_before(name, call, words)


REAL_READ, REAL_WRITE = os.read, os.write

FAULTS: Mapping[str, Fault] = {
    "short": short,
    "interrupted before": interrupted_before,
    "interrupted after": interrupted_after,
    "signalled": signalled,
    **{errno.errorcode[number]: failing(number) for number in ERRORS},
}

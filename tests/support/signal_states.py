"""What a process does with signals."""

import ctypes
import signal
import sys
from typing import TypeAlias

from starcoder_cli.system.signals import TERMINATION_SIGNALS

SignalState: TypeAlias = tuple[list[object], int | None]


class SignalStack(ctypes.Structure):
    """`stack_t` of sigaltstack(2), as Linux has it."""

    _fields_ = (("pointer", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def signal_state() -> SignalState:
    """The handlers of the signals that end a program, and the stack that they run on."""
    names = [name for name in TERMINATION_SIGNALS if hasattr(signal, name)]
    handlers: list[object] = [signal.getsignal(getattr(signal, name)) for name in names]
    if sys.platform != "linux":
        return handlers, None
    stack = SignalStack()
    assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack)) == 0
    return handlers, stack.pointer

"""`starcoder serve`: the server in the foreground, or as another command starts it."""

import os
from collections.abc import Callable
from typing import Annotated

import typer

from starcoder_cli.errors import BusyError, MachineError, StarcoderError
from starcoder_cli.output import say
from starcoder_cli.sockets import HAS_UNIX_SOCKETS
from starcoder_cli.warm import BUSY, READY, place

Ready = Annotated[
    int | None,
    typer.Option("--ready", hidden=True, help="A descriptor to write to when the socket listens."),
]


def serve(ready: Ready = None) -> None:
    """Keep models loaded for other commands, until Ctrl-C.

    The commands find it by themselves, and each model leaves when its --keep-alive is over. At a
    terminal they start such a server in the background; this one also stays without a model.
    """
    if not HAS_UNIX_SOCKETS:
        raise MachineError("a server needs unix sockets", "use the commands without one")
    tell = announce if ready is None else report_to(ready)
    try:
        from starcoder_cli.server.process import serve as answer

        answer(place(), ready is None, lambda: tell(READY))
    except BusyError:
        if ready is None:
            raise
        tell(BUSY)
    except (StarcoderError, OSError) as error:
        if ready is not None:
            tell(str(error).encode())
        raise


def announce(what: bytes) -> None:
    """Say to whoever runs it that it serves."""
    say("serving; Ctrl-C ends it")


def report_to(descriptor: int) -> Callable[[bytes], None]:
    """Tells the process at the other end of a pipe, once."""

    def tell(what: bytes) -> None:
        os.write(descriptor, what)
        os.close(descriptor)

    return tell

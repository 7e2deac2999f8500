"""The server on standard input and output, until its client leaves.

Standard input is read in a thread that nothing waits for: it may be a pipe, a socket or a file, and
if the client's process dies the server ends even though nobody has closed it.
"""

import asyncio
import logging
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from pygls.io_ import run_async

from starcoder_cli.errors import ProtocolError
from starcoder_cli.system.processes import is_alive
from starcoder_cli.terminal.output import write_bytes

if TYPE_CHECKING:
    from starcoder_cli.lsp.server import EditorServer

NOT_FOR_PEOPLE = (
    "`starcoder lsp` is started by an editor, and speaks the language server protocol with it"
)
NO_MESSAGE = f"standard input has no message: {NOT_FOR_PEOPLE}"
WHERE_TO_LOOK = "docs/lsp.md says how to set one up"

PARENT_POLL_SECONDS = 3.0
READ_BYTES = 1 << 16


class StandardOutput:
    """Sends messages to the client at once."""

    def write(self, data: bytes) -> None:
        """Write a message; ignored if the client has gone, as the end of the input will show."""
        with suppress(BrokenPipeError):
            write_bytes(data)

    def close(self) -> None:
        """Do nothing: others may still hold it."""


def serve(server: "EditorServer") -> int:
    """Answer the client at standard input until it leaves; returns the exit code of the process.

    Raises ProtocolError if no message came.
    """
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # the server logs it in one line
    asyncio.run(answer_messages(server))
    if not server.protocol.has_client:
        raise ProtocolError(NO_MESSAGE, WHERE_TO_LOOK)
    return 0 if server.protocol.is_shut_down else 1


async def answer_messages(server: "EditorServer") -> None:
    """Answer messages until the input ends, the client says so, or its process is gone."""
    reader = asyncio.StreamReader(limit=READ_BYTES)
    loop = asyncio.get_running_loop()
    threading.Thread(target=read_input, args=(reader, loop), daemon=True).start()
    server.protocol.set_writer(StandardOutput())
    answering = asyncio.create_task(
        run_async(
            server.protocol.ended, reader, server.protocol, error_handler=server.report_server_error
        )
    )
    watching = asyncio.create_task(wait_for_parent(server))
    await asyncio.wait([answering, watching], return_when=asyncio.FIRST_COMPLETED)
    server.stop()
    watching.cancel()
    answering.cancel()
    with suppress(asyncio.CancelledError, asyncio.IncompleteReadError):
        try:
            await answering
        except ValueError as error:  # in a header: errors in a message itself are logged
            raise ProtocolError(NO_MESSAGE, WHERE_TO_LOOK) from error


def read_input(reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop) -> None:
    """Pass on what arrives at standard input, up to its end."""
    with suppress(RuntimeError):  # the loop may have ended
        try:
            while data := os.read(sys.stdin.fileno(), READ_BYTES):
                loop.call_soon_threadsafe(reader.feed_data, data)
        except OSError:  # such as a terminal that is gone
            pass
        loop.call_soon_threadsafe(reader.feed_eof)


async def wait_for_parent(server: "EditorServer") -> None:
    """Wait until the client's process is gone; for ever if the client did not name it."""
    while server.process_id is None or is_alive(server.process_id):
        await asyncio.sleep(PARENT_POLL_SECONDS)

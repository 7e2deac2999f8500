"""The server's end of standard input and output, until its client leaves.

Standard input is read in a thread that nothing waits for: it may be a pipe, a socket or a file, and
where the client's process dies the server ends although nobody has closed it.
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

NOT_FOR_PEOPLE = "`starcoder lsp` speaks the language server protocol with an editor that starts it"
NO_MESSAGE = f"standard input has no message: {NOT_FOR_PEOPLE}"
WHERE_TO_LOOK = "docs/lsp.md says how to set one up"

PARENT_POLL_SECONDS = 3.0
READ_BYTES = 1 << 16


class StandardOutput:
    """Where messages go: to the client, each at once."""

    def write(self, data: bytes) -> None:
        """Write a message; nothing where the client is gone, as its end of the input will tell."""
        with suppress(BrokenPipeError):
            write_bytes(data)

    def close(self) -> None:
        """Nothing: others may still hold it."""


def serve(server: "EditorServer") -> int:
    """Answer the client at standard input until it leaves; the exit code of the process.

    Raises ProtocolError where no message came.
    """
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # the server says it in one line
    asyncio.run(answer_messages(server))
    if not server.protocol.has_client:
        raise ProtocolError(NO_MESSAGE, WHERE_TO_LOOK)
    return 0 if server.protocol.is_shut_down else 1


async def answer_messages(server: "EditorServer") -> None:
    """Answer each message until the input ends, the client says so, or its process is gone."""
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
        except ValueError as error:  # of a head: what is wrong with a message itself is logged
            raise ProtocolError(NO_MESSAGE, WHERE_TO_LOOK) from error


def read_input(reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop) -> None:
    """Hand on what arrives at standard input, up to its end."""
    with suppress(RuntimeError):  # the loop has ended meanwhile
        try:
            while data := os.read(sys.stdin.fileno(), READ_BYTES):
                loop.call_soon_threadsafe(reader.feed_data, data)
        except OSError:  # such as a terminal that is gone
            pass
        loop.call_soon_threadsafe(reader.feed_eof)


async def wait_for_parent(server: "EditorServer") -> None:
    """Wait until the process that the client said to be is gone; for ever where it said none."""
    while server.process_id is None or is_alive(server.process_id):
        await asyncio.sleep(PARENT_POLL_SECONDS)

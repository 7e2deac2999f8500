"""`starcoder stop`: the end of the server."""

from contextlib import suppress

from starcoder_cli.engines.server_model import LocalServer
from starcoder_cli.errors import BusyError, StarcoderError
from starcoder_cli.net.daemon import find_socket, kill_server, wait_until_stopped
from starcoder_cli.terminal.output import write_message

STOP_ANSWER_SECONDS = 5.0
STOP_END_SECONDS = 10.0


def stop() -> None:
    """End the server, and let its models go.

    Answers that it is making end first. One that does not answer is killed.
    """
    path = find_socket()
    if path is None:
        write_message("no server is running")
        return
    with suppress(StarcoderError):
        LocalServer(path).request_json("POST", "/stop", seconds=STOP_ANSWER_SECONDS)
    if not wait_until_stopped(STOP_END_SECONDS):
        kill_server(path)
    if not wait_until_stopped(STOP_END_SECONDS):
        raise BusyError("the server has not ended yet", "run this again in a moment")
    write_message("the server has ended")

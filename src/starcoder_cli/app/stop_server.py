"""Stops this user's server, whether it can answer or not."""

from contextlib import suppress
from pathlib import Path

from starcoder_cli.engines.server_model import LocalServer
from starcoder_cli.errors import BusyError, StarcoderError
from starcoder_cli.net.daemon import kill_server, wait_until_stopped

STOP_ANSWER_SECONDS = 5.0
STOP_END_SECONDS = 10.0


def stop_server(
    path: Path,
    answer_seconds: float = STOP_ANSWER_SECONDS,
    end_seconds: float = STOP_END_SECONDS,
) -> None:
    """Ask the server at a socket to stop, and kill it if it does not answer or exit in time.

    Raises BusyError if it is still there after that.
    """
    with suppress(StarcoderError):
        LocalServer(path).request_json("POST", "/stop", seconds=answer_seconds)
    if not wait_until_stopped(end_seconds):
        kill_server(path)
    if not wait_until_stopped(end_seconds):
        raise BusyError("the server has not ended yet", "run this again in a moment")

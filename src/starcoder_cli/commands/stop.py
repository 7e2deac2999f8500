"""`starcoder stop`: the end of the server."""

from contextlib import suppress

from starcoder_cli.engines.server_model import Endpoint
from starcoder_cli.errors import BusyError, StarcoderError
from starcoder_cli.net.daemon import end, ended, find
from starcoder_cli.terminal.output import say

ANSWER_SECONDS = 5.0
END_SECONDS = 10.0


def stop() -> None:
    """End the server, and let its models go.

    Answers that it is making end first. One that does not answer is killed.
    """
    path = find()
    if path is None:
        say("no server is running")
        return
    with suppress(StarcoderError):
        Endpoint(path).ask("POST", "/stop", seconds=ANSWER_SECONDS)
    if not ended(END_SECONDS):
        end(path)
    if not ended(END_SECONDS):
        raise BusyError("the server has not ended yet", "run this again in a moment")
    say("the server has ended")

"""`starcoder stop`: stop the server."""

from starcoder_cli.net.daemon import find_socket
from starcoder_cli.terminal.output import write_message


def stop() -> None:
    """Stop the server and unload its models.

    Answers in progress finish first. A server that does not respond is killed.
    """
    path = find_socket()
    if path is None:
        write_message("no server is running")
        return
    from starcoder_cli.app.stop_server import stop_server

    stop_server(path)
    write_message("the server has ended")

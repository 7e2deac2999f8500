"""`starcoder ps`: what people and programs read of the models that a server holds."""

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer

import pytest

from serving import runtime
from starcoder_cli.cli import main
from starcoder_cli.commands.ps import format_row, format_seconds
from starcoder_cli.net.daemon import SERVER_SOCKET
from starcoder_cli.wire.local_protocol import ModelStatus

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs unix sockets")
__all__ = ["runtime"]

HELD = ModelStatus("mine\x1b[31m", "llamacpp", 2048, 491_400_064, 61.4, 300.0, 3, 0)
ROW = ("mine\x1b[31m", "llama.cpp", "2048", "491 MB", "61 s ago", "in 5 min", "3", "")


@contextmanager
def answering(folder: Path, status: int, record: Mapping[str, object]) -> Iterator[None]:
    """A server at the socket of a folder that has one answer."""

    class Handler(BaseHTTPRequestHandler):
        """Gives the answer to whoever asks for the models."""

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:  # noqa: N802
            body = json.dumps(record if self.path == "/models" else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    folder.mkdir(mode=0o700)
    with UnixStreamServer(str(folder / SERVER_SOCKET), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "row"),
    [
        (HELD, ROW),
        (
            replace(HELD, until=None, engine="other"),
            (*ROW[:1], "other", *ROW[2:5], "never", "3", ""),
        ),
        (replace(HELD, busy=2), (*ROW[:5], "answering", "3", "")),
        (replace(HELD, until=None, busy=1, answers=0), (*ROW[:5], "answering", "0", "")),
    ],
)
def test_a_model_is_a_row_for_people(status: ModelStatus, row: tuple[str, ...]) -> None:
    assert format_row(status) == row


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3.0, "0 s"),
        (0.4, "0 s"),
        (89.4, "89 s"),
        (90.0, "2 min"),
        (5399.0, "90 min"),
        (5400.0, "2 h"),
        (86_400.0, "24 h"),
    ],
)
def test_a_time_is_told_in_the_unit_that_suits_it(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_models_are_told_in_lines_without_what_a_terminal_would_obey(
    runtime: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    held = {"models": [vars(HELD), vars(replace(HELD, model="other", until=None))]}
    with answering(runtime, 200, held):
        assert main(["ps"]) == 0
        first, second = capfd.readouterr().out.splitlines()
        assert main(["ps", "--json"]) == 0
    assert "\x1b" not in first and first.split("\t")[1:] == list(ROW[1:])
    assert second.split("\t")[0] == "other" and second.split("\t")[5] == "never"
    out, err = capfd.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == held["models"]
    assert err == ""


def test_a_server_without_models_is_told_from_no_server(
    runtime: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for words in (["ps"], ["ps", "--json"]):
        assert main(words) == 0
        assert capfd.readouterr() == ("", "no server is running\n")
    with answering(runtime, 200, {"models": []}):
        assert main(["ps"]) == 0
        assert capfd.readouterr() == ("", "the server has no model loaded\n")
        assert main(["ps", "--json"]) == 0
        assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("status", "record", "code", "told"),
    [
        (200, {"models": [{"name": "mine"}]}, 76, "this answer has another form"),
        (200, {}, 76, "this answer has another form"),
        (500, {"error": {"message": "it is full", "hint": "", "code": 71}}, 71, "it is full"),
    ],
)
def test_a_server_that_answers_otherwise_is_an_error(
    status: int,
    record: Mapping[str, object],
    code: int,
    told: str,
    runtime: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with answering(runtime, status, record):
        assert main(["ps"]) == code
    out, err = capfd.readouterr()
    assert out == "" and err.startswith(f"error: {told}")

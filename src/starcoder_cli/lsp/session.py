"""A session with one client: its options, its documents, and what it is told."""

from concurrent.futures import ThreadPoolExecutor

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from starcoder_cli import __version__
from starcoder_cli.lsp.options import EditorOptions
from starcoder_cli.lsp.protocol import EditorProtocol
from starcoder_cli.lsp.workspace import Workspace
from starcoder_cli.settings import APPLICATION_NAME
from starcoder_cli.terminal.output import write_message
from starcoder_cli.terminal.sanitize import to_one_line

MAX_THREADS = 8


class EditorSession(LanguageServer):
    """What answers to a client are made with; models are asked in its threads."""

    protocol: EditorProtocol

    def __init__(self, options: EditorOptions) -> None:
        super().__init__(
            APPLICATION_NAME,
            __version__,
            types.TextDocumentSyncKind.Incremental,
            protocol_cls=EditorProtocol,
            converter_factory=default_converter,
        )
        self.options = options
        self.documents = Workspace()
        self.executor = ThreadPoolExecutor(MAX_THREADS)
        self._last_logged = ""

    def log(self, text: str, kind: types.MessageType = types.MessageType.Log) -> None:
        """Say something in one line, here and in the client's log; the same thing once in a row."""
        line = to_one_line(text, 1000)
        if line != self._last_logged:
            self._last_logged = line
            write_message(line)
            self.window_log_message(types.LogMessageParams(kind, line))

    def report_server_error(self, error: Exception, source: object) -> None:
        """Say what went wrong with a message; its client may have been answered that or not."""
        self.log(f"error: {error}", types.MessageType.Error)

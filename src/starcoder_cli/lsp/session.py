"""A session with one client: its options, its documents, and its log."""

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
    """What answering a client needs; models are asked in its threads."""

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
        """Log one line, here and in the client; consecutive duplicates are dropped."""
        line = to_one_line(text, 1000)
        if line != self._last_logged:
            self._last_logged = line
            write_message(line)
            self.window_log_message(types.LogMessageParams(kind, line))

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what went wrong with a message, which may or may not have been answered."""
        self.log(f"error: {error}", types.MessageType.Error)

"""The protocol on top of pygls, with our own documents: pygls splits lines at the wrong places.

Malformed messages are answered with an error, and never stop the server.
"""

import threading
from collections.abc import Mapping
from typing import Any, Protocol, cast

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import JsonRPCNotification, JsonRPCRequestMessage, LanguageServerProtocol
from pygls.protocol.language_server import lsp_method

REQUEST_FAILED = -32803


class MessageHandler(Protocol):
    """A server that manages its own documents."""

    def open_document(self, item: types.TextDocumentItem) -> None:
        """Handle a document that the client has opened."""

    def change_document(self, params: types.DidChangeTextDocumentParams) -> None:
        """Handle an edit of a document by the client."""

    def close_document(self, uri: str) -> None:
        """Handle a document that the client has closed."""

    async def execute(self, params: types.ExecuteCommandParams) -> None:
        """Handle a command from the client."""


class EditorProtocol(LanguageServerProtocol):
    """Receives messages, and passes those about documents and commands to its server.

    All begin as tasks, in the order in which they came: a request reads the text as it was then.
    """

    def __init__(self, server: LanguageServer, converter: Any) -> None:
        super().__init__(server, converter)
        self._handler = cast(MessageHandler, server)
        self.ended = threading.Event()
        self.has_client = False
        self.is_shut_down = False

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Parse a message; one of an unknown kind keeps its parameters as they are."""
        self.has_client = self.has_client or "jsonrpc" in data
        method = data.get("method")
        if "jsonrpc" in data and method and self.get_message_type(method) is None:
            params, version = data.get("params"), data["jsonrpc"]
            if "id" in data:
                return JsonRPCRequestMessage(data["id"], method, version, params)
            return JsonRPCNotification(method, version, params)
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if method and isinstance(data.get("id"), str | int):
                self._send_response(data["id"], error=error.to_response_error())
            raise

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    async def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Pass on an opened document."""
        self._handler.open_document(params.text_document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    async def lsp_text_document__did_change(
        self, params: types.DidChangeTextDocumentParams
    ) -> None:
        """Pass on an edit."""
        self._handler.change_document(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    async def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Pass on a closed document."""
        self._handler.close_document(params.text_document.uri)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]  # pygls takes it too
        self, params: types.ExecuteCommandParams
    ) -> None:
        """Pass on a command."""
        await self._handler.execute(params)

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: object) -> Any:
        """Note that the client is about to leave."""
        self.is_shut_down = True
        yield from super().lsp_shutdown(*args)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: object) -> None:  # type: ignore[override]  # pygls takes it too
        """Note that the client has left."""
        self.ended.set()


def failure(sentence: str) -> JsonRpcException:
    """The error for a request that failed."""
    return JsonRpcException(sentence, REQUEST_FAILED)


def settings_of(value: object) -> Mapping[str, object]:
    """Our settings in a client's configuration: under our name, or at the top."""
    if not isinstance(value, Mapping):
        return {}
    ours = value.get("starcoder", value)
    return ours if isinstance(ours, Mapping) else {}

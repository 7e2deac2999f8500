"""The language server: completions, edits and settings. The warm server holds the model.

Everything runs on one event loop, and models are asked in threads: the editor never waits.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from starcoder_cli.lsp.completions import Completions
from starcoder_cli.lsp.edits import EDIT_COMMAND, EDIT_KIND, Edits
from starcoder_cli.lsp.options import Configure
from starcoder_cli.lsp.positions import choose_encoding
from starcoder_cli.lsp.protocol import failure, settings_of
from starcoder_cli.lsp.session import EditorSession
from starcoder_cli.settings import APPLICATION_NAME


class EditorServer(EditorSession):
    """The server for one client."""

    def __init__(self, configure: Configure) -> None:
        """`configure` turns the client's settings into options."""
        super().__init__(configure({}).options)
        self._configure = configure
        self._initial_settings: Mapping[str, object] = {}
        self._shown_problems: tuple[str, ...] = ()
        self._completions = Completions(self)
        self._edits = Edits(self)
        handlers: Mapping[str, Any] = {
            types.INITIALIZE: self.initialize,
            types.INITIALIZED: self.initialized,
            types.WORKSPACE_DID_CHANGE_CONFIGURATION: self.change_settings,
            "getCompletions": self._completions.copilot,
            "getCompletionsCycling": partial(self._completions.copilot, is_invoked=True),
        }
        for method, handler in handlers.items():
            self.feature(method)(partial(handler))
        inline = types.InlineCompletionOptions()
        self.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, inline)(
            partial(self._completions.inline)
        )
        kinds = types.CodeActionOptions(code_action_kinds=[EDIT_KIND])
        self.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)(partial(self._edits.actions))
        self.command(EDIT_COMMAND)(partial(self._edits.edit))

    def initialize(self, params: types.InitializeParams) -> None:
        """Read the client's capabilities; plain completions are for one without inline ones."""
        general, documents = params.capabilities.general, params.capabilities.text_document
        offered = general.position_encodings if general else None
        self.documents.encoding = choose_encoding(offered)
        if not (documents and documents.inline_completion):
            self.feature(types.TEXT_DOCUMENT_COMPLETION)(partial(self._completions.plain))
        self._initial_settings = settings_of(params.initialization_options)

    async def initialized(self, params: types.InitializedParams) -> None:
        """Start once the client is ready; it may have settings."""
        self._apply_settings({})
        await self._pull_settings()

    async def change_settings(self, params: types.DidChangeConfigurationParams) -> None:
        """Apply changed settings: those the client sends, or else ask for them."""
        if isinstance(params.settings, Mapping) and params.settings:
            self._apply_settings(settings_of(params.settings))
        else:
            await self._pull_settings()

    async def _pull_settings(self) -> None:
        """Ask the client for its settings, if it supports that."""
        workspace = self.client_capabilities.workspace
        if not (workspace and workspace.configuration):
            return
        asked = types.ConfigurationParams([types.ConfigurationItem(section=APPLICATION_NAME)])
        try:
            answer = await self.workspace_configuration_async(asked)
        except JsonRpcException as error:
            self.log(f"the editor does not tell its settings: {error.message}")
            return
        if answer and answer[0]:
            self._apply_settings(settings_of(answer[0]))

    def _apply_settings(self, settings: Mapping[str, object]) -> None:
        """Apply settings over the initial ones; an invalid one is left out, and reported once."""
        configured = self._configure({**self._initial_settings, **settings})
        self.options = configured.options
        for problem in configured.problems:
            if problem not in self._shown_problems:
                self.log(problem, types.MessageType.Warning)
                shown = types.ShowMessageParams(types.MessageType.Warning, f"starcoder: {problem}")
                self.window_show_message(shown)
        self._shown_problems = configured.problems

    def open_document(self, item: types.TextDocumentItem) -> None:
        """Open a document."""
        self.documents.open(item.uri, item.text, item.version, str(item.language_id))

    def change_document(self, params: types.DidChangeTextDocumentParams) -> None:
        """Apply the client's edits, and abandon completions for the old text."""
        document = self.documents.find(params.text_document.uri)
        if document is None:
            self.log(f"{params.text_document.uri} was changed, and is not open")
            return
        for change in params.content_changes:
            where = None
            if isinstance(change, types.TextDocumentContentChangePartial):
                where = change.range
            self.documents.change(document, where, change.text)
        document.version = params.text_document.version
        self._completions.give_up(document.uri)

    def close_document(self, uri: str) -> None:
        """Close a document."""
        self.documents.close(uri)
        self._completions.give_up(uri)

    async def execute(self, params: types.ExecuteCommandParams) -> None:
        """Run a command."""
        if params.command != EDIT_COMMAND:
            raise failure(f"there is no command {params.command!r}; there is {EDIT_COMMAND}")
        await self._edits.edit(*(params.arguments or ()))

    def stop(self) -> None:
        """Stop asking models."""
        self._completions.give_up()
        self.executor.shutdown(wait=False, cancel_futures=True)

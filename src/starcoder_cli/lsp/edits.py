"""Edits of a selection that follow an instruction, applied by the client."""

from collections.abc import Sequence
from functools import partial

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from starcoder_cli.errors import StarcoderError
from starcoder_cli.lsp import answers
from starcoder_cli.lsp.answers import Question
from starcoder_cli.lsp.arguments import read_edit
from starcoder_cli.lsp.documents import Document
from starcoder_cli.lsp.items import workspace_edit
from starcoder_cli.lsp.latest import run_in_thread
from starcoder_cli.lsp.progress import show_progress
from starcoder_cli.lsp.protocol import failure
from starcoder_cli.lsp.questions import question_of
from starcoder_cli.lsp.session import EditorSession

EDIT_COMMAND = "starcoder.edit"
EDIT_KIND = types.CodeActionKind.RefactorRewrite


class Edits:
    """Offers the configured edits for a selection, and makes any edit."""

    def __init__(self, session: EditorSession) -> None:
        self._session = session

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """The edits for a selection; none if it has no code, or the client wants other kinds."""
        document = self._session.documents.find(params.text_document.uri)
        if document is None or not is_wanted(params.context.only):
            return []
        question = question_of(self._session.documents, document, params.range)
        if not question.source.raw[question.span.start : question.span.end].strip():
            return []
        place = {"uri": document.uri, "range": params.range}
        return [
            types.CodeAction(
                f"starcoder: {each}",
                kind=EDIT_KIND,
                command=types.Command(
                    each, EDIT_COMMAND, arguments=[{**place, "instruction": each}]
                ),
            )
            for each in self._session.options.instructions
        ]

    async def edit(self, *arguments: object) -> None:
        """Rewrite a range of a document and have the client apply it.

        Raises an error for the client if that fails, or if the document has changed since.
        """
        found, session = read_edit(arguments), self._session
        if found is None:
            raise failure(f"{EDIT_COMMAND} takes one object with uri, range and instruction")
        uri, where, instruction = found
        document = session.documents.find(uri)
        if document is None:
            raise failure(f"{uri} is not open")
        version = document.version
        text = await self._ask(question_of(session.documents, document, where), instruction)
        if session.documents.find(uri) is not document or document.version != version:
            raise failure("the document has changed in the meantime; ask again")
        await self._apply(document, where, text, instruction)

    async def _ask(self, question: Question, instruction: str) -> str:
        """Ask for the new code; raises an error if there is none."""
        session, options = self._session, self._session.options
        call = partial(answers.edit, question, options, instruction)
        try:
            async with show_progress(session, "editing"):
                said = await run_in_thread(call, session.executor, options.timeout)
        except StarcoderError as error:
            raise failure(str(error)) from error
        except TimeoutError:
            raise failure(f"no answer came within {options.timeout:g} s") from None
        if not said.texts:
            raise failure(f"{said.model} has no other code for this")
        return said.texts[0]

    async def _apply(
        self, document: Document, where: types.Range, text: str, instruction: str
    ) -> None:
        """Have the client apply the new code; raises an error if it does not."""
        workspace = self._session.client_capabilities.workspace
        edits = workspace.workspace_edit if workspace else None
        edit = workspace_edit(
            document, where, text, is_versioned=bool(edits and edits.document_changes)
        )
        params = types.ApplyWorkspaceEditParams(edit, label=f"starcoder: {instruction}")
        try:
            applied = await self._session.workspace_apply_edit_async(params)
        except JsonRpcException as error:
            raise failure(f"the editor refused the edit: {error.message}") from error
        if not applied.applied:
            reason = applied.failure_reason or "it gave no reason"
            raise failure(f"the editor refused the edit: {reason}")


def is_wanted(kinds: Sequence[types.CodeActionKind | str] | None) -> bool:
    """Whether a client wants edits among code actions of these kinds; None means all kinds."""
    if kinds is None:
        return True
    names = [kind.value if isinstance(kind, types.CodeActionKind) else kind for kind in kinds]
    return "" in names or any(f"{EDIT_KIND.value}.".startswith(f"{name}.") for name in names)

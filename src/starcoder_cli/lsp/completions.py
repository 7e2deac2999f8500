"""Completions: only the latest request, after a pause without another."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from lsprotocol import types

from starcoder_cli.errors import StarcoderError
from starcoder_cli.lsp import answers
from starcoder_cli.lsp.answers import Answers, Question
from starcoder_cli.lsp.arguments import read_copilot_place
from starcoder_cli.lsp.items import (
    Spot,
    completion_items,
    copilot_items,
    inline_items,
    wants_snippets,
)
from starcoder_cli.lsp.latest import Latest, run_in_thread
from starcoder_cli.lsp.options import EditorOptions
from starcoder_cli.lsp.positions import LinePosition
from starcoder_cli.lsp.progress import show_progress
from starcoder_cli.lsp.questions import question_at
from starcoder_cli.lsp.session import EditorSession

NO_ANSWERS = Answers((), "")


class Completions:
    """Answers completion requests; returns nothing if the model has nothing to say, or fails."""

    def __init__(self, session: EditorSession) -> None:
        self._session = session
        self._latest: Latest[Answers] = Latest()

    def give_up(self, uri: str | None = None) -> None:
        """Abandon pending requests, for a document or for all."""
        self._latest.give_up(uri)

    async def inline(
        self, params: types.InlineCompletionParams
    ) -> list[types.InlineCompletionItem]:
        """Inline completions: several to choose from if a person asked for them."""
        context, spot = params.context, self._spot(params.text_document.uri, params.position)
        if spot is None:
            return []
        selected = context.selected_completion_info
        is_invoked = context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
        said = await self._answers(spot, params.position, is_invoked, selected)
        return inline_items(spot, said.texts, selected)

    async def plain(self, params: types.CompletionParams) -> types.CompletionList:
        """A completion for a list; the client should ask again after more typing."""
        spot = self._spot(params.text_document.uri, params.position)
        if spot is None:
            return types.CompletionList(is_incomplete=False, items=[])
        said = await self._answers(spot, params.position, is_invoked=False)
        as_snippets = wants_snippets(self._session.client_capabilities)
        items = completion_items(spot, said.texts, said.model, as_snippets=as_snippets)
        return types.CompletionList(is_incomplete=True, items=items)

    async def copilot(
        self, params: Mapping[str, object], is_invoked: bool = False
    ) -> Mapping[str, object]:
        """Completions in the form of Copilot's clients."""
        found = read_copilot_place(params)
        spot = self._spot(*found) if found else None
        if found is None or spot is None:
            return {"completions": []}
        said = await self._answers(spot, found[1], is_invoked)
        return {"completions": copilot_items(spot, said.texts)}

    def _spot(self, uri: str, position: LinePosition) -> Spot | None:
        """Where to insert text; None if the document is not open."""
        document = self._session.documents.find(uri)
        return Spot.of(document, position) if document else None

    async def _answers(
        self,
        spot: Spot,
        position: LinePosition,
        is_invoked: bool,
        selected: types.SelectedCompletionInfo | None = None,
    ) -> Answers:
        """The model's answers; none if it fails, or another request has arrived."""
        session = self._session
        document = session.documents.find(spot.uri)
        if document is None:
            return NO_ANSWERS
        question = partial(question_at, session.documents, document, position, selected)
        work = self._ask(question, session.options, is_invoked)
        try:
            return await self._latest.run(spot.uri, work) or NO_ANSWERS
        except StarcoderError as error:
            session.log(f"error: {error}", types.MessageType.Error)
        except TimeoutError:
            session.log(f"no answer came within {session.options.timeout:g} s")
        return NO_ANSWERS

    async def _ask(
        self, make_question: Callable[[], Question], options: EditorOptions, is_invoked: bool
    ) -> Answers:
        """Ask the model, after waiting for more typing unless a person asked."""
        if not is_invoked:
            await asyncio.sleep(options.debounce)
        call = partial(answers.complete, make_question(), options, is_invoked)
        async with show_progress(self._session, "completing"):
            said = await run_in_thread(call, self._session.executor, options.timeout)
        for note in said.notes:
            self._session.log(f"note: {note}")
        return said

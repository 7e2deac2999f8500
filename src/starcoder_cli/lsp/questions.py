"""Turn a place in an open document into a question for a model."""

from lsprotocol import types

from starcoder_cli import languages
from starcoder_cli.errors import UsageError
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, Span
from starcoder_cli.lsp.answers import Question
from starcoder_cli.lsp.documents import Document
from starcoder_cli.lsp.positions import LinePosition, LineRange
from starcoder_cli.lsp.uris import name_of, path_of
from starcoder_cli.lsp.workspace import Workspace


def question_at(
    workspace: Workspace,
    document: Document,
    position: LinePosition,
    selected: types.SelectedCompletionInfo | None = None,
) -> Question:
    """The question about a position: the empty range there.

    If the client shows a suggestion, the text is as if it had been accepted.
    """
    text, offset = document.text, document.offset_at(position)
    if selected:
        begin = document.offset_at(selected.range.start)
        end = max(begin, document.offset_at(selected.range.end))
        text = text[:begin] + selected.text + text[end:]
        offset = begin + len(selected.text)
    return question_about(workspace, document, text, Span(offset, offset))


def question_of(workspace: Workspace, document: Document, where: LineRange) -> Question:
    """The question about a range."""
    begin, end = document.offset_at(where.start), document.offset_at(where.end)
    return question_about(workspace, document, document.text, Span(begin, max(begin, end)))


def question_about(workspace: Workspace, document: Document, text: str, span: Span) -> Question:
    """The question about a range of a document's text."""
    source = Source(path_of(document.uri) or STANDARD_INPUT, text)
    language, others = language_name(document.language_id), workspace.others(document.uri)
    return Question(source, span, language, others, name_of(document.uri))


def language_name(language_id: str) -> str | None:
    """The language that an editor names; None if the file is a better source."""
    try:
        return languages.find_language(language_id).name if language_id else None
    except UsageError:
        return None

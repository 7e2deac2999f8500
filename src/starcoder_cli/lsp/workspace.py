"""The documents that a client has open, and the last places it edited.

Recent edits elsewhere are the best context for a hole.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from starcoder_cli.context.gather import remove_overlaps
from starcoder_cli.context.project import ProjectFiles
from starcoder_cli.context.selection import SEARCH_SECONDS
from starcoder_cli.context.similarity import find_most_similar, weigh_nearby_names
from starcoder_cli.context.snippets import ContextSnippet
from starcoder_cli.files.secrets import may_hold_secret
from starcoder_cli.files.source import find_file_metadata, to_model_text
from starcoder_cli.lsp.documents import Change, Document
from starcoder_cli.lsp.positions import DEFAULT_ENCODING, LineRange, PositionEncoding
from starcoder_cli.lsp.uris import name_of, path_of
from starcoder_cli.model import Hole

MAX_EDITS = 16
"""Maximum number of edited places to remember."""

LINES_AROUND = 8
"""Lines of context before and after an edit; edits this close count as one."""

MAX_SIMILAR_DOCUMENTS = 8
MAX_SEARCHED_LINES = 4000
"""How much of a document is searched for code like that at a hole."""


@dataclass(frozen=True)
class Edit:
    """The line of a document that was edited."""

    uri: str
    line: int


@dataclass(frozen=True)
class OpenText:
    """The text of another open document, or the lines around an edit in it.

    `document` is the whole text of that document.
    """

    uri: str
    text: str
    document: str
    first_line: int = 1
    is_edit: bool = False


class Workspace:
    """The open documents by URI, and their edits, the latest first."""

    def __init__(self) -> None:
        self.encoding: PositionEncoding = DEFAULT_ENCODING
        self._documents: dict[str, Document] = {}
        self._edits: list[Edit] = []

    def find(self, uri: str) -> Document | None:
        """Find an open document; None if it is not open."""
        return self._documents.get(uri)

    def open(self, uri: str, text: str, version: int | None, language_id: str) -> None:
        """Add a document that the client has opened."""
        self._documents[uri] = Document(uri, text, self.encoding, version, language_id)

    def close(self, uri: str) -> None:
        """Forget a document."""
        self._documents.pop(uri, None)
        self._edits = [edit for edit in self._edits if edit.uri != uri]

    def change(self, document: Document, where: LineRange | None, text: str) -> None:
        """Edit a document: a range of it, or all of it."""
        if where is None:
            document.replace_all(text)
            self._edits = [edit for edit in self._edits if edit.uri != document.uri]
        else:
            self._remember(document.uri, document.replace(where, text))

    def others(self, uri: str) -> tuple[OpenText, ...]:
        """The other documents: their latest edits first, then the documents themselves."""
        edited = (self._around(edit) for edit in self._edits if edit.uri != uri)
        recent = dict.fromkeys(edit.uri for edit in self._edits if edit.uri != uri)
        open_now = [each for each in reversed(self._documents) if each != uri]
        similar = list(dict.fromkeys([*recent, *open_now]))[:MAX_SIMILAR_DOCUMENTS]
        return (*edited, *map(self._beginning, similar))

    def _around(self, edit: Edit) -> OpenText:
        document, first = self._documents[edit.uri], max(0, edit.line - LINES_AROUND)
        text = document.lines_between(first, edit.line + LINES_AROUND + 1)
        return OpenText(edit.uri, text, document.text, first + 1, is_edit=True)

    def _beginning(self, uri: str) -> OpenText:
        document = self._documents[uri]
        return OpenText(uri, document.lines_between(0, MAX_SEARCHED_LINES), document.text)

    def _remember(self, uri: str, change: Change) -> None:
        """Put an edit first, shift those below it, and drop those near it."""
        first, last = change.line, change.line + change.written - 1
        end = change.line + change.removed
        kept = []
        for edit in self._edits:
            if edit.uri == uri and edit.line >= end:
                edit = replace(edit, line=edit.line + change.written - change.removed)
            is_near = first - LINES_AROUND <= edit.line <= last + LINES_AROUND
            if edit.uri != uri or not is_near:
                kept.append(edit)
        self._edits = [Edit(uri, max(first, last)), *kept][:MAX_EDITS]


def snippets_of(others: tuple[OpenText, ...], hole: Hole) -> tuple[ContextSnippet, ...]:
    """The snippets of other documents worth reading with a hole, best first.

    A document without an edit contributes the part most like the code there. Documents that may
    hold a secret are left out.
    """
    names = weigh_nearby_names(hole)
    is_secret = cache(may_hold_secret)

    def snippets() -> Iterator[ContextSnippet]:
        for other in others:
            path = path_of(other.uri)
            name = find_file_metadata(path).filename if path else name_of(other.uri)
            text = to_model_text(other.text)
            if not name or not text.strip() or is_secret(name, other.document):
                continue
            if other.is_edit:
                last = other.first_line + text.rstrip("\n").count("\n")
                yield ContextSnippet(name, text, other.first_line, last)
            elif similar := find_most_similar(name, text, names):
                yield similar

    return remove_overlaps(snippets())


def texts_of_project(others: tuple[OpenText, ...], path: str) -> tuple[OpenText, ...]:
    """The documents whose files could be included automatically with the file at a path."""
    project = ProjectFiles.for_file(path, SEARCH_SECONDS)
    paths = {other.uri: path_of(other.uri) for other in others}
    names = {uri: os.path.relpath(path, project.root) for uri, path in paths.items() if path}
    return tuple(
        other
        for other in others
        if (name := names.get(other.uri))
        and project.contains(name)
        and project.read_text(name) is not None
    )

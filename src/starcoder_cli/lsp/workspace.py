"""The documents that a client has open, and where in them it has edited last.

What somebody has just edited elsewhere is the best that a model can read beside a hole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from starcoder_cli.context.gather import remove_overlaps
from starcoder_cli.context.secrets import contains_secret, has_secret_name
from starcoder_cli.context.similarity import find_most_similar, weigh_nearby_names
from starcoder_cli.context.snippets import ContextSnippet
from starcoder_cli.files.source import find_file_metadata, to_model_text
from starcoder_cli.lsp.documents import Change, Document
from starcoder_cli.lsp.positions import DEFAULT_ENCODING, LineRange, PositionEncoding
from starcoder_cli.lsp.uris import name_of, path_of
from starcoder_cli.model import Hole

MAX_EDITS = 16
"""How many places are remembered where something was edited."""

LINES_AROUND = 8
"""So many lines before and after an edit are read with it; an edit so near another is the same."""

MAX_SIMILAR_DOCUMENTS = 8
MAX_SEARCHED_LINES = 4000
"""How much of a document is looked through for what is like the code at a hole."""


@dataclass(frozen=True)
class Edit:
    """The line of a document where something was edited."""

    uri: str
    line: int


@dataclass(frozen=True)
class OpenText:
    """The text of another open document, or of the lines around an edit of it."""

    uri: str
    text: str
    first_line: int = 1
    is_edit: bool = False


class Workspace:
    """The open documents, by URI, and the edits in them, the last first."""

    def __init__(self) -> None:
        self.encoding: PositionEncoding = DEFAULT_ENCODING
        self._documents: dict[str, Document] = {}
        self._edits: list[Edit] = []

    def find(self, uri: str) -> Document | None:
        """An open document; None where it is not open."""
        return self._documents.get(uri)

    def open(self, uri: str, text: str, version: int | None, language_id: str) -> None:
        """Take a document that the client has opened."""
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
        """What there is beside a document: the last edits of others, then those as they are."""
        edited = (self._around(edit) for edit in self._edits if edit.uri != uri)
        recent = dict.fromkeys(edit.uri for edit in self._edits if edit.uri != uri)
        open_now = [each for each in reversed(self._documents) if each != uri]
        whole = (
            OpenText(each, self._documents[each].lines_between(0, MAX_SEARCHED_LINES))
            for each in dict.fromkeys([*recent, *open_now])
        )
        return (*edited, *list(whole)[:MAX_SIMILAR_DOCUMENTS])

    def _around(self, edit: Edit) -> OpenText:
        first = max(0, edit.line - LINES_AROUND)
        text = self._documents[edit.uri].lines_between(first, edit.line + LINES_AROUND + 1)
        return OpenText(edit.uri, text, first + 1, is_edit=True)

    def _remember(self, uri: str, change: Change) -> None:
        """Put an edit first; those below it in its document move, one near it is the same."""
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
    """What of other documents is worth reading beside a hole, the best first.

    Of those without an edit it is what is most like the code there. What may hold a secret is
    left out.
    """
    names = weigh_nearby_names(hole)

    def snippets() -> Iterator[ContextSnippet]:
        for other in others:
            path = path_of(other.uri)
            name = find_file_metadata(path).filename if path else name_of(other.uri)
            text = to_model_text(other.text)
            if not name or has_secret_name(name) or contains_secret(text) or not text.strip():
                continue
            if other.is_edit:
                last = other.first_line + text.rstrip("\n").count("\n")
                yield ContextSnippet(name, text, other.first_line, last)
            elif similar := find_most_similar(name, text, names):
                yield similar

    return remove_overlaps(snippets())

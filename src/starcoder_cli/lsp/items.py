"""Answers in the forms that editors accept: inline, plain and Copilot completions, and edits."""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lsprotocol import types

from starcoder_cli.lsp.documents import Document, Place
from starcoder_cli.lsp.positions import LinePosition, LineRange

LABEL_CHARACTERS = 60
STRING_MARKS = ('"""', "'''", "`")
"""What opens and closes a string of several lines."""


@dataclass(frozen=True)
class Spot:
    """A place in a version of a document to insert at, with all that its items need.

    `word` is the part of a name before the place, `line` is everything before it on its line.
    """

    uri: str
    version: int | None
    position: types.Position
    word_start: types.Position
    line_start: types.Position
    word: str
    line: str

    @classmethod
    def of(cls, document: Document, position: LinePosition) -> "Spot":
        """The spot at a position, clamped to the text."""
        place = document.place_at(position)
        line = document.line_before(place)
        word = last_word(line)
        begin = Place(place.line, place.character - len(word))
        return cls(
            document.uri,
            document.version,
            position_of(document, place),
            position_of(document, begin),
            types.Position(place.line, 0),
            word,
            line,
        )


def position_of(document: Document, place: Place) -> types.Position:
    """A place as a position in the client's units."""
    return types.Position(place.line, document.units_before(place))


def last_word(line: str) -> str:
    """The part of a name at the end of a line."""
    end = len(line)
    while end and (line[end - 1].isalnum() or line[end - 1] == "_"):
        end -= 1
    return line[end:]


def inline_items(
    spot: Spot, texts: Iterable[str], selected: types.SelectedCompletionInfo | None
) -> list[types.InlineCompletionItem]:
    """Inline completions; a suggestion that the client shows is put before them."""
    where = selected.range if selected else types.Range(spot.position, spot.position)
    begin = selected.text if selected else ""
    return [types.InlineCompletionItem(begin + text, range=where) for text in texts]


def completion_items(
    spot: Spot, texts: Iterable[str], model: str, *, as_snippets: bool = False
) -> list[types.CompletionItem]:
    """Completions for a list, each labelled by its first line, which includes the current word."""
    where = types.Range(spot.word_start, spot.position)
    form = types.InsertTextFormat.Snippet if as_snippets else types.InsertTextFormat.PlainText
    wholes = [spot.word + text for text in texts]
    shown = [(whole, to_snippet(spot, whole) if as_snippets else whole) for whole in wholes]
    items = []
    for number, (whole, inserted) in enumerate(pair for pair in shown if pair[1]):
        first = whole.strip().partition("\n")[0].rstrip()
        label = first if len(first) <= LABEL_CHARACTERS else first[: LABEL_CHARACTERS - 1] + "…"
        items.append(
            types.CompletionItem(
                label,
                kind=types.CompletionItemKind.Text,
                detail=model,
                documentation=whole,
                filter_text=whole.partition("\n")[0].rstrip("\r") or whole,
                sort_text=f"{number:02}",
                insert_text_format=form,
                insert_text_mode=None if as_snippets else types.InsertTextMode.AsIs,
                text_edit=types.TextEdit(where, inserted),
            )
        )
    return items


def wants_snippets(able: types.ClientCapabilities) -> bool:
    """Whether a client inserts multi-line completions correctly only as snippets.

    That is so if it supports snippets but not the as-is insert mode: it then indents other lines
    like the first. Neovim 0.11 takes only a word of anything else.
    """
    lists = able.text_document.completion if able.text_document else None
    item = lists.completion_item if lists else None
    if item is None or not item.snippet_support:
        return False
    modes = item.insert_text_mode_support
    return modes is None or types.InsertTextMode.AsIs not in modes.value_set


def to_snippet(spot: Spot, text: str) -> str:
    """Convert a text to a snippet whose lines the client indents, up to the first dedent.

    Empty if that would be in a string: its lines must not be indented.
    """
    indent = spot.line[: len(spot.line) - len(spot.line.lstrip())]
    first, *others = text.replace("\r\n", "\n").split("\n")
    lines = [first]
    for line in others:
        if line.strip() and not line.startswith(indent):
            break
        lines.append(line.removeprefix(indent))
    kept = "\n".join(lines)
    if len(lines) <= len(others) and any(kept.count(mark) % 2 for mark in STRING_MARKS):
        return ""
    return re.sub(r"[\\$}]", r"\\\g<0>", kept)


def copilot_items(spot: Spot, texts: Iterable[str]) -> list[Mapping[str, object]]:
    """Completions in the form of `getCompletions`: the whole new line, and the added text."""
    return [
        {
            "uuid": str(uuid.uuid4()),
            "text": spot.line + text,
            "displayText": text,
            "range": types.Range(spot.line_start, spot.position),
            "position": spot.position,
            "docVersion": spot.version,
        }
        for text in texts
    ]


def workspace_edit(
    document: Document, where: LineRange, text: str, *, is_versioned: bool
) -> types.WorkspaceEdit:
    """The edit that replaces a range with a text, tied to this version if the client can."""
    start, end = document.place_at(where.start), document.place_at(where.end)
    inside = types.Range(position_of(document, start), position_of(document, end))
    edits = [types.TextEdit(inside, text)]
    if not is_versioned:
        return types.WorkspaceEdit(changes={document.uri: edits})
    name = types.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(name, edits)])

"""Answers in the forms that editors take."""

from lsprotocol import types

from starcoder_cli.lsp.documents import Document
from starcoder_cli.lsp.items import (
    LABEL_CHARACTERS,
    Spot,
    completion_items,
    copilot_items,
    inline_items,
    to_snippet,
    wants_snippets,
    workspace_edit,
)

DOCUMENT = Document("file:///a.py", "x = '😀' + naï\n", "utf-16", 4)
POSITION = types.Position(0, 14)
HERE = types.Range(POSITION, POSITION)


def spot() -> Spot:
    """The end of the line."""
    return Spot.of(DOCUMENT, POSITION)


def test_a_spot_counts_as_the_client_does() -> None:
    assert (spot().word, spot().word_start, spot().line) == (
        "naï",
        types.Position(0, 11),
        "x = '😀' + naï",
    )
    assert Spot.of(DOCUMENT, types.Position(9, 9)).position == types.Position(1, 0)


def test_inline_completions_stand_at_the_cursor_or_behind_a_suggestion() -> None:
    assert inline_items(spot(), ["ve", "f"], None) == [
        types.InlineCompletionItem("ve", range=HERE),
        types.InlineCompletionItem("f", range=HERE),
    ]
    where = types.Range(types.Position(0, 11), POSITION)
    selected = types.SelectedCompletionInfo(where, "naïvely")
    assert inline_items(spot(), ["()"], selected) == [
        types.InlineCompletionItem("naïvely()", range=where)
    ]


def test_a_completion_for_a_list_takes_the_place_of_the_word() -> None:
    long = "ve" + "x" * 80
    short, cut = completion_items(spot(), ["ve(\n    1)", long], "model")
    assert (short.label, short.filter_text, short.detail) == ("naïve(", "naïve(", "model")
    where = types.Range(types.Position(0, 11), POSITION)
    assert short.text_edit == types.TextEdit(where, "naïve(\n    1)")
    assert len(cut.label) == LABEL_CHARACTERS and cut.label.endswith("…")
    assert short.sort_text and cut.sort_text and short.sort_text < cut.sort_text


def test_a_completion_that_begins_with_a_line_end_has_a_label() -> None:
    document = Document("untitled:a", "x = [\n", "utf-16")
    (item,) = completion_items(Spot.of(document, types.Position(0, 5)), ["\n    1,\n]"], "m")
    assert (item.label, item.filter_text) == ("1,", "\n    1,\n]")


def test_a_completion_of_copilot_is_the_whole_line() -> None:
    (item,) = copilot_items(spot(), ["ve"])
    assert item["text"] == "x = '😀' + naïve"
    assert item["displayText"] == "ve"
    assert item["range"] == types.Range(types.Position(0, 0), POSITION)
    assert (item["position"], item["docVersion"]) == (POSITION, 4)


def test_an_edit_is_of_a_version_where_a_client_can_tell() -> None:
    where = types.Range(types.Position(0, 0), types.Position(0, 99))
    inside = types.Range(types.Position(0, 0), POSITION)
    plain = workspace_edit(DOCUMENT, where, "y", is_versioned=False)
    assert plain.changes == {"file:///a.py": [types.TextEdit(inside, "y")]}
    edit = workspace_edit(DOCUMENT, where, "y", is_versioned=True)
    assert edit.document_changes
    (change,) = edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    assert change.text_document.version == 4


def test_a_snippet_is_indented_by_the_client() -> None:
    """Neovim puts the indentation of the first line before each of the others."""
    document = Document("untitled:a", "if a:\n    x = ", "utf-16")
    spot = Spot.of(document, types.Position(1, 9))
    text = "{\r\n        'a$b': 'c\\d',\r\n\r\n    }\r\nx\r\n"
    assert to_snippet(spot, text) == "{\n    'a\\$b': 'c\\\\d',\n\n\\}"
    (item,) = completion_items(spot, ["{\n    }"], "m", as_snippets=True)
    assert isinstance(item.text_edit, types.TextEdit)
    assert (item.text_edit.new_text, item.insert_text_format) == (
        "{\n\\}",
        types.InsertTextFormat.Snippet,
    )


def test_snippets_are_for_clients_that_take_lines_no_other_way() -> None:
    def able(**item: object) -> types.ClientCapabilities:
        given = types.ClientCompletionItemOptions(**item)  # type: ignore[arg-type]
        lists = types.CompletionClientCapabilities(completion_item=given)
        return types.ClientCapabilities(
            text_document=types.TextDocumentClientCapabilities(completion=lists)
        )

    modes = types.ClientCompletionItemInsertTextModeOptions([types.InsertTextMode.AsIs])
    assert wants_snippets(able(snippet_support=True))
    assert not wants_snippets(able())
    assert not wants_snippets(able(snippet_support=True, insert_text_mode_support=modes))
    assert not wants_snippets(types.ClientCapabilities())


def test_a_string_of_several_lines_is_no_snippet() -> None:
    """Its lines would be indented, or the rest of it be missing."""
    document = Document("untitled:a", "if a:\n    ", "utf-16")
    spot = Spot.of(document, types.Position(1, 4))
    text = 'b = """\nx\n"""\n    return b'
    assert to_snippet(spot, text) == ""
    assert completion_items(spot, [text], "m", as_snippets=True) == []
    assert len(completion_items(spot, [text], "m")) == 1

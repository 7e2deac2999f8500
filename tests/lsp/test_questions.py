"""What is asked about a place: its text, what it is called, its language, and what else is open."""

from lsprotocol import types

from starcoder_cli.files.source import Span
from starcoder_cli.lsp.questions import language_name, question_at, question_of
from starcoder_cli.lsp.workspace import Workspace

FILE, UNTITLED = "file:///a/b%FF.py", "untitled:c"


def workspace() -> Workspace:
    """A file, and a document that is in none."""
    made = Workspace()
    made.open(FILE, "a = 1\n", 1, "python")
    made.open(UNTITLED, "SELECT 1\n", 1, "sql")
    return made


def test_a_file_is_called_by_its_path_and_others_are_beside_it() -> None:
    made = workspace()
    document = made.find(FILE)
    assert document
    question = question_at(made, document, types.Position(0, 2))
    assert question.source.name == "/a/b\udcff.py"
    assert (question.span, question.language) == (Span(2, 2), "python")
    assert [each.uri for each in question.others] == [UNTITLED]


def test_a_document_in_no_file_has_no_name() -> None:
    made = workspace()
    document = made.find(UNTITLED)
    assert document
    where = types.Range(types.Position(0, 7), types.Position(0, 8))
    question = question_of(made, document, where)
    assert (question.source.name, question.source.raw) == ("-", "SELECT 1\n")
    assert (question.span, question.language) == (Span(7, 8), "sql")
    backwards = types.Range(where.end, where.start)
    assert question_of(made, document, backwards).span == Span(8, 8)


def test_a_suggestion_is_as_if_it_was_accepted() -> None:
    made = workspace()
    document = made.find(FILE)
    assert document
    where = types.Range(types.Position(0, 0), types.Position(0, 1))
    selected = types.SelectedCompletionInfo(where, "answer")
    question = question_at(made, document, types.Position(0, 1), selected)
    assert (question.source.raw, question.span) == ("answer = 1\n", Span(6, 6))


def test_languages_of_editors() -> None:
    names = [language_name(each) for each in ("python", "shellscript", "typescriptreact", "", "?")]
    assert names == ["python", "shell", None, None, None]

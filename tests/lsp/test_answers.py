"""What a model answers to an editor: as the commands, with a way to break it off."""

from dataclasses import replace
from pathlib import Path

import pytest

from repositories import lay, repository
from serving import tiny_file
from sites import serving
from starcoder_cli.app.request import CandidateOptions
from starcoder_cli.commands.groups import FimEndpointFlags
from starcoder_cli.commands.lsp import EditorContextFlags, EditorFlags
from starcoder_cli.errors import DataError, UnavailableError, UsageError
from starcoder_cli.files.source import Source, Span
from starcoder_cli.infill import InfillOptions
from starcoder_cli.lsp.answers import Question, complete, edit, until_cancelled
from starcoder_cli.lsp.options import EditorOptions
from starcoder_cli.lsp.uris import uri_of
from starcoder_cli.lsp.workspace import OpenText
from starcoder_cli.net.cancellation import AbandonedError, Cancellation
from starcoder_cli.stream import Chunk, Stream

__all__ = ["tiny_file"]

CODE = "def f(x):\n    return x\n"
QUESTION = Question(Source("-", CODE), Span(10, 10), "python")


def options(**flags: object) -> EditorOptions:
    """Options for the model that writes its prompt back."""
    return replace(EditorFlags(model="echo").values(), **flags)  # type: ignore[arg-type]


def test_a_completion_is_what_the_command_says() -> None:
    answers = complete(QUESTION, options(), False, Cancellation())
    assert answers.texts == ("<fim_prefix>def f(x):\n<fim_suffix>    return x\n<fim_middle>",)
    assert (answers.model, answers.notes) == ("echo", ())


def test_several_answers_that_say_the_same_are_one() -> None:
    request = replace(options().request, candidates=CandidateOptions(3))
    answers = complete(QUESTION, options(request=request), True, Cancellation())
    assert len(answers.texts) == 1


def test_notes_of_the_road_come_along() -> None:
    request = replace(options().request, infill=InfillOptions(prompt_tokens=4))
    (note,) = complete(QUESTION, options(request=request), False, Cancellation()).notes
    assert "--max-prompt-tokens allows" in note


def test_an_edit_of_a_range() -> None:
    question = replace(QUESTION, span=Span(0, len(CODE)))
    answers = edit(question, options(), "Do it.", Cancellation())
    assert answers.texts == ("<|im_start|>user\nCode:",)  # echo: up to the fence of the code


def test_what_cannot_be_is_an_error() -> None:
    with pytest.raises(DataError, match="no code to edit"):
        edit(replace(QUESTION, span=Span(0, 0)), options(), "Do it.", Cancellation())
    request = replace(options().request, candidates=CandidateOptions(1, verify="true"))
    with pytest.raises(UsageError):
        complete(QUESTION, options(request=request), True, Cancellation())


def test_what_is_cancelled_asks_no_model() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(AbandonedError):
        complete(QUESTION, options(), False, cancellation)


def test_a_stream_breaks_off_where_it_is_cancelled() -> None:
    cancellation, closed = Cancellation(), []

    def chunks() -> Stream:
        try:
            yield Chunk("a")
            yield Chunk("b")
        finally:
            closed.append(True)

    stream = until_cancelled(chunks(), cancellation)
    assert next(stream).text == "a"
    cancellation.cancel()
    with pytest.raises(AbandonedError):
        next(stream)
    assert closed == [True]


def test_a_model_is_loaded_by_the_server_alone(
    tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none can be started, as in a folder whose name is too long, it is not loaded here."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    flags = EditorFlags(model=str(tiny_file), max_tokens=4)
    with pytest.raises(UnavailableError, match="no server holds"):
        complete(QUESTION, flags.values(), False, Cancellation())


@pytest.mark.parametrize(
    ("name", "text"),
    [("/a/.env", "DEBUG=\n"), (".env.local", "DEBUG=\n"), ("/a/b.py", "t = 'sk-" + "x1Y" * 12)],
)
def test_an_endpoint_is_not_asked_to_complete_what_may_hold_a_secret(name: str, text: str) -> None:
    question = Question(Source(name, text), Span(6, 6), name=name)
    with serving() as site:
        at_site = EditorFlags(endpoint=FimEndpointFlags(site.url)).values()
        answers = complete(question, at_site, True, Cancellation())
        assert (answers.texts, site.asked) == ((), [])
        assert answers.notes == (
            f"{name} looks as if it held a secret: the endpoint is not asked to complete it",
        )
        edit(replace(question, span=Span(0, 6)), at_site, "Do it.", Cancellation())
        assert site.asked
    assert complete(question, options(), True, Cancellation()).texts


def test_an_endpoint_gets_no_document_that_lies_outside_or_is_ignored(tmp_path: Path) -> None:
    text = "def total(price):\n    return price\n"
    files = {".gitignore": "private.py\n", "a.py": text, "b.py": text, "private.py": text}
    root = repository(tmp_path / "project", files)
    lay(tmp_path, {"outside.py": text})
    others = tuple(
        OpenText(uri_of(str(root / name)), f"# {name}\n", f"# {name}\n", is_edit=True)
        for name in ("b.py", "private.py", "../outside.py")
    )
    question = Question(Source(str(root / "a.py"), text), Span(22, 22), "python", others)
    context = EditorContextFlags(context=2.0)
    with serving() as site:
        at_site = EditorFlags(endpoint=FimEndpointFlags(site.url), context=context).values()
        complete(question, at_site, False, Cancellation())
        prompt = site.last().prompt
        assert "# b.py" in prompt
        assert "# private.py" not in prompt and "outside.py" not in prompt
    (here,) = complete(
        question, EditorFlags(model="echo", context=context).values(), False, Cancellation()
    ).texts
    assert "# private.py" in here and "outside.py" in here


def test_characters_that_broke_on_their_way_reach_no_editor() -> None:
    with serving(owner="somebody", pieces=("return '\ufffd'",)) as site:
        at_site = EditorFlags(endpoint=FimEndpointFlags(site.url)).values()
        with pytest.raises(DataError, match="that broke on their way"):
            complete(QUESTION, at_site, False, Cancellation())

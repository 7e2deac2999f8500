"""From a place to an answer that is shown and delivered, or to the prompt alone."""

from pathlib import Path

import pytest

from starcoder_cli.app.answer import run_answer, show_prompt, show_stream
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.edit import EditTask, edit_task
from starcoder_cli.app.request import CandidateOptions, Request
from starcoder_cli.cli import main
from starcoder_cli.errors import DataError, NegativeError
from starcoder_cli.files.source import Source, Span
from starcoder_cli.model import Hole, Prompt, Sampling
from starcoder_cli.stream import Chunk, Stream
from starcoder_cli.terminal.output import Messages

TEXT = "x = 1\n"
ECHO = Request("echo", Sampling())


class Recorder:
    """A view that remembers what it was told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def begin(self) -> None:
        """The text before it."""
        self.seen.append("begin")

    def show(self, text: str) -> None:
        """A piece."""
        self.seen.append(text)

    def close(self) -> None:
        """The text after it."""
        self.seen.append("close")

    def abandon(self) -> None:
        """It broke off."""
        self.seen.append("abandon")


def chunks(*texts: str, error: BaseException | None = None) -> Stream:
    """An answer of some pieces, which may break off."""
    yield from map(Chunk, texts)
    if error:
        raise error
    yield Chunk("", 0, "stop")


def test_an_answer_is_shown_between_a_beginning_and_an_end() -> None:
    view = Recorder()
    completion = show_stream(chunks("a", "", "b"), view, Messages())
    assert (completion.text, completion.reason) == ("ab", "stop")
    assert view.seen == ["begin", "a", "b", "close"]


def test_an_empty_answer_has_its_surroundings_too() -> None:
    view = Recorder()
    assert show_stream(chunks(), view, Messages()).text == ""
    assert view.seen == ["begin", "", "close"]


@pytest.mark.parametrize(
    ("texts", "seen"), [((), []), (("a", "b"), ["begin", "a", "b", "abandon"])]
)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), DataError("it broke")])
def test_an_answer_that_breaks_off_is_left_as_it_is(
    texts: tuple[str, ...], seen: list[str], error: BaseException
) -> None:
    view = Recorder()
    with pytest.raises(type(error)):
        show_stream(chunks(*texts, error=error), view, Messages())
    assert view.seen == seen


def test_a_prompt_is_shown_as_its_bytes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    show_prompt(Prompt(("a\udcff", "b\r\n"), forced_prefix=" c"), OutputOptions())
    assert capfdbinary.readouterr() == (b"a\xffb\r\n c", b"")
    show_prompt(Hole("a", "b"), OutputOptions(json=True))
    assert capfdbinary.readouterr() == ("a⟨gap⟩b".encode(), b"")


def test_an_answer_goes_to_standard_output_or_to_a_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source, out = Source("-", TEXT), tmp_path / "out.py"
    run_answer(source, source.end_span(), ECHO, OutputOptions())
    assert capfd.readouterr() == (TEXT, "")
    run_answer(source, source.end_span(), ECHO, OutputOptions(output=str(out)))
    assert (capfd.readouterr(), out.read_text()) == (("", ""), TEXT)


def test_where_no_candidate_passes_nothing_is_delivered(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.py"
    path.write_text(TEXT)
    request = Request("echo", Sampling(seed=7), candidates=CandidateOptions(1, "false"))
    source = Source.read(str(path))
    with pytest.raises(NegativeError, match="no candidate passes `false`"):
        run_answer(source, source.end_span(), request, OutputOptions(in_place=True))
    assert (capfd.readouterr().out, path.read_text()) == ("", TEXT)


def test_half_of_new_code_does_not_take_the_place_of_the_old(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.py"
    path.write_text(TEXT)
    source, request = Source.read(str(path)), Request("echo", Sampling(max_tokens=1))

    def change(source: Source, span: Span, request: Request, messages: Messages) -> EditTask:
        return edit_task(source, span, request, messages, "Change it.")

    with pytest.raises(DataError, match="the answer was cut off before its end"):
        run_answer(source, source.whole_span(), request, OutputOptions(in_place=True), change)
    assert path.read_text() == TEXT
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "words",
    [
        ["complete", "link.py"],
        ["fill", "link.py:1"],
        ["fill", "link.py:1", "--json"],
        ["edit", "link.py", "Mend it."],
        ["chat", "-f", "link.py", "Why?"],
        ["fill", "own.py:1", "-I", "link.py"],
        ["complete", "own.py", "-I", "link.py:1"],
    ],
)
def test_what_a_link_out_of_a_repository_leads_to_is_said_where_it_is_read(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    root, outside = tmp_path / "repository", tmp_path / "outside.py"
    (root / ".git").mkdir(parents=True)
    (root / "own.py").write_text("x = 1\n")
    outside.write_text("y = 2\n")
    (root / "link.py").symlink_to(outside)
    monkeypatch.chdir(root)
    note = f"note: link.py leads out of {root} by a link, to {outside}, which is read\n"
    assert main([*words, "-m", "echo"]) in (0, 65)
    assert capfd.readouterr().err.count(note) == 1
    assert main([*(word.replace("link.py", "own.py") for word in words), "-m", "echo"]) in (0, 65)
    assert "which is read" not in capfd.readouterr().err

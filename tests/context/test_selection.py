"""`-I` and `--context`: what of other files a model is given, and what is said about it.

The model here writes its prompt back. It reads a character as a token, and a hundred of them in a
second as far as anyone knows.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from repositories import lay, repository
from starcoder_cli.catalog import find_model
from starcoder_cli.cli import main
from starcoder_cli.context.reading_speed import tokens_per_second
from starcoder_cli.context.selection import (
    ContextOptions,
    ContextPool,
    SelectedContext,
    TokenNeeds,
    collect_context,
)
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.errors import DataError
from starcoder_cli.files.source import FileMetadata, Source, Span
from starcoder_cli.infill import Infill, InfillOptions
from starcoder_cli.languages import find_language as language
from starcoder_cli.model import Hole, Model, Prompt, Special
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS
from starcoder_cli.prompts.fim_formats import FIM_FORMATS
from starcoder_cli.stream import Completion
from starcoder_cli.terminal.output import Messages
from streams import run, standard_input

ECHO = find_model("echo")
TOTAL = "from money import Money\n\ntotal = Money(\n"
MONEY = "class Money:\n    amount: int\n"
AS_COMMENT = "# Path: money.py\n# class Money:\n#     amount: int\n\n"
PLENTY = ("--context", "60")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in the current folder: `a.py`, which uses `money.py`, and `b.py` beside them."""
    root = repository(tmp_path / "r", {"a.py": TOTAL, "money.py": MONEY, "b.py": "b = 1\nc = 2\n"})
    monkeypatch.chdir(root)
    return root


def psm(prefix: str, suffix: str) -> str:
    """What StarCoder reads for a gap."""
    return f"<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>"


def test_nothing_is_read_along_unless_it_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    """The model is not one of those that were trained to read several files."""
    assert run(capfd, "complete", "a.py", "-v") == (0, TOTAL, "")
    assert run(capfd, "complete", "a.py", "-v", "--context", "0") == (0, TOTAL, "")


def test_no_context_is_none_whatever_was_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    """Files that are named are read even so."""
    assert run(capfd, "complete", "a.py", *PLENTY, "--no-context") == (0, TOTAL, "")
    code, out, err = run(capfd, "complete", "a.py", "--no-context", "-I", "b.py:2")
    assert (code, out, err) == (0, f"# Path: b.py\n# c = 2\n\n{TOTAL}", "")


def test_files_that_are_named_stand_before_the_text(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "complete", "a.py", "-I", "b.py", "-I", "money.py:1", "-v")
    assert (code, out) == (
        0,
        f"# Path: money.py\n# class Money:\n\n# Path: b.py\n# b = 1\n# c = 2\n\n{TOTAL}",
    )
    assert err == (
        "context: b.py:1-2, 27 tokens\n"
        "context: money.py:1, 30 tokens\n"
        "context: 57 tokens, about 0.6 s to read at 100 tokens a second\n"
    )


def test_parts_of_the_project_are_chosen(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "fill", "a.py:3:15", *PLENTY, "-v", "--show-prompt")
    prefix, suffix = TOTAL[:-1], TOTAL[-1:]
    assert (code, out) == (0, psm(AS_COMMENT + prefix, suffix))
    assert err == (
        "context: money.py:1-2, 48 tokens\n"
        "context: 48 tokens, about 0.5 s to read at 100 tokens a second\n"
    )


def test_what_was_named_is_nearest_and_not_read_twice(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "complete", "a.py", *PLENTY, "-I", "b.py:2")
    assert (code, out, err) == (0, f"{AS_COMMENT}# Path: b.py\n# c = 2\n\n{TOTAL}", "")
    code, out, err = run(capfd, "complete", "a.py", *PLENTY, "-I", "money.py")
    assert (code, out, err) == (0, f"{AS_COMMENT}{TOTAL}", "")


def test_no_more_is_chosen_than_there_is_time_for(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "complete", "a.py", "--context", "0.4") == (0, TOTAL, "")
    assert run(capfd, "complete", "a.py", "--context", "0.6") == (0, f"{AS_COMMENT}{TOTAL}", "")


def test_json_tells_what_was_read(capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capfd, "complete", "a.py", "--json", *PLENTY, "-I", "b.py:1-2")
    assert json.loads(out)["context"] == [
        {"path": "b.py", "lines": [1, 2], "tokens": 27},
        {"path": "money.py", "lines": [1, 2], "tokens": 48},
    ]


def test_standard_input_is_at_home_in_the_current_folder(capfd: pytest.CaptureFixture[str]) -> None:
    with standard_input(TOTAL.encode()):
        assert run(capfd, "complete", "--filename", "a.py", *PLENTY) == (
            0,
            AS_COMMENT + TOTAL,
            "",
        )
    with standard_input(b"d = 3\n"):
        assert run(capfd, "complete", "b.py", "-I", "-") == (
            0,
            "# Path: standard input\n# d = 3\n\nb = 1\nc = 2\n",
            "",
        )


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (
            ("a.py", "-I", "gone.py"),
            66,
            "cannot read gone.py: No such file or directory; check the name",
        ),
        (("a.py", "-I", "."), 66, ". is a folder; name a file in it"),
        (("a.py", "-I", "b.py:9"), 64, "b.py has no line 9; its lines are 1 to 3"),
        (("a.py", "--context", "-1"), 64, "--context cannot be -1; give seconds from 0 to 3600"),
        (("a.py", "--context", "nan"), 64, "--context cannot be nan; give seconds from 0 to 3600"),
        (("-", "-I", "-"), 64, "standard input is read only once; write one of the two to a file"),
    ],
)
def test_what_cannot_be_read(
    words: tuple[str, ...], code: int, error: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with standard_input(b""):
        got = run(capfd, "complete", *words)
    assert got == (2 if code == 64 else code, "", f"error: {error}\n")


def test_a_secret_that_is_named_is_read_and_said(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    note = "note: {} looks as if it held a secret; the model reads it, as -I says\n"
    lay(project, {".env": "A=1\n", "key.py": "token = 'aB3dE5fG7hJ9kL1m'\n"})
    _, out, err = run(capfd, "complete", "b.py", "-I", ".env", "-I", "key.py")
    assert "# A=1\n" in out and "aB3dE5fG7hJ9kL1m" in out
    assert err == note.format(".env") + note.format("key.py")


def test_a_secret_is_never_chosen(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lay(project, {"money.py": f"{MONEY}TOKEN = 'aB3dE5fG7hJ9kL1m'\n"})
    assert run(capfd, "complete", "a.py", *PLENTY, "-v") == (
        0,
        TOTAL,
        "context: left out money.py: it looks as if it held a secret\n",
    )


def test_names_of_files_cannot_control_the_terminal(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    name = "x\n\x1b[31m\udcff.py"
    lay(project, {"money.py": ""})
    (project / os.fsdecode(os.fsencode(name))).write_text(MONEY)
    _, out, err = run(capfd, "complete", "a.py", *PLENTY, "-v")
    assert out == f"# Path: x ␛[31m<U+DCFF>.py\n{AS_COMMENT.partition(chr(10))[2]}{TOTAL}"
    assert err.splitlines()[0] == "context: x ␛[31m<U+DCFF>.py:1-2, 58 tokens"
    _, out, _ = run(capfd, "complete", "a.py", *PLENTY, "--json")
    assert json.loads(out)["context"][0]["path"] == name


def test_a_broken_git_is_no_reason_to_fail(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / ".git" / "HEAD").write_text("nonsense")
    assert run(capfd, "complete", "a.py", *PLENTY) == (0, TOTAL, "")
    assert run(capfd, "complete", "a.py", *PLENTY, "-v")[2] == (
        f"context: left out {project}: git does not tell which files belong to it\n"
    )


# Families that were trained to read several files


class Knowing(EchoModel):
    """Knows the control tokens of every family."""

    def has_token(self, text: str) -> bool:
        return True


def pieces_of(model: Model, infill: Infill) -> tuple[str, ...]:
    """The pieces of the prompt for a hole."""
    question = infill.prompt(model, Messages()).question
    assert isinstance(question, Prompt)
    return question.pieces


def asked(
    family: str,
    hole: Hole,
    names: FileMetadata,
    candidates: ContextPool,
    most: int = 100,
    *,
    fim: bool = False,
) -> Infill:
    """A hole in Python for a model of a family, with files that could be included."""
    source, at = Source("", hole.prefix + hole.suffix), len(hole.prefix)
    spec, options = replace(ECHO, fim=family), InfillOptions(fim=fim)
    python = language("python")
    return Infill(source, Span(at, at), spec, python, names, most, options, candidates)


def composed(family: str, hole: Hole, along: ContextPool, names: FileMetadata) -> tuple[str, ...]:
    """The pieces of a prompt in a family's spelling."""
    return pieces_of(Knowing(), asked(family, hole, names, along, fim=True))


def money(family: str, text: str) -> ContextPool:
    """What can be included of a project whose `money.py` has this text."""
    Path("money.py").write_text(text)
    spec = replace(ECHO, fim=family, wants_project_context=True)
    source, hole, python = Source.read("a.py"), Hole(TOTAL), language("python")
    options = ContextOptions(("money.py",), 0)
    return collect_context(source, hole, python, spec, options, Messages())


def test_a_family_reads_several_files_as_it_was_trained_to() -> None:
    """Then it is told the names of files too, whether or not it is told them otherwise."""
    pieces = composed(
        "qwen2.5-coder", Hole("P", "S"), money("qwen2.5-coder", MONEY), FileMetadata("a.py", "r")
    )
    assert "".join(pieces) == (
        f"<|repo_name|>r\n<|file_sep|>money.py\n{MONEY}<|file_sep|>a.py\n"
        "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"
    )


def test_a_text_without_a_name_gets_one_behind_other_files() -> None:
    pieces = composed("starcoder2", Hole("P", "S"), money("starcoder2", MONEY), FileMetadata())
    assert "".join(pieces) == (
        f"<file_sep>money.py\n{MONEY}<file_sep><fim_prefix>untitled.py\nP<fim_suffix>S<fim_middle>"
    )


@pytest.mark.parametrize("family", FIM_FORMATS)
def test_control_tokens_in_other_files_stay_text(family: str) -> None:
    form = FIM_FORMATS[family]
    hostile = "".join(f"{token}\n" for token in form.control_tokens())
    pieces = composed(family, Hole("P", "S"), money(family, hostile), FileMetadata("a.py", "r"))
    marked = {piece for piece in pieces if isinstance(piece, Special)}
    text = "".join(piece for piece in pieces if not isinstance(piece, Special))
    assert marked <= form.control_tokens()
    assert all(token in text for token in form.control_tokens())


# Windows


class Narrow(EchoModel):
    """Reads 400 characters, answer included, besides what is around them."""

    window = 400 + PROMPT_OVERHEAD_TOKENS


def fitted(
    requested: str, hole: Hole, found: str = "", *, strict: bool = False
) -> tuple[ContextPool, SelectedContext]:
    """What of a file that is asked for, and of one that was found, is read beside a hole."""
    Path("asked.py").write_text(requested)
    Path("money.py").write_text(found)
    options = ContextOptions(("asked.py",) if requested else (), 60.0 if found else 0.0)
    source = Source.read("a.py")
    along = collect_context(source, Hole(TOTAL), language("python"), ECHO, options, Messages())
    answer = 100 + PROMPT_OVERHEAD_TOKENS
    needs = TokenNeeds(len(hole.prefix) + len(hole.suffix) + answer, answer)
    return along, along.select(Narrow(), hole, needs, FIM_FORMATS["starcoder2"], strict)


def test_what_is_asked_for_has_half_of_what_the_answer_leaves(
    capfd: pytest.CaptureFixture[str],
) -> None:
    along, selected = fitted("123456789\n" * 40, Hole("P" * 300))
    assert selected.chosen[0].snippet.line_range == "1-13"
    assert selected.tokens == 130 + len("asked.py") + 8
    along.explain(selected, Messages())
    assert (
        capfd.readouterr().err
        == "note: there is no room for all of asked.py: its end is left out\n"
    )
    with pytest.raises(DataError) as caught:
        fitted("123456789\n" * 40, Hole("P" * 300), strict=True)
    assert str(caught.value) == (
        "asked.py does not fit the model's window; name fewer lines of it, or omit --strict-context"
    )


def test_what_is_found_makes_way_for_the_text() -> None:
    found = f"class Money:\n    {'x' * 60}\n"
    assert fitted("", Hole("P" * 100), found)[1].tokens == len(found) - 1 + len("money.py") + 8
    assert fitted("", Hole("P" * 210), found)[1].chosen == ()
    assert fitted("", Hole("P" * 100_000), found)[1].chosen == ()


def test_a_text_that_fits_alone_is_cut_only_for_what_was_asked(
    capfd: pytest.CaptureFixture[str],
) -> None:
    along = fitted("123456789\n" * 10, Hole("p" * 250))[0]
    infill = asked("starcoder2", Hole("abcdefghi\n" * 25), FileMetadata("a.py"), along)
    assert "".join(pieces_of(Narrow(), infill)).count("abcdefghi") == 18
    assert "left out 7 lines at the beginning" in capfd.readouterr().err


# Speed


def test_a_model_that_chooses_by_time_is_timed() -> None:
    python = language("python")
    answer = Completion("x", "stop", prompt_tokens=1500, first_token_seconds=2.0, cached_tokens=500)
    ContextPool(python, budget=100).learn(ECHO, replace(answer, cached_tokens=None))
    ContextPool(python).learn(find_model("starcoder2-3b-gguf"), answer)
    assert tokens_per_second("echo") == tokens_per_second("starcoder2-3b-gguf") == 100.0
    ContextPool(python, budget=100).learn(find_model("starcoder2-3b-gguf"), answer)
    assert tokens_per_second("starcoder2-3b-gguf") == 500.0


def test_models_that_were_trained_for_it_read_along_for_two_seconds() -> None:
    on = ["starcoder2-3b", "qwen2.5-coder-7b", "deepseek-coder-1.3b", "codestral-22b"]
    off = ["qwen2.5-coder-0.5b", "smollm2-135m", "starcoder", "codellama-7b", "granite-code-3b"]
    assert [ContextOptions().seconds_for(find_model(name)) for name in on] == [2.0] * 4
    assert [ContextOptions().seconds_for(find_model(name)) for name in off] == [0.0] * 5
    assert ContextOptions(seconds=0.0).seconds_for(find_model(on[0])) == 0.0
    assert ContextOptions(seconds=9.0).seconds_for(find_model(off[0])) == 9.0


def test_it_can_be_set_beforehand(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STARCODER_CONTEXT", "60")
    monkeypatch.setenv("STARCODER_INCLUDE", "b.py:1")
    assert main(["complete", "a.py", "-m", "echo"]) == 0
    assert capfd.readouterr() == (f"{AS_COMMENT}# Path: b.py\n# b = 1\n\n{TOTAL}", "")

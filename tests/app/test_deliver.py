"""Where an answer goes: into its file, a patch, a record, another file, and what excludes what.

The model here writes its prompt back; cut after one token, that is `<fim_prefix>`.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from processes import shell, terminal
from starcoder_cli.app.deliver import Delivery, OutputOptions, plan_delivery
from starcoder_cli.errors import DataError
from starcoder_cli.files.source import Source, Span
from streams import run, run_binary, standard_input

TEXT = "one\ntwo\nthree\n"
FILLED = "one\n<fim_prefix>\nthree\n"
PATCH = """\
--- a/a.py
+++ b/a.py
@@ -1,3 +1,3 @@
 one
-two
+<fim_prefix>
 three
"""
SHORT = ("--max-tokens", "1")
NOTHING = ("--stop", "<")  # the answer ends before it begins
NOTE = "note: echo returned an empty completion\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `a.py` in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(TEXT)
    return tmp_path


def text(name: str = "a.py") -> str:
    """What is in a file."""
    return Path(name).read_bytes().decode()


def test_fill_in_place_changes_the_file_and_says_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run(capfd, "fill", "a.py:2", "--in-place", *SHORT) == (0, "", "")
    assert text() == FILLED


def test_complete_in_place_adds_to_the_file(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "complete", "a.py:1", "-i", *SHORT) == (0, "", "")
    assert text() == "one<fim_prefix>\ntwo\nthree\n"


def test_in_place_at_a_marker(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "fill", "a.py", "--at", "two", "-i", *SHORT) == (0, "", "")
    assert text() == FILLED


def test_in_place_at_a_terminal_shows_the_change() -> None:
    session = terminal("fill", "a.py:2", "-m", "echo", "-i", *SHORT, NO_COLOR="")
    assert session.lines == tuple(PATCH.splitlines())
    assert b"\x1b[31m-two\x1b[0m\r\n\x1b[32m+<fim_prefix>\x1b[0m\r\n" in session.raw
    assert text() == FILLED


def test_no_answer_changes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    before = Path("a.py").stat()
    assert run(capfd, "fill", "a.py:2", "-i", *NOTHING) == (0, "", NOTE)
    assert run(capfd, "fill", "a.py:2", "--diff", *NOTHING) == (0, "", NOTE)
    after = Path("a.py").stat()
    assert (text(), after.st_ino, after.st_mtime_ns) == (TEXT, before.st_ino, before.st_mtime_ns)


def test_a_patch(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "fill", "a.py:2", "--diff", *SHORT) == (0, PATCH, "")
    assert text() == TEXT


def test_a_patch_at_a_terminal_has_colours_and_nothing_that_a_terminal_obeys(
    folder: Path,
) -> None:
    (folder / "a.py").write_bytes(b"\x1b[2J\r\ntwo\r\nthree\xff")
    session = terminal("fill", "a.py:2", "-m", "echo", "--diff", *SHORT, NO_COLOR="", TERM="xterm")
    assert session.lines == (
        *("--- a/a.py", "+++ b/a.py", "@@ -1,3 +1,3 @@", " ␛[2J", "-two", "+<fim_prefix>"),
        *(" three<U+DCFF>", "\\ No newline at end of file"),
    )
    assert b"\x1b[1m--- a/a.py\x1b[0m\r\n" in session.raw
    assert b"\x1b[36m@@ -1,3 +1,3 @@\x1b[0m\r\n" in session.raw
    plain = terminal("fill", "a.py:2", "-m", "echo", "--diff", *SHORT, TERM="dumb")
    assert (plain.lines, b"\x1b" in plain.raw) == (session.lines, False)


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
@pytest.mark.parametrize("name", ["a.py", "two words é.py", 'x/\t"q\\.py', "x/\udcff\n.py"])
def test_git_applies_a_patch(
    name: str, folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Line ends, other encodings and a missing newline are kept; names are quoted as git does."""
    raw = b"\xef\xbb\xbfone\r\nt\xffwo\nthree"
    Path("x").mkdir()
    Path(name).write_bytes(raw)
    code, patch, err = run_binary(capfdbinary, "fill", f"{name}:3", "--diff", *SHORT)
    assert (code, err) == (0, b"")
    for words in (["--check"], []):
        command = ["git", "apply", "--whitespace=nowarn", *words]
        done = subprocess.run(command, input=patch, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    assert Path(name).read_bytes() == raw.replace(b"three", b"<fim_prefix>")


def test_a_patch_names_the_file_from_the_current_folder(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A link is not named: `git apply` would not follow it."""
    (folder / "x").mkdir()
    (folder / "x" / "link").symlink_to(folder / "a.py")
    for name in (str(folder / "a.py"), "./a.py", "x/../a.py", "x/link"):
        assert run(capfd, "fill", f"{name}:2", "--diff", *SHORT) == (0, PATCH, "")


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
@pytest.mark.parametrize("inside", [True, False], ids=["repository", "folder"])
@pytest.mark.parametrize("name", ["m.py", "other/two words.py", 'é\t".py', "m\udcff.py", "link"])
def test_a_patch_for_a_file_elsewhere_applies_at_the_top(
    name: str, inside: bool, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    if inside:
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for folder in ("other", "here"):
        (tmp_path / folder).mkdir()
    path, real = tmp_path / name, tmp_path / ("real.py" if name == "link" else name)
    real.write_text("one\ntwo\n")
    if name == "link":
        path.symlink_to("real.py")
    os.chdir(tmp_path / "here")
    top = tmp_path if inside else real.parent
    for place in (f"../{name}", str(path)):
        code, patch, err = run_binary(capfdbinary, "fill", f"{place}:2", "--diff", *SHORT)
        assert (code, err.decode()) == (
            0,
            f"note: the paths in the patch are relative to {top}: apply it there\n",
        )
    subprocess.run(["git", "apply"], input=patch, cwd=top, check=True)
    assert real.read_text() == "one\n<fim_prefix>\n"


def test_a_patch_for_standard_input_needs_a_name(capfd: pytest.CaptureFixture[str]) -> None:
    command = ("fill", "-", "--at", "two", "--diff", *SHORT)
    with standard_input(TEXT.encode()):
        error = "error: --diff needs the name of a file; give it with --filename\n"
        assert run(capfd, *command) == (2, "", error)
    with standard_input(TEXT.encode()):
        assert run(capfd, *command, "--filename", "a.py") == (0, PATCH, "")


def test_standard_input_cannot_be_changed(capfd: pytest.CaptureFixture[str]) -> None:
    with standard_input(TEXT.encode()):
        assert run(capfd, "complete", "--in-place") == (
            2,
            "",
            "error: --in-place needs a file; name one instead of piping text in\n",
        )


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ((), "<fim_prefix>"),
        (("--echo",), FILLED),
        (("--diff",), PATCH),
    ],
)
def test_another_file_takes_what_would_be_printed(
    words: tuple[str, ...], written: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in ("created", "replaced"):
        assert run(capfd, "fill", "a.py:2", "-o", "out", *SHORT, *words) == (0, "", "")
        assert (text("out"), text()) == (written, TEXT)
    assert run(capfd, "fill", "a.py:2", "--output", "-", *SHORT, *words) == (0, written, "")


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("words", ["fill a.py:2", "fill --batch holes"])
def test_a_log_keeps_what_is_in_it(words: str, name: str) -> None:
    """A descriptor is written to; a file that took the log's name would have lost its lines."""
    Path("link").symlink_to("/dev/stdout")
    Path("holes").write_text('{"place": "a.py:2"}\n')
    Path("log").write_text("earlier\n")
    answer = f"starcoder {words} -m echo --max-tokens 1 --raw -o {name}"
    done = shell(f"({answer}; echo later) >> log")
    first, *answer_lines, last = text("log").splitlines()
    assert (done.stderr, first, last[-5:]) == (b"", "earlier", "later")
    assert "".join((*answer_lines, last)).count("<fim_prefix>") == 1


def test_a_program_reads_the_answer() -> None:
    """What the shell makes of `>(...)` is a pipe."""
    done = shell("starcoder fill a.py:2 -m echo --max-tokens 1 -o >(cat > got); wait $!; cat got")
    assert (done.stdout, done.stderr) == (b"<fim_prefix>", b"")


def test_another_file_takes_a_record(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "fill", "a.py:2", "--output", "out", *SHORT, "--json") == (0, "", "")
    assert json.loads(text("out"))["text"] == "<fim_prefix>"


def test_an_empty_answer_makes_an_empty_file(capfd: pytest.CaptureFixture[str]) -> None:
    Path("out").write_text("before")
    assert run(capfd, "fill", "a.py:2", "-o", "out", *NOTHING) == (0, "", NOTE)
    assert text("out") == ""


def test_in_place_with_a_record(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "fill", "a.py:2", "-i", *SHORT, "--json")
    assert (code, json.loads(out)["text"], err, text()) == (0, "<fim_prefix>", "", FILLED)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("--diff", "--echo"),
        ("--diff", "--in-place"),
        ("--diff", "--json"),
        ("--echo", "--in-place"),
        ("--in-place", "--output=b.py"),
    ],
)
def test_what_excludes_what(one: str, other: str, capfd: pytest.CaptureFixture[str]) -> None:
    other_name = other.partition("=")[0]
    error = f"error: {one} and {other_name} cannot be used together; choose one\n"
    for words in ((one, other), (other, one)):
        for command in ("complete", "fill"):
            assert run(capfd, command, "a.py:2", *words) == (2, "", error)
    assert (text(), list(Path.cwd().iterdir())) == (TEXT, [Path.cwd() / "a.py"])


@pytest.mark.parametrize("output", ["a.py", "./a.py", "link"])
def test_an_answer_does_not_replace_the_text_it_is_for(
    output: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("link").symlink_to("a.py")
    error = "error: --output would replace a.py with the answer; use --in-place\n"
    assert run(capfd, "fill", "a.py:2", "-o", output) == (2, "", error)
    assert text() == TEXT


@pytest.mark.parametrize("command", [("fill", "a.py:2"), ("complete", "--batch", "a.py")])
@pytest.mark.parametrize(
    ("output", "error"),
    [
        (".", ". is a folder; name a file in it"),
        ("", "the name of the file to write is empty; name one"),
    ],
)
def test_what_is_no_name_of_a_file(
    output: str, error: str, command: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    model = ("-m", "owner/name/none.gguf")
    assert run(capfd, *command, *model, "-o", output) == (73, "", f"error: {error}\n")


@pytest.mark.parametrize("output", ["new/", "none/out", "a.py/out", "loop", "o" * 256])
def test_a_file_that_cannot_be_made(output: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It is found out before a model is asked."""
    Path("loop").symlink_to("loop")
    error = f"error: cannot create a file {output}; name one in a folder that exists\n"
    command = ("fill", "a.py:2", "-m", "owner/name/none.gguf", "-o", output)
    assert run(capfd, *command) == (73, "", error)


def test_a_prompt_is_shown_whatever_was_to_become_of_the_answer(
    capfd: pytest.CaptureFixture[str],
) -> None:
    prompt = "<fim_prefix>one\n<fim_suffix>\nthree\n<fim_middle>"
    for words in (("-i",), ("--diff",), ("-o", "out"), ("--json",)):
        assert run(capfd, "fill", "a.py:2", "--show-prompt", *words) == (0, prompt, "")
    assert (text(), list(Path.cwd().iterdir())) == (TEXT, [Path.cwd() / "a.py"])


HIDDEN = "x = '\u202e\x1b[2J\u202e'"


def delivery(options: OutputOptions) -> Delivery:
    """What becomes of an answer for the second line of `a.py`."""
    return plan_delivery(Source.read("a.py"), Span(4, 7), options, "python", None)


def test_characters_that_nobody_sees_are_not_written_into_a_file(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(DataError) as caught:
        delivery(OutputOptions(in_place=True)).deliver(HIDDEN, {})
    assert str(caught.value) == (
        "the answer has characters that nobody would see in the file: ␛<U+202E>; "
        "it was left alone; the answer is on standard output"
    )
    assert (text(), capfd.readouterr()) == (TEXT, (HIDDEN, ""))


@pytest.mark.parametrize(
    "options",
    [
        OutputOptions(output="out"),
        OutputOptions(echo=True, output="out"),
        OutputOptions(diff=True, output="out"),
    ],
)
def test_characters_that_nobody_sees_go_into_no_new_file_either(
    options: OutputOptions, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match="characters that nobody would see in the file"):
        delivery(options).deliver(HIDDEN, {})
    assert HIDDEN in capfd.readouterr().out
    assert not Path("out").exists()


def test_characters_that_were_in_the_file_before_may_stay(
    capfd: pytest.CaptureFixture[str],
) -> None:
    Path("a.py").write_text(f"one\ntwo\n{HIDDEN}")
    delivery(OutputOptions(in_place=True)).deliver(HIDDEN, {})
    assert (text(), capfd.readouterr()) == (f"one\n{HIDDEN}\n{HIDDEN}", ("", ""))


@pytest.mark.parametrize(
    "options",
    [
        OutputOptions(json=True, output="out"),
        OutputOptions(json=True),
        OutputOptions(),
    ],
)
def test_characters_that_nobody_sees_are_spoken_of(
    options: OutputOptions, capfd: pytest.CaptureFixture[str]
) -> None:
    delivery(options).deliver(HIDDEN, {})
    note = "note: the answer has characters that nobody sees: ␛<U+202E>\n"
    assert capfd.readouterr().err == note


def test_a_patch_has_no_characters_that_nobody_sees(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="characters that nobody would see in the patch: ␛<U"):
        delivery(OutputOptions(diff=True)).deliver(HIDDEN, {})
    assert capfd.readouterr() == ("", "")


def test_what_changes_nothing_in_a_file_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    note = "note: the answer is what was there: nothing changes\n"
    Path("same.py").write_text("a = 1\n")
    source, span = Source("same.py", "a = 1\n"), Span(0, 6)
    for options, said in ((OutputOptions(in_place=True), note), (OutputOptions(), "")):
        plan_delivery(source, span, options, "python", None).deliver("a = 1\n", {})
        assert capfd.readouterr().err == said
    assert Path("same.py").read_text() == "a = 1\n"


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A file that `link.py` in a repository leads to."""
    (tmp_path / ".git").mkdir(exist_ok=True)
    file = tmp_path.parent / f"{tmp_path.name}-outside.py"
    file.write_text("x = 1\n")
    Path("link.py").symlink_to(file)
    return file


@pytest.mark.parametrize(
    "command", [("fill", "link.py:1"), ("complete", "link.py"), ("edit", "link.py", "more")]
)
def test_nothing_is_put_into_a_file_that_a_link_of_a_repository_leads_to(
    command: tuple[str, ...], linked: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It was written without a word, whatever it was."""
    leads = f"link.py leads out of {tmp_path.resolve()} by a link, to {linked.resolve()}"
    error = f"error: {leads}; name that file itself\n"
    for quiet in ([], ["-q"]):
        assert run(capfd, *command, "-m", "echo", "-i", *quiet) == (77, "", error)
    assert linked.read_text() == "x = 1\n"
    named = (command[0], command[1].replace("link.py", str(linked)), *command[2:])
    assert run(capfd, *named, "-m", "echo", "-i")[0] == 0
    assert linked.read_text() != "x = 1\n"


@pytest.mark.parametrize("words", [("fill", "a.py:2"), ("fill", "--batch", "holes.jsonl")])
def test_output_by_such_a_link_is_told_of(
    words: tuple[str, ...], linked: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("holes.jsonl").write_text('{"prefix": "x"}\n')
    linked.write_text("")
    leads = f"link.py leads out of {tmp_path.resolve()} by a link, to {linked.resolve()}"
    note = f"note: {leads}, which is written\n"
    assert run(capfd, *words, "-m", "echo", "-o", "link.py") == (0, "", note)
    assert linked.read_text()

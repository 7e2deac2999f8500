"""Bad inputs: each gets one line that says what and what to do, its exit code, and no output."""

import os
import pwd
import sys
from pathlib import Path

import pytest

from starcoder_cli.cli import main
from streams import run, standard_input

SEE_COMPLETE = "see `starcoder complete --help`"
NAME_ONE = "name one that has it: complete, fill, edit, chat, eval"
NAME_SERVE = f"{NAME_ONE}, tune, serve, lsp, bundle"
NAME_BENCH = f"{NAME_ONE}, trace, tune, bench, bundle"
SEE_FILL = "see `starcoder fill --help`"
NOT_A_MODEL = (
    "is not a model; give a name from `starcoder models list`, a .gguf file or a hub id such as "
    "owner/name"
)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of files, most of them no good."""
    monkeypatch.chdir(tmp_path)
    contents = {
        "a.py": b"one\ntwo\nthree\n",
        "empty.py": b"",
        "nul": b"abcd\0",
        "picture.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "gzip.gz": b"\x1f\x8b\x08\x00",
        "wide.txt": "wide".encode("utf-16"),
        "twice.py": b"<FILL> <FILL>",
        "html.gguf": b"<!DOCTYPE html><p>Not found",
        "empty.gguf": b"",
        "short.gguf": b"GGUF\3\0\0\0",
    }
    for name, data in contents.items():
        Path(name).write_bytes(data)
    Path("folder").mkdir()
    Path("dangling").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    os.mkfifo("fifo")


BAD_INPUTS = [
    # Usage.
    ("compleat", 2, "no such command 'compleat'; did you mean complete or completion?"),
    ("xyzzy", 2, "no such command 'xyzzy'; see `starcoder --help`"),
    ("models lst", 2, "no such command 'lst'; did you mean 'list'?"),
    (
        "fill a.py:abc",
        2,
        "':abc' is not a place in a.py; a place is FILE:LINE, FILE:LINE:COL or FILE:LINE-LINE",
    ),
    ("--modell echo", 2, "no such option: --modell; see `starcoder --help`"),
    ("--modell echo complete a.py", 2, "no such option: --modell; see `starcoder --help`"),
    ("-m echo --xyzzy complete a.py", 2, f"no such option: --xyzzy; {SEE_COMPLETE}"),
    ("- complete", 2, "no such command '-'; see `starcoder --help`"),
    ("-m echo", 2, f"-m needs a command; {NAME_SERVE}"),
    ("--model=echo compleat a.py", 2, f"--model needs a command; {NAME_SERVE}"),
    ("--model complete", 2, f"--model needs a command; {NAME_SERVE}"),
    ("-m echo -- complete a.py", 2, f"-m needs a command; {NAME_SERVE}"),
    ("-q a.py complete", 2, f"-q needs a command; {NAME_BENCH}"),
    ("-m echo models list", 2, f"-m needs a command; {NAME_SERVE}"),
    ("models fetch", 2, "no such command 'fetch'; see `starcoder models --help`"),
    ("complete a.py b.py", 2, f"got unexpected extra argument(s) (b.py); {SEE_COMPLETE}"),
    (
        "complete --max-tokens",
        2,
        "option '--max-tokens' requires an argument; see `starcoder --help`",
    ),
    (
        "complete --max-tokens many",
        2,
        f"invalid value for '--max-tokens': 'many' is not a whole number; {SEE_COMPLETE}",
    ),
    (
        "complete --order mps",
        2,
        f"invalid value for '--order': 'mps' is not one of psm, spm; {SEE_COMPLETE}",
    ),
    ("fill", 2, f"missing argument 'FILE:LINE[:COL][-LINE[:COL]]'; {SEE_FILL}"),
    (
        "complete a.py --stop=",
        2,
        "an empty --stop would end every answer at once; omit it",
    ),
    # Places.
    ("complete a.py:9", 2, "a.py has no line 9; its lines are 1 to 4"),
    ("complete a.py:0", 2, "a.py has no line 0; its lines are 1 to 4"),
    ("complete a.py:1:5", 2, "line 1 of a.py has no column 5; its columns are 1 to 4"),
    (
        "complete a.py:1-2",
        2,
        "a completion continues from one position, not from a range; "
        "write a.py:1, or use `starcoder fill`",
    ),
    (
        "fill a.py",
        2,
        "'a.py' does not say what to fill; "
        "write FILE:LINE, FILE:LINE-LINE, or mark the place and use --at",
    ),
    ("fill a.py:2-1", 2, "1 comes before 2; write the earlier one first"),
    ("fill a.py:1:3-1:2", 2, "1:2 comes before 1:3; write the earlier one first"),
    ("fill a.py:1-5", 2, "a.py has no line 5; its lines are 1 to 4"),
    (
        "fill a.py:99999999999999999999",
        2,
        "a.py has no line 99999999999999999999; its lines are 1 to 4",
    ),
    ("fill empty.py:2", 2, "empty.py has no line 2; its only line is 1"),
    (
        "fill a.py --at <FILL>",
        65,
        "the marker '<FILL>' is not in a.py; put it in exactly once",
    ),
    (
        "fill twice.py --at <FILL>",
        65,
        "the marker '<FILL>' stands 2 times in twice.py; put it in exactly once",
    ),
    ("fill a.py --at=", 65, "the marker '' is not in a.py; put it in exactly once"),
    # Numbers without a meaning.
    (
        "complete a.py --timeout 0",
        2,
        "0 is not a time limit; give --timeout a number of seconds",
    ),
    (
        "complete a.py --timeout nan",
        2,
        "nan is not a time limit; give --timeout a number of seconds",
    ),
    ("complete a.py --max-tokens 0", 2, "max_tokens cannot be 0; give a number from 1 to 1000000"),
    ("complete a.py --temperature 3", 2, "temperature cannot be 3.0; give a number from 0 to 2"),
    ("complete a.py --temperature nan", 2, "temperature cannot be nan; give a number from 0 to 2"),
    ("complete a.py --top-p 0", 2, "top_p cannot be 0.0; give a number from 1e-06 to 1"),
    ("complete a.py --seed -1", 2, "seed cannot be -1; give a number from 0 to 4294967294"),
    ("complete a.py --lang pyton", 2, "unknown language: 'pyton'; did you mean `python`?"),
    # Files.
    ("complete none.py", 66, "cannot read none.py: No such file or directory; check the name"),
    ("complete folder", 66, "folder is a folder; name a file in it"),
    ("complete fifo", 66, "fifo is not a regular file; use - to read standard input"),
    (
        "complete dangling",
        66,
        "cannot read dangling: No such file or directory; check the name",
    ),
    (
        "complete loop",
        66,
        "cannot read loop: Too many levels of symbolic links; check the name",
    ),
    ("complete nul", 65, "nul looks binary (NUL at byte 4); give a text file"),
    ("complete picture.png", 65, "picture.png looks binary (NUL at byte 8); give a text file"),
    ("complete gzip.gz", 65, "gzip.gz looks binary (NUL at byte 3); give a text file"),
    (
        "complete wide.txt",
        65,
        "wide.txt is UTF-16; convert it, for example with `iconv -t utf-8`",
    ),
    # Models.
    ("complete a.py -m ../../etc", 2, f"'../../etc' {NOT_A_MODEL}"),
    ("complete a.py -m C:\\x", 2, f"'C:\\\\x' {NOT_A_MODEL}"),
    ("complete a.py -m a/b@main", 2, f"'a/b@main' {NOT_A_MODEL}"),
    (f"complete a.py -m {'m' * 97}", 2, f"{'m' * 97!r} {NOT_A_MODEL}"),
    ("complete a.py -m \x1b[2J", 2, f"'\\x1b[2J' {NOT_A_MODEL}"),
    ("complete a.py --model=", 2, f"'' {NOT_A_MODEL}"),
    (
        "complete a.py -m ./none.gguf",
        66,
        "there is no model file './none.gguf'; check the path",
    ),
    (
        "complete a.py -m ./html.gguf",
        65,
        "html.gguf is not a sound GGUF file: it is a web page; get the file again",
    ),
    ("complete a.py -m ./empty.gguf", 65, "empty.gguf is empty; get the file again"),
    (
        "complete a.py -m ./short.gguf",
        65,
        "short.gguf is not a sound GGUF file: it is cut off in the header; get the file again",
    ),
    (
        "complete a.py -m starcoder",
        77,
        "starcoder is under BigCode OpenRAIL-M v1, which has to be accepted first; "
        "run: starcoder models pull starcoder",
    ),
    (
        "complete a.py -m tiny_starcoder_py --offline",
        69,
        "tiny_starcoder_py is not installed and this is offline; "
        "with a network, run: starcoder models pull tiny_starcoder_py",
    ),
]


@pytest.mark.parametrize(("words", "code", "error"), BAD_INPUTS)
def test_bad_input(
    words: str, code: int, error: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command, *rest = words.split(" ")
    model = ("--model", "echo") if command in ("complete", "fill") else ()
    assert main([command, *model, *rest]) == code
    out, err = capfd.readouterr()
    assert (out, err.replace(f"{tmp_path}/", "")) == ("", f"error: {error}\n")


def test_a_file_that_is_too_large(capfd: pytest.CaptureFixture[str]) -> None:
    Path("large.txt").write_bytes(b"x" * ((16 << 20) + 1))
    assert run(capfd, "complete", "large.txt") == (
        65,
        "",
        "error: large.txt is larger than 16 MiB; give the part that matters\n",
    )


HOSTILE = (
    ("\x1b]0;owned\x07.py", "␛]0;owned␇.py"),
    ("[red].py", "[red].py"),
    ("a\nb.py", "a b.py"),
    ("\u202efdp.py", "<U+202E>fdp.py"),
    (os.fsdecode(b"caf\xe9.py"), "caf<U+DCE9>.py"),
)


@pytest.mark.parametrize(("name", "shown"), HOSTILE, ids=[shown for _, shown in HOSTILE])
def test_names_in_messages_are_shown_and_not_obeyed(
    name: str, shown: str, capfd: pytest.CaptureFixture[str]
) -> None:
    error = f"error: cannot read {shown}: No such file or directory; check the name\n"
    assert run(capfd, "complete", name) == (66, "", error)
    Path(name).write_text("text")
    assert run(capfd, "complete", name) == (0, "text", "")
    error = f"error: {shown} has no line 7; its only line is 1\n"
    assert run(capfd, "fill", f"{name}:7") == (2, "", error)


@pytest.mark.parametrize(
    "words",
    [("complete", "a.py", "--lang", "\x1b[2J"), ("complete", "\x1b[2J:1:2-3"), ("\x1b[2J",)],
)
def test_words_in_messages_are_shown_and_not_obeyed(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "-m", "echo"]) in (2, 66)
    out, err = capfd.readouterr()
    assert (out, "\x1b" in err, err.count("\n")) == ("", False, 1)


def test_no_standard_input(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert run(capfd, "complete") == (
        66,
        "",
        "error: standard input is closed; name a file, or pipe text in\n",
    )


def test_standard_input_is_named_as_such(capfd: pytest.CaptureFixture[str]) -> None:
    with standard_input(b"a\0"):
        assert run(capfd, "complete") == (
            65,
            "",
            "error: standard input looks binary (NUL at byte 1); give a text file\n",
        )
    with standard_input(b"a"):
        assert run(capfd, "fill", "-", "--at", "x") == (
            65,
            "",
            "error: the marker 'x' is not in standard input; put it in exactly once\n",
        )


def test_json_says_nothing_on_standard_output_where_it_fails(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, out, err = run(capfd, "complete", "none.py", "--json")
    assert (code, out, err.count("\n")) == (66, "", 1)


def test_quiet_keeps_errors(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "complete", "folder", "-q") == (
        66,
        "",
        "error: folder is a folder; name a file in it\n",
    )


def test_a_bug_is_one_line_unless_asked_for_more(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that is no stream stands for what nobody foresaw."""
    monkeypatch.setattr(sys, "stdin", "text")
    assert run(capfd, "complete") == (
        70,
        "",
        "error: this is a bug: AttributeError: 'str' object has no attribute 'closed'; "
        "set STARCODER_DEBUG=1 to see where\n",
    )
    monkeypatch.setenv("STARCODER_DEBUG", "1")
    with pytest.raises(AttributeError):
        run(capfd, "complete")


def test_a_token_of_the_hub_is_in_no_output(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_sentinel")
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", "hf_sentinel")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for words in (
        ["config"],
        ["config", "--json"],
        ["complete", "a.py", "-m", "echo", "--json"],
        ["complete", "a.py", "-m", "starcoder"],
        ["complete", "a.py", "-m", "tiny_starcoder_py", "--offline"],
        ["complete", "a.py", "-m", "owner/name/tiny.gguf"],
        ["models", "list"],
        ["models", "show", "starcoder"],
    ):
        main(words)
        out, err = capfd.readouterr()
        assert out or err
        assert "sentinel" not in out + err


def test_a_lost_working_folder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with standard_input(b"x = 1"):
        assert run(capfd, "complete") == (0, "x = 1", "")
    code, out, err = run(capfd, "complete", "a.py")
    assert (code, out, err) == (
        66,
        "",
        "error: cannot read a.py: No such file or directory; check the name\n",
    )
    (tmp_path / "b.py").write_text("one\n")
    error = "error: the current folder is not there any more; go to another with `cd`\n"
    for words in (("--diff",), ("--verify", "true")):
        assert run(capfd, "fill", f"{tmp_path}/b.py:1", *words) == (66, "", error)


@pytest.mark.parametrize("home", ["/", "/proc/none", "relative", ""])
def test_a_home_that_is_none(
    home: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "STARCODER_MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", home)
    assert run(capfd, "complete", "a.py") == (0, "one\ntwo\nthree\n", "")
    assert main(["config"]) == 0
    assert capfd.readouterr().err == ""


ODD = "caf\udce9"


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("fill", "-m", "echo", f"{ODD}.py:2"), 0),
        (("fill", "-m", "echo", f"{ODD}.py:2", "--diff"), 0),
        (("fill", "-m", "echo", "a.py:2", "--stop", ODD), 0),
        (("fill", "-m", "echo", "a.py:2", "--lang", ODD), 2),
        (("complete", "-m", "echo", f"{ODD}.py", "--json"), 0),
        (("edit", "-m", "echo", f"{ODD}.py", ODD), 0),
        (("chat", "-m", "echo", ODD), 0),
        (("chat", "-m", "echo", "-f", f"{ODD}.py", ODD), 0),
        (("chat", "-m", "echo", "--system", ODD, "hi"), 0),
        (("index", "add", ODD, "--index", f"{ODD}.sqlite"), 0),
        (("index", "add", ODD, "--index", "i", "--license", ODD), 2),
        (("index", "add", "--opt-out", f"{ODD}.py", "--index", "i"), 0),
        (("index", "rm", ODD, "--index", "i"), 66),
        (("trace", f"{ODD}.py", "--index", ODD), 66),
        (("bench", ODD), 2),
        (("bench", f"./{ODD}.gguf"), 66),
        (("models", "path", ODD), 2),
        (("fill", "-m", ODD, "a.py:2"), 2),
        (("fill", "-m", f"./{ODD}.gguf", "a.py:2"), 66),
        (("serve", "--http", ODD), 2),
        ((ODD,), 2),
        (("fill", "-m", "echo", "a.py:2", "--verify", ": < a.py"), 0),
        (("index", "add", "circle", "--index", "i"), 66),
        (("index", "rm", "circle", "--index", "i"), 66),
        (("trace", "circle"), 66),
        (("fill", "-m", "echo", "circle:2"), 66),
        (("chat", "-m", "echo", "-f", "circle", "hi"), 66),
        (("fill", "-m", "echo", "a.py:2", "-o", "circle"), 73),
        (("eval", "repo", "--data", "circle", "-m", "echo"), 66),
    ],
)
def test_words_that_are_no_utf8_and_links_in_a_circle(
    argv: tuple[str, ...], code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    Path(f"{ODD}.py").write_text("one\ntwo\n")
    Path(ODD).mkdir()
    Path(ODD, f"{ODD}.py").write_text("x = 1\n")
    Path("circle").symlink_to("other")
    Path("other").symlink_to("circle")
    if argv[:2] == ("index", "rm"):
        assert main(["index", "add", ".", "--index", "i"]) == 0
    assert (main(list(argv)), "bug" in capfd.readouterr().err) == (code, False)


@pytest.mark.parametrize(
    "words", ["--version", "config", "models list", "ps", "stop", "trace b.py"]
)
def test_a_user_without_a_home(
    words: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a variable nor the system says where it is."""
    Path("b.py").write_text("one\n")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    code = main(words.split())
    assert (code, "bug" in capfd.readouterr().err) == (66 if "trace" in words else 0, False)
    code, out, err = run(capfd, "complete", "b.py", "-m", "~/none.gguf")
    assert (code, out) == (66, "")
    assert err == "error: there is no model file '~/none.gguf'; check the path\n"

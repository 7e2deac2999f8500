"""Bad inputs, bad files and bad moments for `--in-place`: one line, an exit code, no harm done.

The model here writes its prompt back; cut after one token, that is `<fim_prefix>`.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL

import pexpect
import pytest

from people import nobody as nobody
from processes import shell
from starcoder_cli.cli import main
from streams import run, standard_input

TEXT = b"one\r\ntwo \xff\r\nthree"
ANSWER = b"<fim_prefix>"
FILLED = TEXT.replace(b"two \xff", ANSWER)
EDIT = ("fill", "a.py:2", "-i", "--max-tokens", "1")
LEFT_ALONE = "it was left alone: run the command again"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `a.py` in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_bytes(TEXT)
    return tmp_path


def contents() -> dict[str, bytes]:
    """The files in the current folder."""
    return {path.name: path.read_bytes() for path in Path.cwd().iterdir() if path.is_file()}


def state(path: Path) -> tuple[str, int, int]:
    """What would tell that a file was written."""
    status = path.stat()
    return hashlib.sha256(path.read_bytes()).hexdigest(), status.st_ino, status.st_mtime_ns


# Text.


@pytest.mark.parametrize(
    ("raw", "marker", "code"),
    [
        (b"a <A> b <A>", "<A>", 65),
        (b"a b", "<A>", 65),
        (b"a b", "", 65),
        (b"aaa", "aa", 65),
        (b"\0<A>", "<A>", 65),
        ("<A>".encode("utf-16"), "<A>", 65),
    ],
)
def test_without_one_place_the_file_is_not_touched(
    raw: bytes, marker: str, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    path = Path("a.py")
    path.write_bytes(raw)
    before = state(path)
    assert run(capfd, "fill", "a.py", "--at", marker, "-i")[0] == code
    assert state(path) == before


@pytest.mark.parametrize("place", ["a.py:3-2", "a.py:9", "a.py:1:3-1:2", "a.py", "a.py:0"])
def test_a_place_that_is_none_leaves_the_file_alone(
    place: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = state(Path("a.py"))
    assert run(capfd, "fill", place, "-i")[:2] == (2, "")
    assert state(Path("a.py")) == before


@pytest.mark.parametrize(
    ("raw", "place", "expected"),
    [
        (b"a\nb", "x:1:1", b"<fim_prefix>a\nb"),
        (b"a\nb", "x:2:2", b"a\nb<fim_prefix>"),
        (b"a\nb\n", "x:3", b"a\nb\n<fim_prefix>"),
        (b"", "x:1", ANSWER),
        (b"\xef\xbb\xbfa\r\n", "x:1", b"\xef\xbb\xbf<fim_prefix>\r\n"),
        (b"a\rb\r", "x:2", b"a\r<fim_prefix>\r"),
        (b"\xc3\n\xa9\xff", "x:2:1-2:2", b"\xc3\n<fim_prefix>\xff"),
        (b"[" * 100_000, "x:1:50001-1:50002", b"[" * 50_000 + ANSWER + b"[" * 49_999),
        (b"\t" * 1_000_000 + b"x", "x:1:1", ANSWER + b"\t" * 1_000_000 + b"x"),
        (b"\n" * 100_000, "x:50000", b"\n" * 49_999 + ANSWER + b"\n" * 50_001),
    ],
    ids=[
        *("begin", "end", "last line", "empty", "mark", "carriage returns", "not UTF-8"),
        *("brackets", "tabs", "newlines"),
    ],
)
def test_only_the_hole_changes(
    raw: bytes, place: str, expected: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("x").write_bytes(raw)
    note = "" if raw.strip() else "note: x has no text: the answer is made up\n"
    assert run(capfd, "fill", place, "-i", "--max-tokens", "1") == (0, "", note)
    assert Path("x").read_bytes() == expected


def test_a_file_that_is_nothing_but_the_marker(capfd: pytest.CaptureFixture[str]) -> None:
    Path("x").write_bytes(b"<FILL>")
    assert run(capfd, "fill", "x", "--at", "<FILL>", "-i", "--max-tokens", "1") == (0, "", "")
    assert Path("x").read_bytes() == ANSWER


def test_a_text_that_the_model_cannot_read_whole(capfd: pytest.CaptureFixture[str]) -> None:
    Path("x").write_bytes(b"line\n" * 250_000)
    what = "the text is longer than the 1048543 tokens that the model can read"
    command = ("fill", "x:2", "-i", "--max-tokens", "1")
    before = state(Path("x"))
    error = f"error: {what}; shorten it, or omit --strict-context\n"
    assert run(capfd, *command, "--strict-context") == (65, "", error)
    assert state(Path("x")) == before
    code, out, err = run(capfd, *command)
    assert (code, out, err.startswith(f"note: {what}: left out ")) == (0, "", True)
    assert Path("x").read_bytes() == b"line\n<fim_prefix>\n" + b"line\n" * 249_998


NAMES = ("-x", "--help", "a b", "a\nb", "\x1b[2J", "[red]", os.fsdecode(b"caf\xe9"), "x" * 255)


@pytest.mark.parametrize("name", NAMES, ids=[ascii(name[:20]) for name in NAMES])
def test_a_name_of_any_kind(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path(name).write_bytes(TEXT)
    command = ("fill", "-i", "--max-tokens", "1", "--", f"{name}:2")
    assert run(capfd, *command) == (0, "", "")
    assert contents() == {"a.py": TEXT, name: FILLED}


def test_a_file_that_is_called_like_standard_input(capfd: pytest.CaptureFixture[str]) -> None:
    Path("-").write_bytes(TEXT)
    assert run(capfd, "fill", "./-:2", "-i", "--max-tokens", "1") == (0, "", "")
    assert contents() == {"a.py": TEXT, "-": FILLED}


# Disks.


def alone(script: str) -> tuple[int, str, str]:
    """What a script does that may mount file systems, which nobody else sees and end with it."""
    unshare = ["unshare", "-rm", "sh", "-c"]
    allowed = (
        shutil.which("unshare")
        and not subprocess.run(
            [*unshare, "mount -t tmpfs none /mnt"], capture_output=True, check=False
        ).returncode
    )
    if not allowed:
        pytest.skip("mounting is not allowed here")
    environment = {**os.environ, "STARCODER": f"{sys.executable} -m starcoder_cli"}
    command = [*unshare, f"mkdir m && mount -t tmpfs -o size=1m none m\n{script}"]
    done = subprocess.run(
        command, env=environment, stdin=DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_full_disk() -> None:
    """1 MiB, of which the file takes more than half: there is no room for another.

    Found out before there is a model.
    """
    script = """
        yes line | head -c 700000 > m/x; cp m/x old
        $STARCODER fill m/x:2 -m owner/name/none.gguf -i; echo "=$?"
        cmp m/x old && ls -A m
    """
    assert alone(script) == (
        0,
        "=74\nx\n",
        "error: cannot write m/x: No space left on device; make room, or write elsewhere\n",
    )


def test_a_read_only_disk() -> None:
    """Found out before there is a model."""
    error = "its file system is mounted read-only; write elsewhere: --output"
    script = """
        echo line > m/x; mount -o remount,ro m
        $STARCODER fill m/x:1 -m owner/name/none.gguf -i; echo "=$?"; cat m/x; ls -A m
        $STARCODER fill a.py:1 -m owner/name/none.gguf -o m/y; echo "=$?"; ls -A m
    """
    assert alone(script) == (
        0,
        "=73\nline\nx\n=73\nx\n",
        "".join(f"error: cannot write {name}: {error}\n" for name in ("m/x", "m/y")),
    )


def test_a_link_to_another_disk() -> None:
    """The new file is made where the old one is, not where the link is."""
    script = """
        echo line > m/x; ln -s m/x link; chmod a-w .
        $STARCODER fill link:1 -m echo -i --max-tokens 1; echo "=$?"
        readlink link; cat m/x; ls -A m
    """
    assert alone(script) == (0, "=0\nm/x\n<fim_prefix>\nx\n", "")


# Ctrl-C and other signals.


def replacing(act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something right before the new file takes the name of the old one."""
    real = os.replace

    def replace(name: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        act()
        real(name, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "replace", replace)


def test_ctrl_c_while_the_file_is_replaced(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    replacing(lambda: signal.raise_signal(signal.SIGINT), monkeypatch)
    assert run(capfd, *EDIT) == (130, "", "")
    assert contents() == {"a.py": FILLED}


def test_a_second_ctrl_c_while_the_file_is_replaced(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    replacing(twice, monkeypatch)
    assert run(capfd, *EDIT) == (130, "", "")
    assert contents() == {"a.py": TEXT}


SIGNALLED = """
import os, signal, sys
from starcoder_cli.__main__ import run

real, number = getattr(os, sys.argv[1]), int(sys.argv[2])
def call(*words, **options):
    os.kill(os.getpid(), number)
    return real(*words, **options)
setattr(os, sys.argv[1], call)
sys.argv[1:] = ["fill", "a.py:2", "-m", "echo", "-i", "--max-tokens", "1"]
run()
"""


@pytest.mark.parametrize("call", ["urandom", "write", "fsync", "replace"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_file_is_saved(number: signal.Signals, call: str) -> None:
    """The save is finished, and then the process ends by the signal."""
    script = [sys.executable, "-c", SIGNALLED, call, str(int(number))]
    done = subprocess.run(script, stdin=DEVNULL, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-number, b"", b"")
    assert contents() == {"a.py": FILLED}


@pytest.mark.model
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_model_writes_leaves_the_file_alone(
    number: signal.Signals, real_model: Path
) -> None:
    path = Path("count.py")
    path.write_text("NUMBERS = [\n    1,\n    2,\n    3,\n")
    before = state(path)
    words = ["-m", "starcoder_cli", "complete", "count.py", "-i", "--max-tokens", "2000"]
    child: pexpect.spawn[bytes] = pexpect.spawn(sys.executable, words, timeout=120)
    child.expect_exact(b"is reading")
    child.kill(number)
    child.expect(pexpect.EOF)
    child.close()
    assert child.signalstatus == number
    assert state(path) == before
    assert contents().keys() == {"a.py", "count.py"}


# Somebody else at the same file.


def meanwhile(act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something when there is an answer, and before it is saved.

    The name of the new file comes from `urandom`, which nothing else asks here.
    """
    real = os.urandom

    def urandom(size: int) -> bytes:
        monkeypatch.setattr(os, "urandom", real)
        act()
        return real(size)

    monkeypatch.setattr(os, "urandom", urandom)


def test_what_another_program_wrote_meanwhile_is_kept(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is the answer, on standard output."""
    meanwhile(lambda: Path("a.py").write_bytes(b"mine"), monkeypatch)
    error = f"error: a.py has changed since it was read; {LEFT_ALONE}\n"
    assert run(capfd, *EDIT) == (75, "<fim_prefix>", error)
    assert contents() == {"a.py": b"mine"}


def test_a_record_of_an_answer_that_was_not_saved(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(lambda: Path("a.py").write_bytes(b"mine"), monkeypatch)
    code, out, _ = run(capfd, *EDIT, "--json")
    assert (code, out.count("\n"), out.startswith('{"text": "<fim_prefix>", ')) == (75, 1, True)


def test_a_file_that_is_gone_by_then_is_not_made_again(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(Path("a.py").unlink, monkeypatch)
    error = f"error: a.py is no longer the file that was read; {LEFT_ALONE}\n"
    assert run(capfd, *EDIT) == (75, "<fim_prefix>", error)
    assert contents() == {}


def test_a_folder_that_is_gone_by_then_is_not_made_again(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("deep").mkdir()
    Path("a.py").rename("deep/a.py")
    meanwhile(lambda: shutil.rmtree("deep"), monkeypatch)
    assert run(capfd, "fill", "deep/a.py:2", *EDIT[2:])[:2] == (75, "<fim_prefix>")
    assert list(folder.iterdir()) == []


def test_a_folder_that_gets_another_name_while_a_file_is_saved_is_still_the_same(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written into the folder that has its name by then."""
    Path("deep").mkdir()
    Path("a.py").rename("deep/a.py")

    def swap() -> None:
        Path("deep").rename("elsewhere")
        Path("deep").mkdir()

    meanwhile(swap, monkeypatch)
    assert run(capfd, "fill", "deep/a.py:2", *EDIT[2:]) == (0, "", "")
    assert list(Path("deep").iterdir()) == []
    assert Path("elsewhere/a.py").read_bytes() == FILLED


def test_a_link_that_is_there_by_then_is_not_followed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("other.py").write_bytes(b"mine")

    def link() -> None:
        Path("a.py").unlink()
        Path("a.py").symlink_to("other.py")

    meanwhile(link, monkeypatch)
    assert run(capfd, *EDIT)[:2] == (75, "<fim_prefix>")
    assert contents() == {"a.py": b"mine", "other.py": b"mine"}


def test_of_two_answers_for_one_file_one_is_saved(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    first = ["complete", "a.py:1", "-m", "echo", "-i", "--max-tokens", "1"]
    meanwhile(lambda: codes.append(main(first)), monkeypatch)
    codes.append(run(capfd, *EDIT)[0])
    assert codes == [0, 75]
    assert contents() == {"a.py": TEXT.replace(b"one", b"one<fim_prefix>")}


# What the file is.


def test_a_link_stays_and_what_it_leads_to_changes(capfd: pytest.CaptureFixture[str]) -> None:
    Path("deep").mkdir()
    Path("deep/link").symlink_to("../middle")
    Path("middle").symlink_to("a.py")
    assert run(capfd, "fill", "deep/link:2", *EDIT[2:]) == (0, "", "")
    assert (str(Path("deep/link").readlink()), str(Path("middle").readlink())) == (
        "../middle",
        "a.py",
    )
    assert Path("a.py").read_bytes() == FILLED


def test_links_that_lead_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    Path("dangling").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    for name in ("dangling", "loop"):
        assert run(capfd, "fill", f"{name}:2", "-i")[:2] == (66, "")
    assert contents() == {"a.py": TEXT}


def test_a_file_with_several_names(capfd: pytest.CaptureFixture[str]) -> None:
    Path("other.py").hardlink_to("a.py")
    assert run(capfd, "fill", "a.py:2", "-m", "owner/name/none.gguf", "-i") == (
        73,
        "",
        "error: a.py has other names (hard links), which would keep the old text; "
        "write elsewhere: --output\n",
    )
    assert contents() == {"a.py": TEXT, "other.py": TEXT}


def test_what_is_no_file(capfd: pytest.CaptureFixture[str]) -> None:
    """None of them is waited for."""
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name in ("fifo", "socket", os.devnull, "."):
            code, out, err = run(capfd, "fill", f"{name}:1", "-i")
            assert (code, out, err.count("\n")) == (66, "", 1)
        for name in ("socket", "."):
            with standard_input(b""):
                assert run(capfd, "complete", "-o", name)[:2] == (73, "")


def test_a_pipe_cannot_be_changed() -> None:
    done = shell("starcoder complete <(echo x) -m echo -i")
    assert (done.returncode, done.stdout) == (66, b"")
    assert done.stderr.endswith(b" is not a regular file; name another\n")


def test_a_read_only_file(nobody: Callable[[], None], capfd: pytest.CaptureFixture[str]) -> None:
    """Found out before there is a model; a rename would not have cared."""
    Path("a.py").write_bytes(TEXT)
    nobody()
    Path("b.py").write_bytes(TEXT)
    Path("b.py").chmod(0o444)
    error = "error: b.py is read-only; make it writable: chmod u+w\n"
    for words in (("fill", "b.py:2", "-i"), ("fill", "a.py:2", "-o", "b.py")):
        assert run(capfd, *words, "-m", "owner/name/none.gguf") == (77, "", error)
    assert contents() == {"a.py": TEXT, "b.py": TEXT}


def test_a_file_of_somebody_else(
    nobody: Callable[[], None], capfd: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid():
        pytest.skip("only root can make a file of somebody else")
    Path("a.py").write_bytes(TEXT)
    Path("a.py").chmod(0o666)
    nobody()
    assert run(capfd, "fill", "a.py:2", "-i", "-m", "owner/name/none.gguf") == (
        77,
        "",
        "error: a.py belongs to another user, and replacing it would make it yours; "
        "write elsewhere: --output\n",
    )
    assert contents() == {"a.py": TEXT}


def test_a_folder_that_takes_no_files(
    nobody: Callable[[], None], capfd: pytest.CaptureFixture[str]
) -> None:
    Path("a.py").write_bytes(TEXT)
    Path("a.py").chmod(0o666)
    Path.cwd().chmod(0o555)
    nobody()
    for name, words in (("a.py", ("-i",)), ("new", ("-o", "new"))):
        error = f"error: cannot write {name}: its folder is read-only; write elsewhere: --output\n"
        assert run(capfd, "fill", "a.py:2", *words, "-m", "owner/name/none.gguf") == (73, "", error)
    assert contents() == {"a.py": TEXT}


def test_names_of_greatest_length(capfd: pytest.CaptureFixture[str]) -> None:
    """A name of 255 bytes is in `NAMES`; a path may have 4,095, the folders in it included."""
    assert run(capfd, "fill", f"{'deep/' * 1000}a.py:2", "-i")[:2] == (66, "")
    deep = Path(*["d" * 200] * 4)
    deep.mkdir(parents=True)
    (deep / "a.py").write_bytes(TEXT)
    assert run(capfd, "fill", f"{deep}/a.py:2", *EDIT[2:]) == (0, "", "")
    assert (deep / "a.py").read_bytes() == FILLED


@pytest.mark.parametrize(
    "words", ["fill a.py:1 -m echo -i", "complete -m echo -o out", "complete a.py -m echo --diff"]
)
def test_a_current_folder_that_is_gone(words: str) -> None:
    done = shell(f"mkdir gone; cd gone; rmdir ../gone; echo x | starcoder {words}")
    assert done.returncode in (66, 73)
    assert (done.stdout, done.stderr.count(b"\n"), b"Traceback" in done.stderr) == (b"", 1, False)


@pytest.mark.parametrize("home", ["unset HOME", "export HOME=/", "export HOME=/proc/nowhere"])
def test_no_home_is_needed(home: str) -> None:
    unset = "unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME USERPROFILE"
    done = shell(f"{unset}; {home}; starcoder fill a.py:2 -m echo -i --max-tokens 1")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert contents() == {"a.py": FILLED}

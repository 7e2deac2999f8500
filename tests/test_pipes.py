"""The command in pipes: bytes as they are, quiet ends, and nothing left behind."""

import os
import signal
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, run

import pytest

from processes import COMMAND, shell, start

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with room for temporary files in it, and a small and a long file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "a.py").write_bytes(b"one\r\ntwo \xe9\r\n\xe2\x82\xac")
    (tmp_path / "long.txt").write_bytes(b"0123456\n" * 100_000)
    return tmp_path


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C.UTF-8"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
    ids=["utf-8", "ascii", "latin-1"],
)
def test_bytes_arrive_as_they_are(environment: dict[str, str]) -> None:
    done = shell("starcoder complete a.py:1 -m echo --echo --max-tokens 1", **environment)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        b"one<fim_prefix>\r\ntwo \xe9\r\n\xe2\x82\xac",
        b"",
    )


def test_a_long_answer_arrives_whole(folder: Path) -> None:
    """It was a bug that an unbuffered output (`python -u`) could lose what did not fit at once."""
    for unbuffered in ("", "1"):
        done = shell("starcoder complete long.txt -m echo", PYTHONUNBUFFERED=unbuffered)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == (folder / "long.txt").read_bytes()


@pytest.mark.parametrize(
    "command",
    ["complete long.txt -m echo", "complete long.txt:5000 -m echo --json", "fill --help"],
)
def test_a_reader_that_has_enough_ends_it_quietly(command: str) -> None:
    done = shell(f"starcoder {command} | head -c 1; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout[1:], done.stderr) == (b"0\n", b"")


@needs_full
@pytest.mark.parametrize("command", ["complete a.py -m echo", "complete a.py -m echo --json"])
def test_a_full_disk(command: str) -> None:
    done = shell(f"starcoder {command} > /dev/full")
    assert (done.returncode, done.stderr) == (
        74,
        b"error: cannot write to standard output: No space left on device; "
        b"make room, or write elsewhere\n",
    )


@needs_full
def test_a_full_disk_for_what_rich_writes() -> None:
    done = shell("starcoder --help > /dev/full")
    assert (done.returncode, done.stderr) == (
        74,
        b"error: input or output failed: No space left on device; try again\n",
    )


def test_a_closed_standard_output() -> None:
    """Nothing else may get its number: a file that we open would be written into."""
    done = shell("starcoder complete a.py -m echo >&-")
    assert (done.returncode, done.stderr) == (
        74,
        b"error: standard output is closed; redirect it to a file or a pipe\n",
    )


@pytest.mark.parametrize(
    "closed", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)], ids=["closed", "full"]
)
def test_a_standard_error_that_takes_nothing(closed: str) -> None:
    assert shell(f"starcoder complete a.py:1 -m echo --max-tokens 1 {closed}").stdout == (
        b"<fim_prefix>"
    )
    assert shell(f"starcoder complete none.py -m echo {closed}").returncode == 66


def test_a_closed_standard_input() -> None:
    done = shell("starcoder complete -m echo <&-")
    assert (done.returncode, done.stdout, done.stderr) == (
        66,
        b"",
        b"error: standard input is closed; name a file, or pipe text in\n",
    )


def test_a_pipe_that_the_shell_opened() -> None:
    done = shell("starcoder complete <(printf 'x = ') -m echo")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"x = ", b"")


def test_standard_input_is_read_up_to_its_end_however_slow() -> None:
    process = start("complete", "-m", "echo")
    assert process.stdin
    for piece in (b"\xe2", b"\x82", b"\xac\n"):
        process.stdin.write(piece)
        process.stdin.flush()
    assert process.communicate(b"end") == (b"\xe2\x82\xac\nend", b"")


def test_standard_input_is_not_read_where_a_file_is_named() -> None:
    process = start("complete", "a.py:1", "-m", "echo", "--max-tokens", "1")
    assert process.wait(60) == 0
    assert process.communicate() == (b"<fim_prefix>", b"")


def test_a_time_limit_ends_a_wait_for_input() -> None:
    process = start("complete", "-m", "echo", "--timeout", "0.5")
    assert process.wait(60) == 124
    assert process.communicate() == (
        b"",
        b"error: not done within 0.5 s; raise --timeout, or ask for less\n",
    )


def test_endless_input() -> None:
    done = shell("yes | starcoder complete -m echo")
    assert (done.returncode, done.stdout, done.stderr) == (
        65,
        b"",
        b"error: standard input is larger than 16 MiB; give the part that matters\n",
    )


MEMORY = """
import resource, sys
from starcoder_cli.cli import main
main(["complete", "-m", "echo"])
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, file=sys.stderr)
"""


def test_endless_input_costs_no_more_memory_than_the_largest_that_is_read() -> None:
    used = []
    for name in (os.devnull, "/dev/zero"):
        with Path(name).open("rb") as file:
            script = [sys.executable, "-c", MEMORY]
            done = run(script, stdin=file, capture_output=True, check=True)
            used.append(int(done.stderr.splitlines()[-1]))
    assert used[1] - used[0] < 64 << 20


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_wait_for_input_and_the_process(number: signal.Signals) -> None:
    """The process dies by the signal itself, so that a loop in a shell ends too."""
    process = start("complete", "-m", "echo")
    wait_until_it_reads(process)
    process.send_signal(number)
    assert process.wait(60) == -number
    assert process.communicate() == (b"", b"")


WAITS = """
import asyncio, os, signal
from starcoder_cli import __main__ as program

async def kill():
    os.kill(os.getpid(), signal.SIGTERM)

async def wait():
    loop = asyncio.get_running_loop()
    held = {START}
    await asyncio.sleep(60)

program.main = lambda: asyncio.run(wait())
program.run()
"""


@pytest.mark.parametrize(
    "begin", ["loop.create_task(kill())", "loop.call_soon(os.kill, os.getpid(), signal.SIGTERM)"]
)
def test_a_signal_ends_a_server_whatever_it_is_doing(begin: str) -> None:
    """It was a bug that asyncio kept the exception of one that came while it ran a callback."""
    done = run([sys.executable, "-c", WAITS.replace("{START}", begin)], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, b"", b"")


def wait_until_it_reads(process: Popen[bytes]) -> None:
    """Return when the process has taken what it got."""
    import fcntl
    import struct
    import termios

    assert process.stdin
    process.stdin.write(b"x")
    process.stdin.flush()
    while True:
        (waiting,) = struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, b"\0" * 4))
        if not waiting:
            return


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """`nohup starcoder ...` goes on when the terminal is closed."""
    script = 'trap "" HUP; exec "$PYTHON" -m starcoder_cli complete -m echo'
    environment = {**os.environ, "PYTHON": sys.executable}
    with Popen(["bash", "-c", script], env=environment, stdin=PIPE, stdout=PIPE) as process:
        wait_until_it_reads(process)
        process.send_signal(signal.SIGHUP)
        assert process.communicate(b"y")[0] == b"xy"
        assert process.returncode == 0


@pytest.mark.model
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_what_was_printed_and_nothing_else(
    number: signal.Signals, real_model: Path, folder: Path
) -> None:
    (folder / "count.py").write_text("NUMBERS = [\n    1,\n    2,\n    3,\n")
    command = [*COMMAND, "complete", "count.py", "--max-tokens", "2000"]
    with Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout
        first = process.stdout.read(len("    4"))
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (-number, b"")
    assert (first + rest).startswith(b"    4")
    assert list((folder / "temporary").iterdir()) == []

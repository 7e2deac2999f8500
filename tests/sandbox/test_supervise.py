"""A command of which nothing is left, whichever way it ends."""

import os
import signal
import subprocess
import sys

import pytest

from starcoder_cli.sandbox import supervise
from starcoder_cli.sandbox.supervise import end_supervised, supervised_command

linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no supervisor elsewhere")


@linux
@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill $$", 143)]
)
def test_the_exit_code_is_that_of_the_command(script: str, code: int) -> None:
    process = subprocess.Popen(supervised_command(["sh", "-c", script]), start_new_session=True)
    assert process.wait(60) == code


@linux
def test_a_command_that_there_is_not() -> None:
    words = supervised_command(["/none/such"])
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
    assert process.wait(60) == 127


@linux
def test_its_end_waits_for_all_that_it_has_started() -> None:
    script = "setsid sleep 600 & setsid setsid sleep 600 & echo; exec sleep 600"
    words = supervised_command(["sh", "-c", script])
    with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.read(1) == b"\n"
        end_supervised(process)
        assert process.stdout.read() == b""  # whoever had the other end is gone
    assert process.returncode == 128 + signal.SIGTERM


@linux
def test_it_ends_where_whoever_started_it_is_killed() -> None:
    starter = (
        "import subprocess\n"
        "from starcoder_cli.sandbox.supervise import supervised_command\n"
        "script = 'setsid sleep 600 & echo; exec sleep 600'\n"
        "subprocess.Popen(supervised_command(['sh', '-c', script])).wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.read(1) == b"\n"
        os.kill(process.pid, signal.SIGKILL)
        assert process.stdout.read() == b""


def test_elsewhere_it_is_the_command_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "HAS_SUPERVISOR", False)
    assert supervised_command(["sh", "-c", "x"]) == ["sh", "-c", "x"]
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    end_supervised(process)
    assert process.returncode == -signal.SIGKILL

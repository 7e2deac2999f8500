"""What is below a process, as the supervisor of a command sees it."""

import os
import signal
import subprocess
import sys

import pytest

from starcoder_cli.sandbox.inside.supervisor import list_children, list_descendants

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is read")


def test_descendants_are_found_at_any_depth() -> None:
    script = "sh -c 'sleep 600 & echo; wait' & wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.read(1) == b"\n"
        assert process.pid in list_children(os.getpid())
        below = list_descendants(process.pid)
        assert len(below) == 2
        for each in (*below, process.pid):
            os.kill(each, signal.SIGKILL)
    assert list_children(process.pid) == []

"""The most memory that a process has had."""

import subprocess
import sys
from pathlib import Path

import pytest

from starcoder_cli.benchmark.measure import peak_memory_bytes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
SCRIPT = """
from starcoder_cli.benchmark.measure import peak_memory_bytes
before = peak_memory_bytes()
taken = bytearray(b"x" * (64 << 20))
del taken
print(before, peak_memory_bytes())
"""


def test_it_is_of_the_program_alone_and_counts_what_was_given_back() -> None:
    """`getrusage` would begin with what this process takes."""
    ballast = b"x" * (256 << 20)
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True)
    before, after = map(int, done.stdout.split())
    assert len(ballast) > before > 1 << 20
    assert after - before > 60 << 20


def test_elsewhere_it_is_what_getrusage_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert peak_memory_bytes(tmp_path / "none") > 1 << 20
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory_bytes(tmp_path / "none") == 0

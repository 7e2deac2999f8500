"""Whether somebody opened a file meanwhile."""

import sys
from pathlib import Path

import pytest

from starcoder_cli.candidates.read_watch import ReadWatch, watch_reads

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="inotify is Linux's alone"
)


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module that Python has compiled, beside another one."""
    compiled = tmp_path / "__pycache__"
    compiled.mkdir()
    for name in ("a", "ab"):
        (tmp_path / f"{name}.py").write_text("x = 1\n")
        (compiled / f"{name}.cpython-311.pyc").write_bytes(b"x")
    return tmp_path / "a.py"


def test_what_is_opened_is_noticed(module: Path) -> None:
    with watch_reads(module) as watch:
        assert not watch.was_read()
        module.stat()
        list(module.parent.iterdir())
        module.with_name("ab.py").read_text()
        (module.parent / "__pycache__" / "ab.cpython-311.pyc").read_bytes()
        assert not watch.was_read()
        module.read_text()
        assert watch.was_read()
    assert watch.was_read() is None


def test_what_python_compiled_counts_too(module: Path) -> None:
    with watch_reads(module) as watch:
        (module.parent / "__pycache__" / "a.cpython-311.pyc").read_bytes()
        assert watch.was_read()


def test_a_file_that_is_not_there_was_not_read(tmp_path: Path) -> None:
    with watch_reads(tmp_path / "missing.py") as watch:
        assert watch.was_read() is None


def test_a_system_without_events_does_not_tell(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starcoder_cli.candidates.read_watch.IN_OPEN", 0x200)  # IN_DELETE
    with watch_reads(module) as watch:
        module.read_text()
        assert watch.was_read() is None


def test_another_system_does_not_tell(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ctypes.CDLL", lambda *_, **options: object())
        watch = ReadWatch(module)
    module.read_text()
    assert watch.was_read() is None
    watch.close()

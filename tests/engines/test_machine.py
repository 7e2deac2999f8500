"""What the machine has, as torch and the system's own files tell it."""

import os
import sys
from pathlib import Path

import pytest

from starcoder_cli.engines import machine
from starcoder_cli.engines.machine import detect_machine, free_memory, has_bf16
from starcoder_cli.engines.transformers.placement import Machine
from starcoder_cli.errors import MachineError

GB = 10**9


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc of a machine with 16 GiB, of which 8 can be used."""
    folder = tmp_path / "proc"
    (folder / "self").mkdir(parents=True)
    lines = ("MemTotal: 16777216 kB", "MemFree: 1048576 kB", "MemAvailable: 8388608 kB")
    (folder / "meminfo").write_text("\n".join(lines) + "\n")
    return folder


def group(folder: Path, files: dict[str, str]) -> None:
    """A control group with these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")


def version2(limit: str, used: int) -> dict[str, str]:
    """The files of a group of version 2, of whose bytes 1 GB is cache that is given up first."""
    return {
        "memory.max": limit,
        "memory.current": str(used),
        "memory.stat": f"anon 5\ninactive_file {GB}",
    }


def test_what_can_be_used_is_more_than_what_lies_idle(proc: Path, tmp_path: Path) -> None:
    assert free_memory(proc, tmp_path / "none") == 8 * 2**30


def test_where_linux_does_not_tell_all_memory_counts(tmp_path: Path) -> None:
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert free_memory(tmp_path, tmp_path) == physical


@pytest.mark.parametrize(
    ("groups", "free"),
    [
        ({"": version2(str(4 * GB), 3 * GB)}, 2 * GB),
        ({"a": version2(str(4 * GB), 3 * GB)}, 2 * GB),
        ({"a": version2(str(4 * GB), 3 * GB), "a/b": version2("max", 3 * GB)}, 2 * GB),
        ({"a": version2("max", 3 * GB), "a/b": version2(str(3 * GB), 3 * GB)}, GB),
        ({"a/b": version2(str(GB), 3 * GB)}, 0),
        ({"a/b": version2("max", 3 * GB)}, 8 * 2**30),
        ({"a/other": version2(str(GB), 0)}, 8 * 2**30),
    ],
    ids=["a container", "a parent", "its parent", "itself", "used up", "no limit", "another's"],
)
def test_the_narrowest_control_group_counts(
    groups: dict[str, dict[str, str]], free: int, proc: Path, tmp_path: Path
) -> None:
    (proc / "self" / "cgroup").write_text("0::/a/b\n")
    for name, files in groups.items():
        group(tmp_path / "cgroup" / name, files)
    assert free_memory(proc, tmp_path / "cgroup") == free


def test_control_groups_of_version_1_count_too(proc: Path, tmp_path: Path) -> None:
    """In a container the path is the host's, and the limit stands at the top."""
    (proc / "self" / "cgroup").write_text("5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n0::/\n")
    files = {
        "memory.limit_in_bytes": str(6 * GB),
        "memory.usage_in_bytes": str(3 * GB),
        "memory.stat": f"total_inactive_file {GB}",
    }
    group(tmp_path / "cgroup" / "memory", files)
    assert free_memory(proc, tmp_path / "cgroup") == 4 * GB


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("flags : fpu avx512f avx512_bf16 clwb", True),
        ("flags : fpu amx_bf16", True),
        ("Features : fp asimd bf16", True),
        ("flags : fpu avx2 avx512f", False),
    ],
)
def test_processors_that_compute_in_bf16(line: str, has: bool, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{line}\n")
    assert has_bf16(tmp_path) is has


def test_nothing_is_said_of_a_processor_that_cannot_be_asked(tmp_path: Path) -> None:
    assert has_bf16(tmp_path) is False


def test_this_machine() -> None:
    torch = pytest.importorskip("torch")
    found = detect_machine()
    assert found.free_memory > 0
    names = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    assert [device.name for device in found.accelerators] == (names or mps)
    assert all(0 <= device.free <= device.total for device in found.accelerators)


def test_without_torch_there_is_nothing_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MachineError) as caught:
        detect_machine()
    assert str(caught.value) == "torch is not installed; pip install torch transformers"


def test_a_torch_that_is_broken_is_to_be_reinstalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("import nothing_of_that_name\n", "raise OSError('no libcudart')\n"):
        (tmp_path / "torch.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "torch", raising=False)
        with pytest.raises(MachineError, match="cannot be imported: .*; reinstall it: pip"):
            detect_machine()


def test_torch_is_not_asked_where_it_could_find_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Machine((), 1)
    monkeypatch.setattr(machine, "detect_machine", lambda: asked)
    monkeypatch.setattr(machine, "may_have_accelerator", lambda: True)
    assert machine.find_machine() is asked
    monkeypatch.setattr(machine, "may_have_accelerator", lambda: False)
    assert machine.find_machine() is not asked and machine.find_machine().accelerators == ()

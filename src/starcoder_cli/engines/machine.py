"""What this machine has to compute with: accelerators, as torch sees them, and free memory."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from starcoder_cli.engines.transformers.placement import Accelerator, Machine
from starcoder_cli.errors import MachineError

BF16_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""What Linux calls the instructions for bf16, on x86 and on arm."""

CGROUP_FILES = (
    ("", "memory.max", "memory.current", "inactive_file"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Control groups of Linux, version 2 and 1: folder, limit, use, and the part that is but cache."""


def detect_machine() -> Machine:
    """The accelerators that torch sees, and the processor; MachineError where there is no torch."""
    import warnings

    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name == "torch":
            raise MachineError("torch is not installed", "pip install torch transformers") from None
        raise unusable_torch_error(error) from error
    except (ImportError, OSError) as error:
        raise unusable_torch_error(error) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old driver, which `starcoder doctor` tells about
        if torch.cuda.is_available():
            devices = tuple(_cuda_device(index) for index in range(torch.cuda.device_count()))
        else:
            devices = (_mps_device(),) if torch.backends.mps.is_available() else ()
    return Machine(devices, free_memory(), has_bf16())


def unusable_torch_error(error: Exception) -> MachineError:
    """The error where torch is there, and cannot be imported."""
    remedy = "reinstall it: pip install --force-reinstall torch"
    return MachineError(f"torch cannot be imported: {error}", remedy)


def find_machine() -> Machine:
    """The same, without asking torch where there is nothing that it could find."""
    return detect_machine() if may_have_accelerator() else Machine((), free_memory(), has_bf16())


def may_have_accelerator(devices: Path = Path("/dev")) -> bool:
    """Whether there is anything that torch could find a GPU behind, without asking it."""
    names = ("nvidia[0-9]*", "kfd", "dxg")  # CUDA's, ROCm's, that of Windows's Linux
    return sys.platform != "linux" or any(any(devices.glob(name)) for name in names)


def free_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """The bytes that can still be used: what Linux says, within the limits of its control groups.

    Elsewhere all the memory there is: what is free is not told there.
    """
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        table = dict(line.split(":", 1) for line in lines)
        available = int(table["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(0, min([available, *_cgroup_allowances(proc, groups)]))


def peak_gpu_memory() -> int:
    """The most bytes that torch has held on GPUs in this process, 0 where it holds none."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return 0
    indices = range(torch.cuda.device_count())
    return sum(torch.cuda.max_memory_reserved(index) for index in indices)


def has_bf16(proc: Path = Path("/proc")) -> bool:
    """Whether the processor computes in bf16 itself; no where that cannot be told."""
    try:
        return not BF16_CPU_FLAGS.isdisjoint((proc / "cpuinfo").read_text().split())
    except OSError:
        return False


def _cuda_device(index: int) -> Accelerator:
    """One GPU; nothing is free on one that refuses to say."""
    import torch

    properties = torch.cuda.get_device_properties(index)
    try:
        free, total = torch.cuda.mem_get_info(index)
    except RuntimeError:  # another process has it for itself, or all of its memory
        free, total = 0, properties.total_memory
    return Accelerator(f"cuda:{index}", properties.name, free, total, properties.major >= 8)


def _mps_device() -> Accelerator:
    """Apple's GPU, which shares the memory of the processor."""
    import torch

    total = torch.mps.recommended_max_memory()
    free = total - torch.mps.current_allocated_memory()
    return Accelerator("mps", "Apple GPU", free, total, torch.backends.mps.is_macos_or_newer(14, 0))


def _cgroup_allowances(proc: Path, groups: Path) -> Iterator[int]:
    """What each memory limit over this process leaves it."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, subpath = line.split(":", 2)
        for controller, limit, usage, cache in CGROUP_FILES:
            if controller not in controllers.split(","):
                continue
            root = groups / controller
            folder = root / subpath.lstrip("/")
            for group in (folder, *folder.parents):
                yield from _remaining_allowance(group / limit, group / usage, cache)
                if group == root:
                    break


def _remaining_allowance(limit: Path, usage: Path, cache: str) -> Iterator[int]:
    """What a group's limit leaves, if it has one."""
    try:
        statistics = dict(
            line.split() for line in (limit.parent / "memory.stat").read_text().splitlines()
        )
        yield int(limit.read_text()) - int(usage.read_text()) + int(statistics.get(cache, 0))
    except (OSError, ValueError):  # no such group, or its limit is `max`
        return

"""What this machine can compute with: accelerators, as torch sees them, and free memory."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from starcoder_cli.engines.transformers.placement import Accelerator, Machine
from starcoder_cli.errors import MachineError

BF16_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Linux's names for bf16 instructions, on x86 and on Arm."""

CGROUP_FILES = (
    ("", "memory.max", "memory.current", "inactive_file"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Linux control groups, versions 2 and 1: folder, limit, use, and the part that is only cache."""


def detect_machine() -> Machine:
    """Detect the CPU and the accelerators that torch sees; raises MachineError without torch."""
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
        warnings.simplefilter("ignore")  # an old driver, which `starcoder doctor` reports
        if torch.cuda.is_available():
            devices = tuple(_cuda_device(index) for index in range(torch.cuda.device_count()))
        else:
            devices = (_mps_device(),) if torch.backends.mps.is_available() else ()
    return Machine(devices, free_memory(), has_bf16())


def unusable_torch_error(error: Exception) -> MachineError:
    """The error for a torch that is installed but cannot be imported."""
    remedy = "reinstall it: pip install --force-reinstall torch"
    return MachineError(f"torch cannot be imported: {error}", remedy)


def find_machine() -> Machine:
    """The same as `detect_machine`, but without importing torch if it could find nothing."""
    return detect_machine() if may_have_accelerator() else Machine((), free_memory(), has_bf16())


def may_have_accelerator(devices: Path = Path("/dev")) -> bool:
    """Whether the system has any device that might be a GPU for torch, without importing it."""
    names = ("nvidia[0-9]*", "kfd", "dxg")  # CUDA's, ROCm's, WSL's
    return sys.platform != "linux" or any(any(devices.glob(name)) for name in names)


def free_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """The bytes that can still be used: what Linux reports, within its control groups' limits.

    On other systems, which do not report free memory, all the memory there is.
    """
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        table = dict(line.split(":", 1) for line in lines)
        available = int(table["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(0, min([available, *_cgroup_allowances(proc, groups)]))


def peak_gpu_memory() -> int:
    """The most bytes that torch has held on GPUs in this process, or 0 if it holds none."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return 0
    indices = range(torch.cuda.device_count())
    return sum(torch.cuda.max_memory_reserved(index) for index in indices)


def has_bf16(proc: Path = Path("/proc")) -> bool:
    """Whether the CPU itself computes in bf16; false if that is unknown."""
    try:
        return not BF16_CPU_FLAGS.isdisjoint((proc / "cpuinfo").read_text().split())
    except OSError:
        return False


def _cuda_device(index: int) -> Accelerator:
    """Describe one GPU; one that refuses to say counts as having no free memory."""
    import torch

    properties = torch.cuda.get_device_properties(index)
    try:
        free, total = torch.cuda.mem_get_info(index)
    except RuntimeError:  # another process has exclusive use of it, or of all its memory
        free, total = 0, properties.total_memory
    return Accelerator(f"cuda:{index}", properties.name, free, total, properties.major >= 8)


def _mps_device() -> Accelerator:
    """Apple's GPU, which shares the CPU's memory."""
    import torch

    total = torch.mps.recommended_max_memory()
    free = total - torch.mps.current_allocated_memory()
    return Accelerator("mps", "Apple GPU", free, total, torch.backends.mps.is_macos_or_newer(14, 0))


def _cgroup_allowances(proc: Path, groups: Path) -> Iterator[int]:
    """Yield what each memory limit on this process leaves it."""
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
    """Yield what a group's limit leaves, if it has one."""
    try:
        statistics = dict(
            line.split() for line in (limit.parent / "memory.stat").read_text().splitlines()
        )
        yield int(limit.read_text()) - int(usage.read_text()) + int(statistics.get(cache, 0))
    except (OSError, ValueError):  # no such group, or its limit is `max`
        return

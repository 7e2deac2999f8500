"""How much memory a process has taken."""

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def high_water() -> int:
    """The most bytes of memory that this process has had at once; 0 where that is not told.

    Linux tells it of the running program (VmHWM, proc(5)); what `getrusage` tells may be of the
    process that started it.
    """
    try:
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024

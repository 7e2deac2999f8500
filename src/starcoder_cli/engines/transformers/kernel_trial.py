"""Whether the kernels run on this machine's GPU, which only a trial can tell."""

from collections.abc import Callable

from starcoder_cli.system.foreign import ForeignError, foreign_errors


def kernel_failure(trial: Callable[[], object]) -> str:
    """Why a trial of a kernel failed; empty where it did not.

    Triton comes with torch for CUDA, and needs a C compiler.
    """
    try:
        with foreign_errors():
            trial()
    except ForeignError as error:  # of Triton, of the compiler, of the driver
        return " ".join(str(error).split())[:200]
    return ""

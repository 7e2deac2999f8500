"""Whether the kernels run on this machine's GPU, which only a trial can tell."""

from collections.abc import Callable

from starcoder_cli.system.foreign import ForeignError, foreign_errors


def kernel_failure(trial: Callable[[], object]) -> str:
    """Return why a trial of a kernel failed, or an empty string if it did not.

    Triton comes with torch for CUDA, and needs a C compiler.
    """
    try:
        with foreign_errors():
            trial()
    except ForeignError as error:  # from Triton, the compiler or the driver
        return " ".join(str(error).split())[:200]
    return ""

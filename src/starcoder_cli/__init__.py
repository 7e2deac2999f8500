"""Complete, fill, edit and discuss code from the command line, with models on your own machine.

with starcoder_cli.load("qwen2.5-coder-0.5b") as model:
    print(model.fill("def mean(values):\n    ", "\n").text)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starcoder_cli.api import load

__all__ = ["__version__", "load"]
__version__ = "0.2.0"


def __getattr__(name: str) -> object:
    """Import `load` when it is first used: importing the package loads nothing else."""
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from starcoder_cli.api import load

    return load

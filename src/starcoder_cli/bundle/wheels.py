"""The wheels of the installed packages, fetched or built by pip."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from starcoder_cli.bundle.requirements import InstalledPackage
from starcoder_cli.errors import UnavailableError
from starcoder_cli.models.wheels import pip_environment
from starcoder_cli.terminal.sanitize import to_one_line


def collect_wheels(
    packages: Sequence[InstalledPackage], folder: Path, report: Callable[[int, int], None]
) -> None:
    """Put a wheel of each package into a folder; `report` is given how many of them are done.

    Raises UnavailableError with pip's reason for a package that cannot be fetched or built.
    """
    import subprocess

    for done, package in enumerate(packages):
        report(done, len(packages))
        finished = subprocess.run(
            pip_command(package, folder),
            env=pip_environment(folder.parent),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if finished.returncode:
            raise UnavailableError(
                f"pip has no wheel of {package.requirement}: {last_reason(finished.stdout)}",
                "check the network, or pip's settings: pip config list",
            )
    report(len(packages), len(packages))


def pip_command(package: InstalledPackage, folder: Path) -> Sequence[str]:
    """The call of pip. `-P` keeps a `pip.py` in the current folder from running in its place."""
    index = ("--extra-index-url", package.index) if package.index else ()
    return (
        *(sys.executable, "-P", "-m", "pip", "wheel", "--no-deps", "--quiet"),
        *("--disable-pip-version-check", "--no-input", "--no-color"),
        *("--wheel-dir", str(folder), *index, package.requirement),
    )


def last_reason(output: str) -> str:
    """The last error that pip wrote, or its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return to_one_line((errors or lines or ["it gave no reason"])[-1], 300)

"""Build a release, check it, and say what it is made of: `make release`.

dist/ then has the sdist, the wheel, a list of everything that the program runs on (CycloneDX), and
the SHA-256 of each. The bytes depend on the commit and the pinned build tools alone.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from starcoder_cli import __version__
from starcoder_cli.bundle.requirements import PROJECT, find_installed_packages

DIST, CHECKED = Path("dist"), Path("build/release")
UV = (sys.executable, "-m", "uv")
TWINE, CYCLONEDX = "twine==7.0.0", "cyclonedx-bom==7.5.0"


def run(command: Sequence[str], **variables: str) -> str:
    """What a command says on standard output; the release ends if the command fails."""
    environment = {**os.environ, **variables}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}")
    return done.stdout


def build() -> None:
    """Build the sdist, and the wheel out of it."""
    shutil.rmtree(DIST, ignore_errors=True)
    epoch = run(["git", "log", "-1", "--format=%ct"]).strip()
    constraints = ("--build-constraints", "constraints.txt")
    run([*UV, "build", "--quiet", *constraints], SOURCE_DATE_EPOCH=epoch)


def check() -> None:
    """Install the wheel beside the libraries that are here, and use it."""
    wheel = next(DIST.glob("*.whl"))
    files = map(str, sorted(DIST.glob("starcoder*")))
    run([*UV, "tool", "run", "--quiet", TWINE, "check", "--strict", *files])
    shutil.rmtree(CHECKED, ignore_errors=True)
    run([*UV, "pip", "install", "--quiet", "--no-deps", "--target", str(CHECKED), str(wheel)])
    program = [sys.executable, "-m", "starcoder_cli"]
    version = run([*program, "--version"], PYTHONPATH=str(CHECKED))
    if version != f"starcoder {__version__}\n":
        sys.exit(f"the wheel says {version.strip()} and not {__version__}")
    run([*program, "fill", "-m", "echo", "-q", "examples/unique.go:13"], PYTHONPATH=str(CHECKED))


def list_parts() -> None:
    """Write what the program runs on, directly or not, in the versions that were tested."""
    parts = [part.requirement for part in find_installed_packages() if part.name != PROJECT]
    requirements = CHECKED / "requirements.txt"
    requirements.write_text("\n".join(parts) + "\n", encoding="utf-8")
    place = DIST / f"starcoder_cli-{__version__}.cdx.json"
    command = [*UV, "tool", "run", "--quiet", "--from", CYCLONEDX, "cyclonedx-py", "requirements"]
    options = ["--pyproject", "pyproject.toml", "--output-reproducible", "--output-file"]
    run([*command, *options, str(place), str(requirements)])


def write_checksums() -> None:
    """Write the SHA-256 of each file, as `sha256sum --check` reads it."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(DIST.iterdir())
        if not path.name.startswith(".")
    ]
    (DIST / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    print("".join(lines), end="")


if __name__ == "__main__":
    build()
    check()
    list_parts()
    write_checksums()

"""Install the bundle that this file lies in: `python3 install.py [ENVIRONMENT]`.

It needs Python and nothing else, and no network. The environment is a new one, in
`~/.local/share/starcoder-cli` if none is named; the models go where the program looks for them.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

CONTENTS_FILE, INSTALLER_FILE = "bundle.json", "install.py"
WHEELS_FOLDER, MODELS_FOLDER, HUB_FOLDER = "wheels", "models", "hub"
ASK_FOLDERS = (
    "from starcoder_cli.settings import models_dir; "
    "from starcoder_cli.models.cache import cache_folder; "
    "print(models_dir(), cache_folder(), sep='\\n')"
)
DEFAULT_ENVIRONMENT = "~/.local/share/starcoder-cli"
CHUNK_BYTES = 1 << 20


def describe_python() -> dict[str, str]:
    """What wheels with compiled code are built for."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": version, "platform": sysconfig.get_platform()}


def compute_checksums(bundle: Path) -> dict[str, str]:
    """The SHA-256 of each file of a bundle but its list of contents, by its path."""
    files = (path for path in sorted(bundle.rglob("*")) if path.is_file())
    return {
        path.relative_to(bundle).as_posix(): compute_checksum(path)
        for path in files
        if path.name != CONTENTS_FILE or path.parent != bundle
    }


def compute_checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            checksum.update(chunk)
    return checksum.hexdigest()


def find_problem(bundle: Path, environment: Path) -> str:
    """Why the bundle cannot be installed there; empty if it can."""
    try:
        contents = json.loads((bundle / CONTENTS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"{bundle / CONTENTS_FILE} cannot be read: {error}"
    here = describe_python()
    for part in ("python", "platform"):
        if contents[part] != here[part]:
            return f"this bundle is for {part} {contents[part]}, and this is {here[part]}"
    if environment.exists():
        return f"{environment} exists: delete it, or name another folder"
    found = compute_checksums(bundle)
    for name, checksum in contents["files"].items():
        if found.get(name) != checksum:
            return f"{name} is damaged or missing: copy the bundle again"
    return ""


def install(bundle: Path, environment: Path) -> Path:
    """Install the wheels into a new environment and the models beside; the program's path."""
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    wheels = sorted(map(str, (bundle / WHEELS_FOLDER).glob("*.whl")))
    # pip runs out of its own wheel, since many systems ship Python without it.
    path = next(wheel for wheel in wheels if Path(wheel).name.startswith("pip-"))
    options = ("--isolated", "--no-index", "--no-deps", "--no-cache-dir", "--quiet")
    subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", "install", *options, *wheels],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    asked = subprocess.run(
        [python, "-c", ASK_FOLDERS], stdout=subprocess.PIPE, text=True, check=True
    )
    for source, target in zip((MODELS_FOLDER, HUB_FOLDER), asked.stdout.splitlines(), strict=True):
        copy_models(bundle / source, Path(target))
    return environment / "bin" / "starcoder"


def copy_models(source: Path, target: Path) -> None:
    """Copy each model that is not at the target yet."""
    for folder in source.iterdir() if source.is_dir() else ():
        if (target / folder.name).exists():
            print(f"{target / folder.name} exists and stays as it is", file=sys.stderr)
        else:
            shutil.copytree(folder, target / folder.name, symlinks=True)


def link_program(program: Path, folder: Path) -> Iterator[str]:
    """Make the program callable by its name; lines that say what was done and what is left."""
    link = folder / program.name
    if link.exists() or link.is_symlink():
        yield f"installed; run {program} ({link} exists and stays as it is)"
        return
    folder.mkdir(parents=True, exist_ok=True)
    link.symlink_to(program)
    yield f"installed; run: {program.name} doctor"
    if str(folder) not in os.environ.get("PATH", "").split(os.pathsep):
        yield f"add {folder} to PATH first"


def main() -> int:
    """Check the bundle, install it, and say how to run the program."""
    bundle = Path(__file__).resolve().parent
    words = sys.argv[1:]
    if len(words) > 1 or (words and words[0].startswith("-")):
        print(f"usage: python3 {INSTALLER_FILE} [ENVIRONMENT]", file=sys.stderr)
        return 2
    environment = Path(words[0] if words else DEFAULT_ENVIRONMENT).expanduser().absolute()
    problem = find_problem(bundle, environment)
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    try:
        program = install(bundle, environment)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(environment, ignore_errors=True)
        print(f"error: the installation failed: {error}", file=sys.stderr)
        return 1
    if words:
        print(f"installed; run: {program} doctor")
    else:
        print(*link_program(program, Path("~/.local/bin").expanduser()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

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
from collections.abc import Iterable, Iterator
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


def read_contents(bundle: Path) -> dict[str, dict[str, str]]:
    """What the bundle is for, and the checksums of its files; raises ValueError."""
    try:
        contents = json.loads((bundle / CONTENTS_FILE).read_text(encoding="utf-8"))
        return {
            "machine": {part: str(contents[part]) for part in ("python", "platform")},
            "files": {str(name): str(checksum) for name, checksum in contents["files"].items()},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{bundle / CONTENTS_FILE} cannot be read: {error}") from None


def find_problem(
    bundle: Path, contents: dict[str, dict[str, str]], environment: Path
) -> Iterator[str]:
    """Yield why the bundle cannot be installed there."""
    here = describe_python()
    for part, wanted in contents["machine"].items():
        if wanted != here[part]:
            yield f"this bundle is for {part} {wanted}, and this is {here[part]}"
    if environment.exists():
        yield f"{environment} exists: delete it, or name another folder"
    found = compute_checksums(bundle)
    for name, checksum in contents["files"].items():
        if found.get(name) != checksum:
            yield f"{name} is damaged or missing: copy the bundle again"
    for name in sorted(found.keys() - contents["files"].keys()):
        yield f"{name} is not part of the bundle: delete it"


def install(bundle: Path, files: Iterable[str], environment: Path) -> Path:
    """Install the wheels into a new environment and the models beside; the program's path."""
    venv.create(environment, with_pip=False, symlinks=True)
    # `-P` keeps Python files in the current folder from being run in the place of a module.
    python = [str(environment / "bin" / "python"), "-P"]
    wheels = [str(bundle / name) for name in files if name.startswith(f"{WHEELS_FOLDER}/")]
    # pip runs out of its own wheel, since many systems ship Python without it.
    path = next((wheel for wheel in wheels if Path(wheel).name.startswith("pip-")), "")
    options = ("--isolated", "--no-index", "--no-deps", "--no-cache-dir", "--quiet")
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [*python, "-m", "pip", "--disable-pip-version-check", "install", *options, *wheels],
        env={**variables, "PYTHONPATH": path},
        check=True,
    )
    asked = subprocess.run(
        [*python, "-c", ASK_FOLDERS],
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for source, target in zip((MODELS_FOLDER, HUB_FOLDER), asked.stdout.splitlines(), strict=True):
        copy_models(bundle / source, Path(target))
    return environment / "bin" / "starcoder"


def install_or_clean(bundle: Path, files: Iterable[str], environment: Path) -> Path:
    """Install, or leave no environment; raises ValueError with the reason."""
    try:
        return install(bundle, files, environment)
    except subprocess.CalledProcessError as error:
        reason = f"{Path(error.cmd[0]).name} exited with status {error.returncode}"
    except shutil.Error as error:
        reason = str(error.args[0][0][-1] if error.args and error.args[0] else error)
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}"
    except KeyboardInterrupt:
        shutil.rmtree(environment, ignore_errors=True)
        raise
    shutil.rmtree(environment, ignore_errors=True)
    raise ValueError(f"the installation failed: {reason}")


def copy_models(source: Path, target: Path) -> None:
    """Copy each model that is not at the target yet; it has its name only when it is complete."""
    for folder in source.iterdir() if source.is_dir() else ():
        if (target / folder.name).exists():
            print(f"{target / folder.name} exists and stays as it is", file=sys.stderr)
            continue
        partial = target / f".{folder.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            shutil.copytree(folder, partial, symlinks=True)
            partial.rename(target / folder.name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def link_program(program: Path, folder: Path) -> Iterator[str]:
    """Make the program callable by its name; lines that say what was done and what is left."""
    link = folder / program.name
    if link.exists() or link.is_symlink():
        yield f"installed; run {program} ({link} exists and stays as it is)"
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        link.symlink_to(program)
    except OSError as error:
        yield f"installed; run {program} ({link} cannot be made: {error.strerror})"
        return
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
    try:
        contents = read_contents(bundle)
        for problem in find_problem(bundle, contents, environment):
            raise ValueError(problem)
        program = install_or_clean(bundle, contents["files"], environment)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if words:
        print(f"installed; run: {program} doctor")
    else:
        print(*link_program(program, Path("~/.local/bin").expanduser()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

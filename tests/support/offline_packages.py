"""A small project with the names that an installer asks for, and the wheels that it needs."""

import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

PROGRAM = "tiny-starcoder"
SETTINGS = "import os\nfrom pathlib import Path\n\ndef {0}():\n    return Path(os.environ['{1}'])\n"


def write_wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    """A wheel of some files, its own `.dist-info` among them."""
    path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for place, content in files.items():
            archive.writestr(place, content)
    return path


def describe(name: str, version: str, *requires: str, scripts: str = "") -> dict[str, bytes]:
    """The `.dist-info` of a pure package."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"]
    lines += [f"Requires-Dist: {each}\n" for each in requires]
    return {
        f"{folder}/METADATA": "".join(lines).encode(),
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{folder}/entry_points.txt": scripts.encode(),
        f"{folder}/RECORD": b"",
    }


def pip_files() -> dict[str, bytes]:
    """The files of the pip that is installed here."""
    package = distribution("pip")
    return {
        str(file): Path(str(file.locate())).read_bytes()
        for file in package.files or ()
        if not str(file).startswith("..") and file.suffix != ".pyc"
    }


def install_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a small program be installed that needs pip; the only index is a folder with both."""
    index, site = folder / "index", folder / "site"
    index.mkdir(parents=True)
    scripts = "[console_scripts]\nstarcoder = tiny_program:run\n"
    files = describe(PROGRAM, "1.0", "pip", "absent-package", scripts=scripts) | {
        "tiny_program.py": b"def run():\n    print('it runs')\n",
        "starcoder_cli/settings.py": SETTINGS.format("models_dir", "TINY_MODELS").encode(),
        "starcoder_cli/models/cache.py": SETTINGS.format("cache_folder", "TINY_HUB").encode(),
    }
    write_wheel(index, PROGRAM, "1.0", files)
    write_wheel(index, "pip", distribution("pip").version, pip_files())
    for place, content in describe(PROGRAM, "1.0", "pip", "absent-package").items():
        (site / place).parent.mkdir(parents=True, exist_ok=True)
        (site / place).write_bytes(content)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return index

"""Every command in the README runs, in a copy of the folders that it names."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from sites import Site, serving
from starcoder_cli.catalog import find_model
from starcoder_cli.models.store import locate_model
from tiny import build

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# `.ci/run` runs the first, test_package.py installs the project, test_serve.py and
# test_serve_http.py have a server, and tools/vllm.py serves another model.
ELSEWHERE = (
    *("make ", "pip install", "starcoder ps", "starcoder stop", "starcoder serve", "vllm serve"),
    *("export STARCODER_API_KEY", "curl "),
)
SPEAKS_TO_PEOPLE = (
    *("starcoder config set", "starcoder completion fish --install"),
    *("starcoder models recommend", "starcoder models use"),
)
ENDPOINT = "http://127.0.0.1:8000"


def commands() -> list[str]:
    """The commands in the README's shell blocks, those that run elsewhere left out."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line]
    return [line for line in lines if not line.startswith(ELSEWHERE)]


@pytest.mark.parametrize("command", commands())
def test_every_command_in_the_readme_runs(command: str, tmp_path: Path) -> None:
    """With `echo` for a model where the words do not matter, and for StarCoder a tiny sister.

    What that one writes is random, and worth a note."""
    pulled = re.search(r"models pull (\S+)", command)
    if pulled and not locate_model(find_model(pulled[1])):
        pytest.skip(f"{pulled[1]} is not here, and tests do not use the network")
    if "-m starcoder2-3b" in command:
        (tmp_path / "tiny").mkdir()
        build(tmp_path / "tiny", "starcoder2")
        command = re.sub("-m starcoder2-3b( -v)?", "-m ./tiny --max-tokens 8 -q", command)
    for option in ("--trace", "-n 4"):  # what `echo` says is worth a note too
        command = command.replace(option, f"{option} -q")
    for folder in ("examples", "completions"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "STARCODER_MODEL": "echo"}
    if "models search" in command:
        environment["HF_HUB_OFFLINE"] = "1"
    environment["STARCODER_ENGINE"] = "llamacpp"  # to prepare a model takes minutes
    sound = ("// one", " two")  # in whatever file of the examples it is put
    with serving(pieces=sound) if ENDPOINT in command else nullcontext(Site()) as site:
        if site.url:
            command = command.replace(ENDPOINT, site.url)
            del environment["STARCODER_MODEL"], environment["STARCODER_ENGINE"]
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    speaks = command.startswith(SPEAKS_TO_PEOPLE)
    assert (done.returncode, bool(done.stderr)) == (0, speaks), done.stderr
    elsewhere = any(mark in command for mark in (">", "--output", "--in-place"))
    assert done.stdout or elsewhere or pulled or speaks


def test_the_readme_names_files_that_exist() -> None:
    """Each `name.py` and `folder/` of the file map."""
    table = README[README.index("## How it is made") :]
    named = re.findall(r"`([a-z_/]+(?:\.py|/))`", table)
    source = ROOT / "src" / "starcoder_cli"
    places = (ROOT, source, source / "engines")
    missing = [name for name in named if not any((place / name).exists() for place in places)]
    assert named
    assert missing == []

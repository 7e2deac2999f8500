"""Every command in the documents runs, in a copy of the folders that it names."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from sites import Site, serving
from starcoder_cli.catalog import find_model
from starcoder_cli.models.store import locate_model
from tiny import build

ROOT = Path(__file__).parents[1]
DOCUMENTS = (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")))
MOST_README_LINES = 150

# How a command begins that does not run here, and why.
ELSEWHERE: Mapping[str, str] = {
    "make ": "`.ci/run` runs all of them but test-vllm",
    "pip install": "it would install into the environment of the tests, as tools/install.py did",
    "pipx ": "it installs the project for the user",
    "uv tool ": "it installs the project for the user, or removes it",
    "starcoder tune": "it trains for hours; tests/commands/test_tune.py has a tiny model",
    "starcoder bundle": "it fetches every wheel; tests/app/test_bundle.py has a small project",
    "python3 starcoder-offline": "it installs that bundle; tests/bundle has another",
    "starcoder fill -m my-project": "it is the model that `tune` makes, as above",
    "starcoder ps": "tests/commands/test_serve.py has a server",
    "starcoder stop": "tests/commands/test_serve.py has a server",
    "starcoder serve": "tests/commands/test_serve.py and test_serve_http.py start it",
    "export STARCODER_API_KEY": "it is for the server, as above",
    "curl ": "tests/commands/test_serve_http.py runs it",
    "export OPENAI_BASE_URL": "tests/test_editors.py runs it",
    "OPENAI_API_BASE=": "tools/clients.py runs it with aider",
    "vllm serve": "tools/vllm.py serves another model",
}
SPEAKS_TO_PEOPLE = (
    *("starcoder config set", "starcoder completion fish --install"),
    *("starcoder models recommend", "starcoder models use"),
)
ENDPOINT = "http://127.0.0.1:8000"


def written_commands() -> list[str]:
    """Each command in the documents' shell blocks, once."""
    blocks = [
        block
        for document in DOCUMENTS
        for block in re.findall(
            r"^ *```sh\n(.*?)^ *```", document.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
    ]
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    return list(dict.fromkeys(lines))


def commands() -> list[str]:
    """The commands without those that run elsewhere."""
    return [line for line in written_commands() if not line.startswith(tuple(ELSEWHERE))]


@pytest.mark.parametrize("command", commands())
def test_every_command_in_the_documents_runs(command: str, tmp_path: Path) -> None:
    """With `echo` for a model where the words do not matter, and for StarCoder a tiny sister.

    What that one writes is random, and worth a note."""
    pulled = re.search(r"models pull (\S+)", command)
    if pulled and not locate_model(find_model(pulled[1])):
        pytest.skip(f"{pulled[1]} is not here, and tests do not use the network")
    if "-m starcoder2-3b" in command:
        (tmp_path / "tiny").mkdir()
        build(tmp_path / "tiny", "starcoder2")
        command = re.sub("-m starcoder2-3b( -v)?", "-m ./tiny --max-tokens 8 -q", command)
    for option in ("--trace", "-n 4", "--check"):  # what `echo` says is worth a note too
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


@pytest.mark.parametrize("beginning", [*ELSEWHERE, *SPEAKS_TO_PEOPLE])
def test_every_exception_is_for_a_command_that_is_written(beginning: str) -> None:
    assert any(line.startswith(beginning) for line in written_commands())


def test_the_readme_is_short() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_README_LINES

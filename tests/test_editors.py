"""The recipes in docs/editors.md: their addresses are routes, and what can run here runs.

`tools/clients.py` runs those for editors, for JavaScript and for aider.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from apis import KEY, Server, serving
from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.server.access import DEFAULT_HTTP_PORT
from starcoder_cli.server.http_routes import HTTP_ROUTES

DOCUMENT = (Path(__file__).parents[1] / "docs" / "editors.md").read_text(encoding="utf-8")
ADDRESS = f"http://127.0.0.1:{DEFAULT_HTTP_PORT}"


def recipe(language: str, section: str) -> str:
    """The block of a language in a section."""
    text = DOCUMENT[DOCUMENT.index(f"## {section}") :]
    found = re.search(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server with a model that writes its prompt back."""
    with serving("echo") as found:
        yield found


def test_every_address_is_one_of_the_server() -> None:
    paths = re.findall(rf"{re.escape(ADDRESS)}([\w/]*)", DOCUMENT)
    assert len(paths) > 8
    assert set(paths) <= {"", "/v1", *HTTP_ROUTES}


def test_every_address_is_that_port() -> None:
    assert re.findall(r"https?://[\w.:]+", DOCUMENT) == [ADDRESS] * DOCUMENT.count(ADDRESS)


def test_every_model_is_the_default_one() -> None:
    named = re.findall(r"""\bmodel(?:_name)?["']?\s*[:=]\s*["']?([\w.-]+)""", DOCUMENT)
    assert named
    assert set(named) == {DEFAULT_MODEL}


def test_the_recipe_in_python(server: Server) -> None:
    setup = recipe("sh", "OpenAI").replace(ADDRESS, server.url)
    done = subprocess.run(
        ["bash", "-c", f"{setup}\n{sys.executable} -"],
        env={**os.environ, "STARCODER_API_KEY": KEY},
        input=recipe("python", "OpenAI"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "def mean(values):" in done.stdout


@pytest.mark.skipif(not find_spec("llm"), reason="needs the package llm")
def test_the_recipe_for_llm(server: Server, tmp_path: Path) -> None:
    entry = recipe("yaml", "llm").replace(ADDRESS, server.url)
    (tmp_path / "extra-openai-models.yaml").write_text(entry)
    (tmp_path / "keys.json").write_text(json.dumps({"starcoder": KEY}))
    done = subprocess.run(
        [sys.executable, "-m", "llm", "-m", "starcoder", "Say hi."],
        env={**os.environ, "LLM_USER_PATH": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Say hi." in done.stdout

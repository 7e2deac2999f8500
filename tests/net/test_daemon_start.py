"""What a command costs that a server answers: the process itself starts light."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from serving import ask, runtime, tiny_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs unix sockets")
__all__ = ["runtime", "tiny_file"]

HEAVY = {
    *("torch", "transformers", "tokenizers", "numpy", "xllamacpp", "openvino", "gguf"),
    *("starlette", "uvicorn", "anyio", "asyncio", "rich", "pygments", "prompt_toolkit"),
    *("httpx", "httpx2", "huggingface_hub", "multiprocessing", "concurrent.futures"),
    *("http.client", "ssl", "email", "platformdirs"),
}
SCRIPT = r"""
import json, sys
from starcoder_cli.cli import main

code = main(sys.argv[1:])
print("\n" + json.dumps([code, sorted(sys.modules)]))
"""


def test_a_command_that_a_server_answers_loads_nothing_heavy(
    runtime: Path, tiny_file: Path, tmp_path: Path
) -> None:
    ask(tiny_file)
    place = tmp_path / "a.py"
    place.write_text("a = 1\nb = 2\n")
    for command in ("complete", "fill"):
        words = (command, f"{place}:1", "-m", str(tiny_file), "--max-tokens", "1")
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT, *words], capture_output=True, check=True, text=True
        )
        code, loaded = json.loads(ran.stdout.splitlines()[-1])
        assert (code, HEAVY & set(loaded)) == (0, set())

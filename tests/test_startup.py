"""A start loads what it uses: nothing heavy before a model is needed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    *("torch", "transformers", "numpy", "bitsandbytes", "xllamacpp", "huggingface_hub"),
    *("rich", "pygments", "prompt_toolkit", "tokenizers", "httpx", "httpx2", "requests"),
    *("http.client", "ssl", "asyncio", "urllib.request", "email", "multiprocessing"),
}
SCRIPT = """
import json, sys

code = None
from starcoder_cli.cli import main

if sys.argv[1:]:
    code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], None),
        (["--version"], 0),
        (["fill"], 2),
        (["complete", "--no-such-option"], 2),
        (["fill", "a.py:999"], 2),
        (["complete", "missing.py"], 66),
        (["-m", "echo", "complete", "missing.py"], 66),
    ],
    ids=[
        *("import", "version", "no argument", "no such option", "no such line", "no such file"),
        "option first",
    ],
)
def test_nothing_heavy_is_loaded_before_a_model_is_needed(
    words: list[str], code: int | None, tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text("a = 1\nb = 2\n")
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    )
    ended, loaded = json.loads(ran.stdout.splitlines()[-1])
    assert ended == code
    assert HEAVY & set(loaded) == set()

"""How long ghost text takes after a key in Neovim with llama.vim: here, and with llama-server.

    LLAMA_VIM=FOLDER python bench/editor.py [--nvim PATH] [--keys N]

FOLDER is a checkout of llama.vim, which is used as it is. At five places of a file of 600 lines
(Python's `heapq.py`) a line is continued key by key, each key once the editor is idle; its cache is
emptied before each, so that every key is a request. The first at a place is not counted. Both
servers have the same model file, and take turns place by place.
"""

import argparse
import heapq
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.models.store import locate_model

HERE = Path(__file__).parent
KEY = "only-for-this-measurement"
LINES, PLACES, LEAD = 600, 5, 4
SESSION_SECONDS = 900


@dataclass(frozen=True)
class Place:
    """A line to continue typing: where it is, and the keys that follow."""

    line: int
    column: int
    keys: str


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nvim", default="nvim")
    parser.add_argument("--keys", type=int, default=50)
    options = parser.parse_args()
    path, plugin = locate_model(find_model(SMALL_MODEL)), os.environ.get("LLAMA_VIM")
    if path is None or not plugin:
        sys.exit(f"set LLAMA_VIM to a checkout; starcoder models pull {SMALL_MODEL}")
    text = Path(heapq.__file__).read_text(encoding="utf-8").splitlines()[:LINES]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        addresses = {
            "starcoder": stack.enter_context(our_server(folder)),
            "llama-server": stack.enter_context(their_server(path)),
        }
        results: dict[str, list[float]] = {name: [] for name in addresses}
        for place in find_places(text, options.keys // PLACES):
            for name, url in addresses.items():
                results[name] += measure(options.nvim, plugin, url, place, text)
                print(f"{name} {place.line}: {results[name]}", file=sys.stderr, flush=True)
    print("| server | keys with ghost text | median s | worst s |\n|---|---|---|---|")
    for name, seconds in results.items():
        middle, worst = statistics.median(seconds), max(seconds)
        print(f"| {name} | {len(seconds)} | {middle:.2f} | {worst:.2f} |")
    ours, theirs = (statistics.median(seconds) for seconds in results.values())
    print(f"\nratio of the medians: {ours / theirs:.2f}")


def find_places(text: Sequence[str], count: int) -> Iterator[Place]:
    """Yield lines spread over a file, long enough for this many keys and one more."""
    for number in range(1, PLACES + 1):
        for line in range(number * len(text) // (PLACES + 1), len(text)):
            row = text[line - 1]
            column = len(row) - len(row.lstrip()) + LEAD
            if row.isascii() and len(row) > column + count:
                yield Place(line, column, row[column : column + count + 1])
                break


def measure(nvim: str, plugin: str, url: str, place: Place, text: Sequence[str]) -> list[float]:
    """The seconds from a key to its ghost text, for each key except the first that had some."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, results = folder / "heap.py", folder / "results.json"
        file.write_text("\n".join(text) + "\n", encoding="utf-8")
        configuration = {"endpoint_fim": f"{url}/infill", "api_key": KEY}
        (folder / "init.vim").write_text(
            f"set nocompatible noswapfile\nset rtp^={plugin}\n"
            f"let g:llama_config = {json.dumps(configuration)}\n",
            encoding="utf-8",
        )
        task = {
            "line": place.line,
            "column": place.column,
            "keys": place.keys,
            "results": str(results),
        }
        command = [nvim, "--headless", "-u", str(folder / "init.vim"), str(file)]
        subprocess.run(
            [*command, "-c", f"luafile {HERE / 'editor.lua'}"],
            env={**os.environ, "STARCODER_EDITOR": json.dumps(task)},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SESSION_SECONDS,
            check=True,
        )
        rows = json.loads(results.read_text(encoding="utf-8"))
    return [row["seconds"] for row in rows[1:] if row.get("text")]


@contextmanager
def our_server(folder: Path) -> Iterator[str]:
    """Run `starcoder serve --http` while the body runs; yields its address."""
    command = [sys.executable, "-m", "starcoder_cli", "serve", "--http", "127.0.0.1:0"]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "STARCODER_API_KEY": KEY}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stderr
        try:
            yield server.stderr.readline().partition(" at ")[2].partition(";")[0]
        finally:
            server.terminate()


@contextmanager
def their_server(path: Path) -> Iterator[str]:
    """Run llama.cpp's server while the body runs; yields its address."""
    command = [sys.executable, str(HERE / "bare_http.py"), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


if __name__ == "__main__":
    main()

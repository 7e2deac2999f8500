"""Real files in many languages, from packages of fixed versions, for `bench/perfect.py`.

They come from the package registries that this machine is configured for (`pip download`,
`npm pack`, `apt-get download` and the mirror of `apt`), and stay in a folder outside the project.
"""

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.languages import detect_language

FILES_PER_PACKAGE = 30
"""The most files of one language that are taken from one package."""

MIN_LINES, MAX_LINES, MAX_BYTES, MAX_LINE_LENGTH = 20, 1200, 60_000, 400

PYPI = """
django==4.2.16 python html javascript css
requests==2.32.3 python
attrs==24.2.0 python toml
rich==13.9.4 python
"""
NPM = """
express@4.21.1 javascript
lodash@4.17.21 javascript
commander@12.1.0 javascript
zod@3.23.8 typescript
rxjs@7.8.1 typescript
bootstrap@5.3.3 css
element-ui@2.15.14 vue javascript
reveal.js@5.1.0 html css javascript markdown
"""
DEBIAN_BINARY = """
ruby-rack=2.2.22-0+deb12u1 ruby
ruby-sinatra=3.0.5-3+deb12u1 ruby
ruby-activesupport=2:6.1.7.10+dfsg-1~deb12u2 ruby
librust-regex-dev=1.7.1-1 rust toml
librust-itertools-dev=0.10.3-1 rust toml
librust-serde-json-dev=1.0.87-1 rust toml
lua-penlight=1.13.1-3 lua
git-extras=6.5.0-1 shell
neofetch=7.1.0-4 shell
bash-completion=1:2.11-6 shell
cl-ppcre=20220126.gitb4056c5-1 common-lisp
cl-alexandria=20211025.gita67c3a6-1 common-lisp
agda-stdlib=1.7.1-1 agda
elpa-dash=2.19.1+git20220608.1.0ac1ecf+dfsg-1 emacs-lisp
elpa-magit=3.3.0-2 emacs-lisp
sqitch=1.3.1-1 perl sql
tcllib=1.21+dfsg-1 tcl
swi-prolog-core=9.0.4+dfsg-2 prolog
"""
DEBIAN_SOURCE = """
golang-github-spf13-cobra_1.6.1.orig.tar.gz go markdown yaml
golang-github-gorilla-mux_1.8.0.orig.tar.gz go
libcommons-lang3-java_3.12.0.orig.tar.xz java
zlib_1.2.13.dfsg.orig.tar.bz2 c makefile
redis_7.0.15.orig.tar.gz c tcl shell json
jansson_2.14.orig.tar.gz c cmake
fmtlib_9.1.0+ds1.orig.tar.gz cpp cmake
catch2_2.13.10.orig.tar.gz cpp
rapidjson_1.1.0+dfsg2.orig.tar.gz cpp
php-guzzlehttp-psr7_2.4.5.orig.tar.xz php
php-monolog_2.9.1.orig.tar.xz php
libmojolicious-perl_9.31+dfsg.orig.tar.xz perl
libmoo-perl_2.005005.orig.tar.gz perl
haskell-aeson_2.0.3.0.orig.tar.gz haskell
haskell-pandoc-types_1.22.2.1.orig.tar.gz haskell
lwt_5.6.1.orig.tar.gz ocaml
cmdliner_1.1.1.orig.tar.bz2 ocaml
kotlinx-coroutines_1.0.1.orig.tar.xz kotlin groovy
elixir-lang_1.14.0.dfsg.orig.tar.xz elixir
r-cran-stringr_1.5.0.orig.tar.gz r
r-cran-purrr_1.0.1.orig.tar.gz r
r-cran-dplyr_1.0.10.orig.tar.gz r
lapack_3.11.0.orig.tar.gz fortran
extra-cmake-modules_5.103.0.orig.tar.xz cmake
docker-compose_1.29.2.orig.tar.gz yaml python
protobuf_3.21.12.orig.tar.gz protocol-buffer
groovy_2.4.21.orig.tar.xz groovy
"""


@dataclass(frozen=True)
class RealFile:
    """A file of a package: its name there, its language, and its contents, with line feeds."""

    package: str
    name: str
    language: str
    text: str


def real_files(folder: Path) -> Iterator[RealFile]:
    """Yield the files of the list, in order, each package fetched once into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for source, fetch in (
        (PYPI, fetch_pypi),
        (NPM, fetch_npm),
        (DEBIAN_BINARY, fetch_deb),
        (DEBIAN_SOURCE, fetch_debian_source),
    ):
        for row in source.strip().splitlines():
            package, *languages = row.split()
            yield from select_files(package, fetch(package, folder), set(languages))


def select_files(package: str, archive: Path, languages: set[str]) -> Iterator[RealFile]:
    """Yield up to FILES_PER_PACKAGE files of each language, chosen by a hash of their names."""
    counts = dict.fromkeys(languages, 0)
    members = sorted(
        read_archive(archive), key=lambda each: hashlib.sha256(each[0].encode()).digest()
    )
    for name, data in members:
        language = detect_language(name, data[:200].decode("utf-8", "replace"))
        if not language or counts.get(language.name, FILES_PER_PACKAGE) >= FILES_PER_PACKAGE:
            continue
        try:
            text = data.decode().replace("\r\n", "\n")
        except UnicodeDecodeError:
            continue
        if is_usable(text):
            counts[language.name] += 1
            yield RealFile(package, name, language.name, text)


def is_usable(text: str) -> bool:
    """Whether a text is neither tiny nor huge, and its lines look as if people wrote it."""
    lines = text.split("\n")
    return (
        MIN_LINES <= len(lines) <= MAX_LINES
        and len(text) <= MAX_BYTES
        and max(map(len, lines)) <= MAX_LINE_LENGTH
        and not set(text) & {"\0", "\r", "\f", "\v", "\x85", "\u2028"}
    )


def read_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each plain file of a wheel or a tar file, and its contents."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            for info in wheel.infolist():
                if 0 < info.file_size <= MAX_BYTES:
                    yield info.filename, wheel.read(info)
        return
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file and 0 < member.size <= MAX_BYTES:
                yield member.name.partition("/")[2], file.read()


def fetch_pypi(package: str, folder: Path) -> Path:
    """Fetch a wheel with pip."""
    name = package.replace("==", "-")
    found = list(folder.glob(f"{name}*.whl"))
    if not found:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
        subprocess.run([*command, "--only-binary=:all:", package], check=True)
        found = list(folder.glob(f"[{name[0].upper()}{name[0]}]{name[1:]}*.whl"))
    return found[0]


def fetch_npm(package: str, folder: Path) -> Path:
    """Fetch a package with npm."""
    path = folder / f"{package.lstrip('@').replace('@', '-').replace('/', '-')}.tgz"
    if not path.exists():
        subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
    return path


def fetch_deb(package: str, folder: Path) -> Path:
    """Fetch what a package installs with apt, as a tar file."""
    path = folder / f"{package.replace(':', '-')}.tar"
    if not path.exists():
        with tempfile.TemporaryDirectory() as download:
            subprocess.run(["apt-get", "download", "-q", package], cwd=download, check=True)
            (deb,) = Path(download).iterdir()
            command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
            path.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    return path


def fetch_debian_source(archive: str, folder: Path) -> Path:
    """Fetch the source of a package as its authors publish it, from the mirror that apt uses."""
    path = folder / archive
    if not path.exists():
        package = archive.partition("_")[0]
        initial = package[:4] if package.startswith("lib") else package[0]
        url = f"{apt_mirror()}/pool/main/{initial}/{package}/{archive.replace('+', '%2B')}"
        with urllib.request.urlopen(url, timeout=120) as response:  # noqa: S310 - http, as apt
            data = response.read()
        tarfile.open(fileobj=io.BytesIO(data)).close()
        path.write_bytes(data)
    return path


def apt_mirror() -> str:
    """The URL from which apt fetches the packages of Debian's `main`."""
    command = ["apt-get", "indextargets", "--format", "$(COMPONENT) $(REPO_URI)"]
    rows = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return next(row.split()[1] for row in rows if row.startswith("main ")).rstrip("/")

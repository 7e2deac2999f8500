"""A hub and a package index on 127.0.0.1, with the faults that real ones have."""

import json
import re
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import ClassVar
from zipfile import ZipFile

import pytest

from starcoder_cli.catalog import ModelSpec, Wheel

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BYTES = bytes(range(256)) * 12_000


def weights(salt: int = 0) -> bytes:
    """3 MB that differ by `salt`."""
    return bytes([salt]) + BYTES


def spec_of(data: bytes, *, pinned: bool = True, gated: bool = False) -> ModelSpec:
    """A model of one file that holds `data`, also as two wheels."""
    return ModelSpec(
        name="tiny",
        repository="owner/tiny",
        file="tiny.gguf",
        size=len(data),
        sha256=sha256(data).hexdigest() if pinned else "",
        wheels=(
            Wheel("tiny-part1", "1.0", "tiny_part1/data/part.bin"),
            Wheel("tiny-part2", "1.0", "tiny_part2/data/part.bin"),
        )
        if pinned
        else (),
        gated=gated,
    )


@dataclass
class Site:
    """What a server has, how it fails, and what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    """After how many bytes of the body to hang up, for each of the next answers."""
    status: int = 200
    guarded: str = "/"
    """What is in the paths that get another status than 200, if there is one."""
    headers: dict[str, str] = field(default_factory=dict)
    claims: dict[str, bytes] = field(default_factory=dict)
    """Whose digest and size to state in place of the file's own."""
    lengths: dict[str, int] = field(default_factory=dict)
    """Which size to state when asked for it alone."""
    release: threading.Event | None = None
    """If given, bodies stop half-way until it is set,"""
    slow: str = ""
    """of those files that have this in their path."""
    url: str = ""
    parameters: int = 0
    """How many numbers it says that a checkpoint has."""


class Handler(BaseHTTPRequestHandler):
    """Serves the files of a site: GET with ranges, HEAD, and what the hub's library asks for."""

    site: ClassVar[Site]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:  # noqa: N802
        self.answer()

    def do_GET(self) -> None:  # noqa: N802
        self.answer()

    def answer(self) -> None:
        """Answer with a file, a listing or the site's error."""
        site = self.site
        asked = self.headers.get("Range", "")
        site.requests.append(f"{self.command} {self.path} {asked}".strip())
        path = self.path.split("?")[0]
        data = site.files.get(path, api(site, path))
        status = site.status if site.guarded in path else 200
        if status != 200 or data is None:
            self.send_response(status if status != 200 else 404)
            self.send_header("Content-Length", "0")
            for name, value in site.headers.items():
                self.send_header(name, value)
            self.end_headers()
            return
        start = int(asked.removeprefix("bytes=").rstrip("-") or 0)
        self.send_response(206 if start else 200)
        stated = site.claims.get(path, data)
        self.send_header("ETag", f'"{name_of(path, stated)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if path.startswith("/simple/"):
            self.send_header("Content-Type", "text/html")
        length = len(data) - start
        if self.command == "HEAD":
            length = site.lengths.get(path, len(stated))
        self.send_header("Content-Length", str(length))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        for name, value in site.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET" and path.startswith("/api/"):
            self.wfile.write(data)
        elif self.command == "GET":
            self.send_body(data[start:])

    def send_body(self, data: bytes) -> None:
        """Send a body, perhaps not all of it, perhaps not at once."""
        cut = self.site.cuts.pop(0) if self.site.cuts else len(data)
        if self.site.release and self.site.slow in self.path:
            self.wfile.write(data[: len(data) // 2])
            self.site.release.wait(30)
            data = data[len(data) // 2 :]
        try:
            self.wfile.write(data[:cut])
        except ConnectionError:
            return
        if cut < len(data):
            self.connection.close()


def name_of(path: str, data: bytes) -> str:
    """What the hub calls the bytes of a file: as git does, or a large one by its sha256."""
    if path.endswith((".json", ".txt")):
        return sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return sha256(data).hexdigest()


def api(site: Site, path: str) -> bytes | None:
    """The hub's description of a repository at its one commit, made from the files."""
    found = re.fullmatch(r"/api/models/(\w+/\w+)/revision/\w+", path)
    if not found:
        return None
    prefix = f"/{found[1]}/resolve/{COMMIT}/"
    names = [name.removeprefix(prefix) for name in site.files if name.startswith(prefix)]
    if not names:
        return None
    siblings = [{"rfilename": name} for name in names]
    stated = {"safetensors": {"parameters": {"BF16": site.parameters}, "total": site.parameters}}
    told = stated if site.parameters else {}
    return json.dumps({"id": found[1], "sha": COMMIT, "siblings": siblings, **told}).encode()


class Serving:
    """A site on a port of its own while the context is open."""

    def __init__(self) -> None:
        self.site = Site()
        handler = type("SiteHandler", (Handler,), {"site": self.site})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.site.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Site:
        threading.Thread(target=self.server.serve_forever, args=(0.05,)).start()
        return self.site

    def __exit__(self, *reason: object) -> None:
        if self.site.release:
            self.site.release.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def full_disk(max_bytes: int = 1 << 20) -> Iterator[None]:
    """No file of this process can grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def closed_port() -> str:
    """An address on which nothing listens."""
    with Serving() as site:
        return site.url


def wheel(package: str, member: str, data: bytes) -> bytes:
    """A wheel of version 1.0 that holds one member."""
    name = package.replace("-", "_")
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        archive.writestr(member, data)
        info = f"{name}-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return out.getvalue()


def lay_wheels(folder: Path, spec: ModelSpec, data: bytes) -> None:
    """Put a model's two wheels into its folder, as if they had been fetched."""
    folder.mkdir(parents=True, exist_ok=True)
    half = len(data) // 2
    for part, piece in zip(spec.wheels, (data[:half], data[half:]), strict=True):
        path = folder / f"{part.package}-{part.version}.whl"
        path.write_bytes(wheel(part.package, part.member, piece))


def put_wheel(site: Site, package: str, data: bytes) -> None:
    """Add a wheel to a simple index."""
    file = f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
    site.files[f"/simple/{package}/"] = f'<a href="/{file}">{file}</a>'.encode()
    site.files[f"/{file}"] = data


def put_wheels(site: Site, spec: ModelSpec, data: bytes) -> None:
    """Add a model's bytes to a simple index, half in each of its two wheels."""
    half = len(data) // 2
    for part, piece in zip(spec.wheels, (data[:half], data[half:]), strict=True):
        put_wheel(site, part.package, wheel(part.package, part.member, piece))


def use(monkeypatch: pytest.MonkeyPatch, models: Path, hub: str, index: str) -> None:
    """Let this process and its children use these sources and this folder alone."""
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/simple")
    monkeypatch.setenv("HF_ENDPOINT", hub)
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(models))


class Reports:
    """Remembers what progress was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.seen.append((done, total))

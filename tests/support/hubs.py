"""A hub on 127.0.0.1 that knows every file, and one token; and one that is searched."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest


class Hub(BaseHTTPRequestHandler):
    """A hub that knows every file, and one token."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:  # noqa: N802
        self.send_response(200)
        self.send_header("ETag", '"abc"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:  # noqa: N802
        known = self.headers["Authorization"] == "Bearer hf_sentinel"
        body = b'{"name": "ada"}' if known else b"{}"
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that answers, and no token for it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    yield
    server.shutdown()
    server.server_close()


MODELS: Sequence[Mapping[str, object]] = (
    {
        "id": "acme/tiny-coder-GGUF",
        "downloads": 1200,
        "tags": ["gguf", "license:mit"],
        "gguf": {"total": 494_032_768, "architecture": "qwen2"},
        "siblings": [
            {"rfilename": name}
            for name in ("README.md", "tiny-q8_0.gguf", "tiny-Q4_K_M.gguf", "mmproj-Q4_K_M.gguf")
        ],
    },
    {
        "id": "acme/tiny-coder",
        "downloads": 30_000,
        "gated": "auto",
        "pipeline_tag": "text-generation",
        "tags": ["transformers", "safetensors", "text-generation", "license:apache-2.0"],
        "safetensors": {"total": 3_085_938_688},
        "config": {"model_type": "qwen2"},
    },
    {
        "id": "bigcode/tiny_starcoder_py",
        "downloads": 77,
        "pipeline_tag": "text-generation",
        "tags": ["transformers", "safetensors", "text-generation"],
    },
    {
        "id": "acme/tiny-in-parts",
        "tags": ["gguf"],
        "siblings": [{"rfilename": "tiny-00001-of-00002.gguf"}],
    },
    {"id": "acme/tiny-picture", "pipeline_tag": "text-to-image", "tags": ["gguf"]},
    {
        "id": "acme/tiny-own-code",
        "tags": ["transformers", "safetensors", "text-generation"],
        "config": {"auto_map": {}},
    },
    {
        "id": "acme/tiny-four-bits",
        "tags": ["transformers", "safetensors", "text-generation"],
        "config": {"quantization_config": {}},
    },
    {"id": "../tiny", "tags": ["transformers", "safetensors", "text-generation"]},
    {"tags": ["transformers", "safetensors", "text-generation", "tiny"]},
)


class SearchedHub(BaseHTTPRequestHandler):
    """A hub that finds its models by name and tags, or gives one answer to everybody."""

    asked: ClassVar[list[tuple[str, str]]]
    answer: ClassVar[tuple[int, bytes] | None]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:  # noqa: N802
        self.asked.append((self.path, str(self.headers["Authorization"])))
        query = parse_qs(urlsplit(self.path).query)
        found = [
            {key: value for key, value in model.items() if key in ("id", *query["expand"])}
            for model in MODELS
            if query["search"][0] in json.dumps(model) and set(query["filter"]) <= {*as_tags(model)}
        ]
        status, body = self.answer or (200, json.dumps(found[: int(query["limit"][0])]).encode())
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def as_tags(model: Mapping[str, object]) -> Sequence[str]:
    """The tags of a model."""
    tags = model["tags"]
    assert isinstance(tags, list)
    return tags


@contextmanager
def searched_hub(
    patch: pytest.MonkeyPatch, answer: tuple[int, bytes] | None = None
) -> Iterator[list[tuple[str, str]]]:
    """A hub that can be searched; what it was asked, and by whom."""
    asked: list[tuple[str, str]] = []
    handler = type("Handler", (SearchedHub,), {"asked": asked, "answer": answer})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    patch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        patch.delenv(name, raising=False)
    yield asked
    server.shutdown()
    server.server_close()

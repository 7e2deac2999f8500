"""What an endpoint's address and key may be."""

import os
from pathlib import Path

import pytest

from starcoder_cli.errors import ConfigError, InputError, RefusedError, UsageError
from starcoder_cli.net.endpoints import EndpointAddress, read_api_key

KEY = "sentinel-4711-key"


@pytest.mark.parametrize(
    ("url", "root", "host", "loopback"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://[::1]:80/v1", "http://[::1]:80", "[::1]:80", True),
        ("http://[::1]", "http://[::1]", "[::1]", True),
        ("http://localhost", "http://localhost", "localhost", True),
        ("https://a.example/api/v1", "https://a.example/api", "a.example", False),
        *(
            (f"http://127.0.0.1:8000{pasted}", "http://127.0.0.1:8000", "127.0.0.1:8000", True)
            for pasted in (
                *("/v1/chat/completions", "/v1/completions/", "//v1//", "/v1/models", "/infill"),
                *("/chat/completions", "/completion", "/v1 ", "/"),
            )
        ),
        ("https://a.example/api/v1/chat/completions", "https://a.example/api", "a.example", False),
        ("https://a.example/v1/models-of-mine", "https://a.example/v1/models-of-mine")
        + ("a.example", False),
        ("http://10.0.0.7:8000", "http://10.0.0.7:8000", "10.0.0.7:8000", False),
        ("https://localhost.example", "https://localhost.example", "localhost.example", False),
    ],
)
def test_an_address(url: str, root: str, host: str, loopback: bool) -> None:
    found = EndpointAddress.parse(url)
    assert (found.base_url, found.host, found.is_loopback) == (root, host, loopback)
    assert found.hostname == host.replace(":8000", "").replace("]:80", "]")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "gpu",
            "gpu:8000",
            "ftp://a",
            "http://",
            "http:///v1",
            "http://a:b",
            "http://a:99999",
        ),
        *("http://a b", "http://a\x1b[2J", "http://[::1", "http://a/?q=1", "http://a/#x"),
        f"http://me:{KEY}@a.example",
        f"ftp://me:{KEY}@a.example",
    ],
)
def test_what_is_none(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        EndpointAddress.parse(url)
    assert KEY not in str(raised.value)


def test_a_key_does_not_go_in_the_open() -> None:
    with pytest.raises(RefusedError) as raised:
        EndpointAddress.parse("http://gpu.example:8000", KEY)
    assert KEY not in str(raised.value)
    for url in ("http://127.0.0.1:8000", "https://gpu.example"):
        endpoint = EndpointAddress.parse(url, KEY)
        assert endpoint.api_key == KEY and KEY not in repr(endpoint)


def test_a_key_is_in_the_environment_or_in_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_api_key("") == ""
    monkeypatch.setenv("STARCODER_API_KEY", KEY)
    assert read_api_key("") == KEY
    file = tmp_path / "key"
    file.write_text("another\n")
    file.chmod(0o600)
    assert read_api_key(str(file)) == "another"
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        with pytest.raises(RefusedError, match="others can read"):
            read_api_key(str(file))
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(RefusedError):
        read_api_key(str(link))


def test_a_file_that_holds_no_key(tmp_path: Path) -> None:
    pipe, missing, wrong = tmp_path / "pipe", tmp_path / "missing", tmp_path / "wrong"
    os.mkfifo(pipe)
    for path in (pipe, missing, tmp_path, "~nobody-of-that-name/key", "a\0b"):
        with pytest.raises(InputError):
            read_api_key(str(path))
    wrong.write_text(f"{KEY}\nand more")
    wrong.chmod(0o600)
    with pytest.raises(ConfigError) as raised:
        read_api_key(str(wrong))
    assert KEY not in str(raised.value)

"""Which proxy is asked for what, and proxies and certificates that cannot be used."""

from contextlib import closing
from pathlib import Path

import pytest
from httpx2 import Timeout

from starcoder_cli.errors import ConfigError
from starcoder_cli.net.clients import describe_proxy, find_proxy, open_client, read_body

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
HERE = ("http://127.0.0.1:8000", "http://[::1]:80/v1", "https://localhost", "http://a.localhost:1")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names none."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_the_proxy_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_proxy("https://a.example") == describe_proxy("https://a.example") == ""
    monkeypatch.setenv("ALL_PROXY", "socks5://10.0.0.1:9")
    monkeypatch.setenv("https_proxy", " user:word@10.0.0.2:8 ")
    monkeypatch.setenv("NO_PROXY", "internal.example")
    assert find_proxy("http://a.example") == "socks5://10.0.0.1:9"
    assert find_proxy("https://a.example") == "http://user:word@10.0.0.2:8"
    assert describe_proxy("https://a.example") == " through the proxy http://…@10.0.0.2:8"
    assert find_proxy("https://gpu.internal.example:8000/v1") == ""


@pytest.mark.parametrize("url", HERE)
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "ftp://a:1", "http://a:b", "\udcff"])
def test_this_machine_is_reached_whatever_the_proxies_are(
    url: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with closing(open_client(url, Timeout(1), {"X-A": "b"})) as client:
        assert client.headers["X-A"] == "b"


@pytest.mark.parametrize(
    "proxy",
    ["ftp://a:1", "http://a:b", "http://a:99999", "socks4://a:1", "://", "http://[::1", "\udcff"],
)
def test_a_proxy_that_cannot_be_used_is_named(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError) as caught:
        open_client("https://a.example", Timeout(1), {})
    assert "https://a.example cannot be reached through the proxy" in caught.value.message
    assert "NO_PROXY" in caught.value.hint
    monkeypatch.setenv("NO_PROXY", "a.example")
    open_client("https://a.example", Timeout(1), {}).close()


def test_the_password_of_a_proxy_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "ftp://me:sentinel-4711@a:1")
    with pytest.raises(ConfigError) as caught:
        open_client("https://a.example", Timeout(1), {})
    assert "sentinel-4711" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "certificates.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigError, match="the certificates cannot be read"):
        open_client("http://127.0.0.1:1", Timeout(1), {})


def test_a_body_without_an_end_is_cut() -> None:
    assert len(read_body(iter(lambda: b"x" * 1000, None), 4500)) == 4500

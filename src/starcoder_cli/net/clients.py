"""HTTP clients for remote servers, using the proxy that the environment names.

No proxy is used for this machine, or for what NO_PROXY names. The library itself would read every
proxy variable, and fail on one it cannot use, whether it is needed or not.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from starcoder_cli import __version__
from starcoder_cli.errors import ConfigError
from starcoder_cli.net.endpoints import hide_secrets, is_loopback

if TYPE_CHECKING:
    from httpx2 import Client, Timeout


def find_proxy(url: str) -> str:
    """The address of the proxy for a URL; empty if there is none."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    hostname = parts.hostname or ""
    if is_loopback(hostname) or proxy_bypass(hostname):
        return ""
    proxies = getproxies()
    proxy = (proxies.get(parts.scheme) or proxies.get("all") or "").strip()
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def describe_proxy(url: str) -> str:
    """Words that name a URL's proxy, without its password; empty if there is none."""
    proxy = hide_secrets(find_proxy(url))
    return f" through the proxy {proxy}" if proxy else ""


def open_client(url: str, timeout: "Timeout", headers: Mapping[str, str]) -> "Client":
    """Open a client for the server at a URL; it checks certificates and follows no redirects.

    Raises ConfigError if the environment names a proxy, or certificates, that cannot be used.
    """
    import ssl
    from urllib.parse import urlsplit

    from httpx2 import Client, InvalidURL, create_ssl_context

    try:
        certificates = create_ssl_context()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the certificates cannot be read: {error.strerror or error}",
            "let SSL_CERT_FILE name a file of certificates, or unset it",
        ) from error
    proxy = find_proxy(url)
    try:
        urlsplit(proxy).port  # noqa: B018 # the library takes any number for one
        return Client(
            headers={"User-Agent": f"starcoder/{__version__}", **headers},
            timeout=timeout,
            verify=certificates,
            proxy=proxy or None,
            trust_env=False,
        )
    except (ImportError, ValueError, InvalidURL) as error:
        has_no_socks = isinstance(error, ImportError)
        reason = "SOCKS needs the package socksio" if has_no_socks else "it is not an http address"
        raise ConfigError(
            f"{url} cannot be reached{describe_proxy(url)}: {reason}",
            "change HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or exclude the host with NO_PROXY",
        ) from error


def read_body(parts: Iterable[bytes], max_bytes: int) -> bytes:
    """The first `max_bytes` of a response's body; the rest is not read."""
    data = bytearray()
    for part in parts:
        data += part
        if len(data) > max_bytes:
            break
    return bytes(data[:max_bytes])

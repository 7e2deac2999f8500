"""Where the HTTP API listens, the host names it accepts, and the API key it requires."""

import ipaddress
import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.errors import ConfigError, UsageError
from starcoder_cli.net.endpoints import API_KEY_VARIABLE, read_key_file

DEFAULT_HTTP_PORT = 8765
HTTP_KEY_FILE = "http.key"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
HTTP_KEY_PATTERN = re.compile(rb"[!-~]{16,256}")
ADDRESS_PATTERN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
HOST_NAME_PATTERN = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True)
class Address:
    """An IP address and a port; port 0 picks any free one."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_HTTP_PORT

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Parse `HOST:PORT`, `HOST` or `:PORT`; raises UsageError for anything else."""
        match = ADDRESS_PATTERN.fullmatch(text)
        port = int(match["port"] or DEFAULT_HTTP_PORT) if match else DEFAULT_HTTP_PORT
        host = match["host"].strip("[]") if match else ""
        host = cls.host if match and host in ("", "localhost") else host
        try:
            ipaddress.ip_address(host)
        except ValueError:
            port = -1
        if not 0 <= port <= 65535:
            raise UsageError(
                f"{text!r} is not an address to listen at", "give it as 127.0.0.1:8765 or [::1]:0"
            )
        return cls(host, port)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address."""
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def allowed_host_headers(address: Address, allowed_names: Iterable[str]) -> frozenset[bytes]:
    """The accepted Host headers: this machine, or an allowed name, with our port.

    An allowed name may carry its own port. Port 80 may be omitted. Raises UsageError for an invalid
    host name.
    """
    names = []
    for text in allowed_names:
        match = HOST_NAME_PATTERN.fullmatch(text.lower())
        if not match:
            raise UsageError(f"{text!r} is not the name of a host", "give it as example.org:443")
        names.append(text.lower() if match["port"] else f"{text.lower()}:{address.port}")
    own = () if ipaddress.ip_address(address.host).is_unspecified else (str(address),)
    local = (f"{name}:{address.port}" for name in LOCAL_HOSTS)
    host_headers = [*local, *own, *names]
    host_headers += [name.removesuffix(":80") for name in host_headers]
    return frozenset(name.encode() for name in host_headers)


def load_user_key(file: str | None) -> bytes | None:
    """The key the user set in a file or in the environment, or None.

    Raises InputError if the file is missing, RefusedError if others may read it, and ConfigError if
    the key is not valid.
    """
    variable = os.environ.pop(API_KEY_VARIABLE, None)  # child processes do not need it
    if file is not None:
        key, source = read_key_file(file).encode(), file
    elif variable is not None:
        key, source = variable.encode("utf-8", "surrogateescape"), API_KEY_VARIABLE
    else:
        return None
    if not HTTP_KEY_PATTERN.fullmatch(key):
        raise ConfigError(
            f"the key in {source} is not a valid key",
            "give 16 to 256 ASCII letters, digits and punctuation marks",
        )
    return key


def create_key_file(folder: Path) -> tuple[bytes, Path]:
    """Write a new key to a file in the folder that only this user can read.

    The caller must hold the lock of the folder.
    """
    key, path = secrets.token_urlsafe(32).encode(), folder / HTTP_KEY_FILE
    with suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key + b"\n")
    return key, path


def require_key(address: Address, key: bytes | None) -> None:
    """Raise ConfigError if others can reach the address and the user has set no key."""
    if not address.is_local and key is None:
        raise ConfigError(
            f"others can reach {address}: that needs a key that you set yourself",
            f"set {API_KEY_VARIABLE}, or give --api-key-file",
        )

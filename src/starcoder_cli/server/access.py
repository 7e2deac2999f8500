"""Where the HTTP API listens, what its clients have to call it, and the key that they need."""

import ipaddress
import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.errors import ConfigError, UsageError
from starcoder_cli.net.endpoints import KEY_VARIABLE, read_key

PORT = 8765
KEY_FILE = "http.key"
LOCAL = ("localhost", "127.0.0.1", "[::1]")
KEY = re.compile(rb"[!-~]{16,256}")
PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
NAME = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True)
class Address:
    """An IP address and a port, 0 for any that is free."""

    host: str = "127.0.0.1"
    port: int = PORT

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address in `HOST:PORT`, `HOST` or `:PORT`; UsageError for anything else."""
        match = PLACE.fullmatch(text)
        port = int(match["port"] or PORT) if match else PORT
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
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def hosts(address: Address, allowed: Iterable[str]) -> frozenset[bytes]:
    """What a Host header may say: this machine, or a name that was allowed, with our port.

    An allowed name may have a port of its own. Port 80 needs no saying. Raises UsageError for what
    is no name.
    """
    named = []
    for text in allowed:
        match = NAME.fullmatch(text.lower())
        if not match:
            raise UsageError(f"{text!r} is not the name of a host", "give it as example.org:443")
        named.append(text.lower() if match["port"] else f"{text.lower()}:{address.port}")
    own = () if ipaddress.ip_address(address.host).is_unspecified else (str(address),)
    local = (f"{name}:{address.port}" for name in LOCAL)
    called = [*local, *own, *named]
    called += [name.removesuffix(":80") for name in called]
    return frozenset(name.encode() for name in called)


def given_key(file: str | None) -> bytes | None:
    """The key that the user gave, in a file or in the environment; None where there is none.

    Raises InputError and RefusedError for a file that is not there, or that others may read, and
    ConfigError for a key that is none.
    """
    variable = os.environ.pop(KEY_VARIABLE, None)  # no process that is started here needs it
    if file is not None:
        key, where = read_key(file).encode(), file
    elif variable is not None:
        key, where = variable.encode("utf-8", "surrogateescape"), KEY_VARIABLE
    else:
        return None
    if not KEY.fullmatch(key):
        raise ConfigError(
            f"the key in {where} is none", "give 16 to 256 letters, digits and signs, without space"
        )
    return key


def written_key(folder: Path) -> tuple[bytes, Path]:
    """A new key, in a file of the folder that only this user can read.

    Only whoever holds the lock of the folder may call this.
    """
    key, path = secrets.token_urlsafe(32).encode(), folder / KEY_FILE
    with suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key + b"\n")
    return key, path


def check(address: Address, key: bytes | None) -> None:
    """ConfigError where others could reach an address, and the user has given no key."""
    if not address.is_local and key is None:
        raise ConfigError(
            f"others can reach {address}: that needs a key of yours",
            f"set {KEY_VARIABLE}, or give --api-key-file",
        )

"""Where a remote endpoint is, and the key that it is reached with.

The key comes from the environment or from a file that only its owner can read: a command line can
be seen by every user of a machine.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starcoder_cli.errors import ConfigError, InputError, RefusedError, UsageError
from starcoder_cli.settings import config_file, read_config

KEY_VARIABLE = "STARCODER_API_KEY"
TABLE = "endpoints"
LONGEST_KEY = 4096


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible server: its address without `/v1`, and a key, or an empty one."""

    root: str
    host: str
    loopback: bool
    key: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The host without its port."""
        return re.sub(r":\d+$", "", self.host)

    @classmethod
    def parse(cls, url: str, key: str = "") -> "Endpoint":
        """The endpoint at a URL, with or without `/v1` at its end.

        Raises UsageError for what is no such URL, RefusedError where the key could be overheard.
        """
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(url)
            name, port = parts.hostname or "", parts.port
        except ValueError:
            raise no_url(url) from None
        if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:-]+", name, re.ASCII):
            raise no_url(url)
        if parts.username is not None or parts.query or parts.fragment or not url.isprintable():
            raise UsageError(
                "the address of an endpoint has no user, password or query in it",
                f"put a key into {KEY_VARIABLE}",
            )
        path = parts.path.rstrip("/").removesuffix("/v1")
        bare = f"[{name}]" if ":" in name else name
        host = f"{bare}:{port}" if port else bare
        loopback = is_loopback(name)
        if key and parts.scheme == "http" and not loopback:
            raise RefusedError(
                f"the key would go to {host} in the open", "use https, or take the key away"
            )
        return cls(f"{parts.scheme}://{host}{path}", host, loopback, key)


@dataclass(frozen=True)
class Profile:
    """What is said of an endpoint: its URL, its model, that one's family, the file of its key."""

    url: str
    model: str = ""
    fim: str = ""
    api_key_file: str = ""


def no_url(url: str) -> UsageError:
    """The error for what is neither an address nor a name in the configuration."""
    shown = re.sub(r"//[^/@]*@", "//…@", url)
    return UsageError(
        f"{shown!r} is no endpoint",
        f"give a URL such as http://127.0.0.1:8000, or a name that has a table [{TABLE}.NAME] in "
        "the configuration file",
    )


def is_loopback(name: str) -> bool:
    """Whether a host name is this machine's own."""
    from ipaddress import ip_address

    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def profile_of(name: str) -> Profile:
    """The profile of that name in the configuration file, or one of a URL alone."""
    found = profiles(read_config(config_file()))
    return found[name] if name in found else Profile(name)


def profiles(settings: Mapping[str, object]) -> dict[str, Profile]:
    """The endpoints in a configuration file, by name; ConfigError for what is none."""
    tables = settings.get(TABLE, {})
    if not isinstance(tables, dict):
        raise unsound(TABLE, "is no table of tables")
    found = {}
    for name, table in tables.items():
        if not isinstance(table, dict) or not isinstance(table.get("url"), str):
            raise unsound(f"{TABLE}.{name}", "has no url")
        for key, value in table.items():
            if key not in Profile.__dataclass_fields__ or not isinstance(value, str):
                raise unsound(f"{TABLE}.{name}.{key}", f"cannot be {value!r}")
        found[name] = Profile(**table)
    return found


def unsound(what: str, wrong: str) -> ConfigError:
    """The error for a table of the configuration file."""
    keys = ", ".join(Profile.__dataclass_fields__)
    return ConfigError(f"{config_file()}: {what} {wrong}", f"its keys are {keys}, all texts")


def key_of(file: str) -> str:
    """The key in a file, else in the environment, else none.

    Raises RefusedError for a file that others can read, ConfigError for what can be no key.
    """
    key = read_key(file) if file else os.environ.get(KEY_VARIABLE, "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", key):  # the library's error would have it in its text
        raise ConfigError(
            f"the key in {file or KEY_VARIABLE} has spaces or other signs that no key has",
            "copy it again",
        )
    return key


def read_key(name: str) -> str:
    """The text of a file that only this user can read, which root may have put there.

    Raises RefusedError for a file that others can read, InputError where there is none.
    """
    path = Path(name).expanduser()
    try:
        # A pipe without a writer would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path} is no file", "write the key into one")
            if status.st_mode & 0o077 or status.st_uid not in (0, os.getuid()):
                raise RefusedError(f"others can read the key in {path}", f"run: chmod 600 {path}")
            return file.read(LONGEST_KEY).decode("ascii", "replace").strip()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error

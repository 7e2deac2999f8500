"""The address of a remote endpoint, and its key.

The key comes from the environment or from a file that only its owner can read: a command line is
visible to every user of a machine.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starcoder_cli.errors import ConfigError, InputError, RefusedError, UsageError
from starcoder_cli.settings import config_file, read_config

API_KEY_VARIABLE = "STARCODER_API_KEY"
ENDPOINTS_TABLE = "endpoints"
MAX_KEY_BYTES = 4096
ROUTE_AT_END = re.compile(
    r"(/v1)?(/(chat/)?completions?|/models|/infill|/tokenize|/props)?/?$", re.ASCII
)
"""The part of an address that is a route of OpenAI's or llama.cpp's API."""


@dataclass(frozen=True)
class EndpointAddress:
    """An OpenAI-compatible server: its address without `/v1`, and its key, or an empty one."""

    base_url: str
    host: str
    is_loopback: bool
    api_key: str = field(default="", repr=False)

    @property
    def hostname(self) -> str:
        """The host without its port."""
        return re.sub(r":\d+$", "", self.host)

    @classmethod
    def parse(cls, url: str, api_key: str = "") -> "EndpointAddress":
        """Parse the URL of an endpoint, with or without `/v1` or a route at its end.

        Raises UsageError for an invalid URL, RefusedError if the key could be intercepted.
        """
        from urllib.parse import urlsplit

        url = url.strip(" \r\n")
        try:
            parts = urlsplit(url)
            hostname, port = parts.hostname or "", parts.port
        except ValueError:
            raise invalid_endpoint_error(url) from None
        if parts.scheme not in ("http", "https") or not re.fullmatch(
            r"[\w.:-]+", hostname, re.ASCII
        ):
            raise invalid_endpoint_error(url)
        if parts.username is not None or parts.query or parts.fragment or not url.isprintable():
            raise UsageError(
                "the address of an endpoint has no user, password or query in it",
                f"put a key into {API_KEY_VARIABLE}",
            )
        path = ROUTE_AT_END.sub("", re.sub("/+", "/", parts.path))
        url_hostname = f"[{hostname}]" if ":" in hostname else hostname
        host = f"{url_hostname}:{port}" if port else url_hostname
        is_local = is_loopback(hostname)
        if api_key and parts.scheme == "http" and not is_local:
            raise RefusedError(
                f"the key would be sent to {host} unencrypted", "use https, or take the key away"
            )
        return cls(f"{parts.scheme}://{host}{path}", host, is_local, api_key)


@dataclass(frozen=True)
class EndpointProfile:
    """The configuration of an endpoint: its URL, its model, that model's family, its key file."""

    url: str
    model: str = ""
    fim: str = ""
    api_key_file: str = ""


def invalid_endpoint_error(url: str) -> UsageError:
    """The error for what is neither an address nor a configured name."""
    return UsageError(
        f"{hide_secrets(url)!r} is not an endpoint",
        "give a URL such as http://127.0.0.1:8000, or a name that has a table "
        f"[{ENDPOINTS_TABLE}.NAME] in the configuration file",
    )


def hide_secrets(url: str) -> str:
    """A URL for display, without user, password and query."""
    without_user = re.sub(r"^((?:[\w+.-]+:)?//)?.*@", r"\1…@", url, flags=re.DOTALL)
    return re.sub(r"\?.*", "?…", without_user, flags=re.DOTALL)


def is_loopback(name: str) -> bool:
    """Whether a host name means this machine."""
    from ipaddress import ip_address

    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def find_profile(name: str) -> EndpointProfile:
    """The configured profile with a name, or one that only has a URL."""
    configured = parse_profiles(read_config(config_file()))
    return configured[name] if name in configured else EndpointProfile(name)


def parse_profiles(settings: Mapping[str, object]) -> dict[str, EndpointProfile]:
    """The endpoints in a configuration file, by name; raises ConfigError for invalid ones."""
    tables = settings.get(ENDPOINTS_TABLE, {})
    if not isinstance(tables, dict):
        raise profile_error(ENDPOINTS_TABLE, "is not a table of tables")
    result = {}
    for name, table in tables.items():
        if not isinstance(table, dict) or not isinstance(table.get("url"), str):
            raise profile_error(f"{ENDPOINTS_TABLE}.{name}", "has no url")
        for key, value in table.items():
            if key not in EndpointProfile.__dataclass_fields__ or not isinstance(value, str):
                raise profile_error(f"{ENDPOINTS_TABLE}.{name}.{key}", f"cannot be {value!r}")
        try:
            EndpointAddress.parse(table["url"])
        except UsageError as error:
            raise profile_value_error(name, "url", error) from error
        result[name] = EndpointProfile(**table)
    return result


def profile_value_error(name: str, key: str, problem: UsageError) -> ConfigError:
    """The error for an invalid value of an endpoint's key."""
    return ConfigError(
        f"{config_file()} sets {ENDPOINTS_TABLE}.{name}.{key}: {problem.message}", problem.hint
    )


def profile_error(subject: str, problem: str) -> ConfigError:
    """The error for a table of the configuration file."""
    keys = ", ".join(EndpointProfile.__dataclass_fields__)
    return ConfigError(f"{config_file()}: {subject} {problem}", f"its keys are {keys}, all texts")


def read_api_key(file: str) -> str:
    """The key in a file, else in the environment, else empty.

    Raises RefusedError for a file that others can read, ConfigError for an invalid key.
    """
    key = read_key_file(file) if file else os.environ.get(API_KEY_VARIABLE, "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", key):  # the library's error would quote it
        raise ConfigError(
            f"the key in {file or API_KEY_VARIABLE} has spaces or other characters "
            "that no key contains",
            "copy it again",
        )
    return key


def read_key_file(name: str) -> str:
    """Read a file that only this user can read; root may own it.

    Raises RefusedError for a file that others can read, InputError if there is none.
    """
    try:
        path = Path(name).expanduser()
        # Opening a pipe without a writer would block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path} is not a regular file", "write the key into one")
            if status.st_mode & 0o077 or status.st_uid not in (0, os.getuid()):
                raise RefusedError(f"others can read the key in {path}", f"run: chmod 600 {path}")
            return file.read(MAX_KEY_BYTES).decode("ascii", "replace").strip()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: no home for `~name`
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {name}: {reason}", "check the path") from error

"""Where the API listens, what it is called, and its key."""

import os
from pathlib import Path

import pytest

from starcoder_cli.errors import ConfigError, InputError, RefusedError, UsageError
from starcoder_cli.net.endpoints import API_KEY_VARIABLE
from starcoder_cli.server.access import (
    Address,
    allowed_host_headers,
    create_key_file,
    load_user_key,
    require_key,
)

GOOD = "0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "address", "local"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0), True),
        ("localhost:80", Address("127.0.0.1", 80), True),
        (":9000", Address("127.0.0.1", 9000), True),
        ("127.0.0.2", Address("127.0.0.2", 8765), True),
        ("[::1]:65535", Address("::1", 65535), True),
        ("0.0.0.0:80", Address("0.0.0.0", 80), False),
        ("[::]:80", Address("::", 80), False),
        ("192.168.1.2", Address("192.168.1.2", 8765), False),
    ],
)
def test_addresses(text: str, address: Address, local: bool) -> None:
    assert Address.parse(text) == address
    assert address.is_local == local


@pytest.mark.parametrize(
    "text",
    ["example.org:80", "127.0.0.1:65536", "::1", "127.1:80", "[127.0.0.1", "a:b:c", "1.2:-1"],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="is not an address"):
        Address.parse(text)


def test_what_a_client_may_call_it() -> None:
    local = {b"localhost:81", b"127.0.0.1:81", b"[::1]:81"}
    assert allowed_host_headers(Address(port=81), ()) == local
    assert allowed_host_headers(Address("0.0.0.0", 81), ()) == local
    assert allowed_host_headers(Address("10.0.0.1", 81), ()) == local | {b"10.0.0.1:81"}
    named = {b"box.example:81", b"box.example:443"}
    assert (
        allowed_host_headers(Address(port=81), ("Box.example", "box.example:443")) == local | named
    )
    assert {b"localhost", b"localhost:80", b"[::1]"} < allowed_host_headers(Address(port=80), ())
    for name in ("", "*", "a b", "a/b", "http://a", "a\n"):
        with pytest.raises(UsageError):
            allowed_host_headers(Address(port=80), (name,))


def test_others_reach_it_with_a_key_of_the_users_own_alone() -> None:
    require_key(Address(), None)
    require_key(Address("0.0.0.0"), b"key")
    with pytest.raises(ConfigError, match="others can reach"):
        require_key(Address("0.0.0.0"), None)


def test_a_key_that_was_made(tmp_path: Path) -> None:
    (tmp_path / "http.key").symlink_to(tmp_path / "elsewhere")
    key, path = create_key_file(tmp_path)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (key + b"\n", 0o600)
    assert not path.is_symlink() and len(key) >= 43
    assert create_key_file(tmp_path)[0] != key


def test_a_key_that_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_user_key(None) is None
    monkeypatch.setenv(API_KEY_VARIABLE, GOOD)
    assert load_user_key(None) == GOOD.encode()
    assert API_KEY_VARIABLE not in os.environ
    file = tmp_path / "key"
    file.write_text(f"{GOOD}\r\n")
    file.chmod(0o600)
    monkeypatch.setenv(API_KEY_VARIABLE, "another-key-altogether")
    assert load_user_key(str(file)) == GOOD.encode()


@pytest.mark.parametrize("key", ["", "short", GOOD + " ", "é" * 20, "\udcff" * 20, "a" * 257])
def test_what_is_no_key(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_KEY_VARIABLE, key)
    with pytest.raises(ConfigError, match=f"the key in {API_KEY_VARIABLE} is not a valid key"):
        load_user_key(None)


def test_a_file_that_others_can_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with pytest.raises(InputError):
        load_user_key(str(file))
    file.write_text(GOOD)
    for mode in (0o644, 0o640, 0o604, 0o620):
        file.chmod(mode)
        with pytest.raises(RefusedError, match="others can read"):
            load_user_key(str(file))
    for made in (tmp_path, Path("/dev/null")):
        with pytest.raises((RefusedError, InputError)):
            load_user_key(str(made))

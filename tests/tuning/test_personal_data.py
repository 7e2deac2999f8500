"""Personal data and secrets are replaced, and counted."""

import pytest

from starcoder_cli.tuning.personal_data import replace_personal_data

KEY = "ghp_" + "a1B2c3D4e5" * 4


@pytest.mark.parametrize(
    ("text", "wanted", "counts"),
    [
        ("mail = 'jo.doe@firm.com'", "mail = '<EMAIL>'", {"e-mail address": 1}),
        (
            "# Copyright 2020 Jo Doe <jo@firm.com>",
            "# Copyright 2020 Jo Doe <<EMAIL>>",
            {"e-mail address": 1},
        ),
        ("mail = 'jo@example.org'", "mail = 'jo@example.org'", {}),
        ("@decorator.name\nclass A", "@decorator.name\nclass A", {}),
        ("host = '8.8.8.8'", "host = '<IP_ADDRESS>'", {"IP address": 1}),
        ("host = '127.0.0.1', '10.0.0.1'", "host = '127.0.0.1', '10.0.0.1'", {}),
        ("version 8.8.8.8", "version 8.8.8.8", {}),
        ("dns = '2001:4860:4860:0:0:0:0:8888'", "dns = '<IP_ADDRESS>'", {"IP address": 1}),
        (f"token = {KEY!r}", "token = '<KEY>'", {"key": 1}),
        ("password = 'aB3$xYz9Qw7!kL2m'", "password = '<KEY>'", {"key": 1}),
        ("x = a[1:2:3]", "x = a[1:2:3]", {}),
    ],
)
def test_replacing(text: str, wanted: str, counts: dict[str, int]) -> None:
    assert replace_personal_data(text) == (wanted, counts)


def test_a_whole_private_key_goes() -> None:
    block = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\ndef\n-----END RSA PRIVATE KEY-----"
    assert replace_personal_data(f"a = '{block}'\nb") == ("a = '<KEY>'\nb", {"key": 1})

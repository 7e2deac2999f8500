"""Threads that wait for each other."""

import os

import pytest

from starcoder_cli.engines.native import POLICY, SPINS, soon_asleep


def test_threads_sleep_soon_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another program took a core, a token took more than a second."""
    for name in (SPINS, POLICY):
        monkeypatch.delenv(name, raising=False)
    with soon_asleep():
        assert os.environ[SPINS] == "1000"
    assert SPINS not in os.environ
    monkeypatch.setenv(POLICY, "active")
    with soon_asleep():
        assert SPINS not in os.environ

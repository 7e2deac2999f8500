"""Threads that wait for each other."""

import os

import pytest

from starcoder_cli.backends.threads import SPINNING, soon_asleep


def test_threads_sleep_soon_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another program took a core, a token took more than a second."""
    for name in SPINNING:
        monkeypatch.delenv(name, raising=False)
    with soon_asleep():
        assert os.environ["GOMP_SPINCOUNT"] == "1000"
    assert "GOMP_SPINCOUNT" not in os.environ
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    with soon_asleep():
        assert "GOMP_SPINCOUNT" not in os.environ

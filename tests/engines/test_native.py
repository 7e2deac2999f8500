"""Threads that wait for each other."""

import os

import pytest

from starcoder_cli.engines.native import SPIN_COUNT_VARIABLE, WAIT_POLICY_VARIABLE, limit_spinning


def test_threads_sleep_soon_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another program took a core, a token took more than a second."""
    for name in (SPIN_COUNT_VARIABLE, WAIT_POLICY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    with limit_spinning():
        assert os.environ[SPIN_COUNT_VARIABLE] == "1000"
    assert SPIN_COUNT_VARIABLE not in os.environ
    monkeypatch.setenv(WAIT_POLICY_VARIABLE, "active")
    with limit_spinning():
        assert SPIN_COUNT_VARIABLE not in os.environ

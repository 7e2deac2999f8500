"""Which packages are in a bundle: those that are installed and needed, as they are installed."""

import json
from pathlib import Path

import pytest

from offline_packages import describe
from starcoder_cli.bundle.requirements import (
    InstalledPackage,
    find_installed_packages,
    source_url,
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def add(site: Path, name: str, *requires: str, source: object = None) -> None:
    """Install a package as far as its description goes."""
    files = describe(name, "1.0", *requires)
    for place, content in files.items():
        (site / place).parent.mkdir(exist_ok=True)
        (site / place).write_bytes(content)
    if source is not None:
        folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
        (folder / "direct_url.json").write_text(json.dumps(source))


def test_all_that_is_required_directly_or_not(site: Path) -> None:
    add(site, "top", "Middle_Part>=1", "missing", "other; extra == 'more'")
    add(site, "middle-part", "bottom[fast]; python_version >= '3'", "old; python_version < '3'")
    add(site, "bottom", "top", "faster; extra == 'fast'")
    for name in ("faster", "old", "other"):
        add(site, name)
    names = [package.name for package in find_installed_packages("top")]
    assert names == ["bottom", "faster", "middle-part", "top"]


def test_an_installation_without_torch_makes_a_bundle_without_it(site: Path) -> None:
    add(site, "top", "torch-that-is-absent")
    assert find_installed_packages("top") == (InstalledPackage("top", "1.0"),)


def test_a_package_is_asked_for_in_its_version_or_from_its_source(site: Path) -> None:
    add(site, "top", "part")
    add(site, "part", source={"url": "file:///src/part", "dir_info": {"editable": True}})
    wanted = [package.requirement for package in find_installed_packages("top")]
    assert wanted == ["part @ file:///src/part", "top==1.0"]


@pytest.mark.parametrize(
    ("record", "url"),
    [
        (
            {"url": "https://x.example/r.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "git+https://x.example/r.git@abc",
        ),
        ({"url": "https://x.example/p-1.0.tar.gz", "archive_info": {}}, "https://x.example/p-1.0.tar.gz"),
        ({}, ""),
        (["url"], ""),
    ],
)  # fmt: skip
def test_where_a_package_came_from(record: object, url: str) -> None:
    assert source_url(json.dumps(record)) == url
    assert source_url(None) == ""


def test_a_build_of_torch_comes_from_its_own_index() -> None:
    cpu = InstalledPackage("torch", "2.13.0+cpu")
    assert cpu.index == "https://download.pytorch.org/whl/cpu"
    assert InstalledPackage("torch", "2.13.0").index == ""
    assert InstalledPackage("other", "1.0+local").index == ""

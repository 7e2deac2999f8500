"""How wheels come into a bundle."""

from pathlib import Path

import pytest

from offline_packages import PROGRAM, install_program
from starcoder_cli.bundle.requirements import InstalledPackage, find_installed_packages
from starcoder_cli.bundle.wheels import collect_wheels, last_reason, pip_command
from starcoder_cli.errors import UnavailableError


def test_a_wheel_of_each_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_program(tmp_path, monkeypatch)
    counts: list[tuple[int, int]] = []
    folder = tmp_path / "bundle" / "wheels"
    folder.mkdir(parents=True)
    collect_wheels(find_installed_packages(PROGRAM), folder, lambda *count: counts.append(count))
    names = sorted(path.name.partition("-")[0] for path in folder.iterdir())
    assert names == ["pip", "tiny_starcoder"]
    assert counts == [(0, 2), (1, 2), (2, 2)]


def test_a_package_that_no_index_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_program(tmp_path, monkeypatch)
    missing = [InstalledPackage("absent-package", "3.0")]
    with pytest.raises(UnavailableError) as caught:
        collect_wheels(missing, tmp_path, lambda done, total: None)
    assert caught.value.message == (
        "pip has no wheel of absent-package==3.0: No matching distribution found for "
        "absent-package==3.0"
    )


def test_a_build_of_torch_is_asked_of_its_index_too(tmp_path: Path) -> None:
    command = pip_command(InstalledPackage("torch", "2.13.0+cpu"), tmp_path)
    assert command[-3:] == (
        "--extra-index-url", "https://download.pytorch.org/whl/cpu", "torch==2.13.0+cpu",
    )  # fmt: skip


def test_the_reason_that_pip_gives() -> None:
    assert last_reason("  ERROR: first\nERROR: second\nnote: more\n") == "second"
    assert last_reason("killed\n\n") == "killed"
    assert last_reason("") == "it gave no reason"

"""A bundle is whole when it has its name, and nothing is left of one that is not."""

import json
from pathlib import Path

import pytest

from offline_packages import PROGRAM, install_program
from starcoder_cli import __version__
from starcoder_cli.app.bundle import bundle, copy_model
from starcoder_cli.bundle import install
from starcoder_cli.errors import CreateError, UnavailableError, UsageError
from starcoder_cli.terminal.output import Messages

QUIET = Messages(quiet=True)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip finds a small program and itself."""
    return install_program(tmp_path / "made", monkeypatch)


def test_wheels_installer_and_contents(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "bundle"
    bundle(folder, "echo", False, QUIET, PROGRAM)
    assert capsys.readouterr() == (f"{folder}\n", "")
    assert sorted(path.name for path in folder.iterdir()) == ["bundle.json", "install.py", "wheels"]
    contents = json.loads((folder / "bundle.json").read_text())
    assert (contents["version"], contents["model"]) == (__version__, "")
    assert contents["packages"][PROGRAM] == "1.0"
    assert contents["files"] == install.compute_checksums(folder)
    assert len(contents["files"]) == 3
    assert str(tmp_path) not in (folder / "bundle.json").read_text()


def test_what_is_said_of_it(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle(tmp_path / "bundle", "echo", False, Messages(), PROGRAM)
    first, last = capsys.readouterr().err.splitlines()
    assert first == "collecting 2 packages"
    assert last.endswith(" MB; on a machine like this one run: python3 bundle/install.py")


def test_no_folder_is_replaced(index: Path, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    with pytest.raises(CreateError, match="exists"):
        bundle(tmp_path / "bundle", "echo", False, QUIET, PROGRAM)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CreateError, match="exists"):
        bundle(tmp_path / "link", "echo", False, QUIET, PROGRAM)


def test_a_hidden_folder_of_a_like_name_stays(index: Path, tmp_path: Path) -> None:
    (tmp_path / ".bundle.partial").mkdir()
    (tmp_path / ".bundle.partial" / "mine").write_text("kept")
    bundle(tmp_path / "bundle", "echo", False, QUIET, PROGRAM)
    assert (tmp_path / ".bundle.partial" / "mine").read_text() == "kept"
    assert oct((tmp_path / "bundle").stat().st_mode)[-3:] == "755"


def test_nothing_is_left_where_a_package_is_missing(index: Path, tmp_path: Path) -> None:
    for wheel in index.glob("pip-*"):
        wheel.unlink()
    with pytest.raises(UnavailableError, match="pip has no wheel of pip=="):
        bundle(tmp_path / "bundle", "echo", False, QUIET, PROGRAM)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]


def test_a_folder_that_cannot_be_made(index: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CreateError, match="cannot hold a new folder: File exists"):
        bundle(tmp_path / "file" / "bundle", "echo", False, QUIET, PROGRAM)


def test_a_model_has_to_have_a_name(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(b"GGUF")
    with pytest.raises(UsageError, match="has no name on another machine"):
        bundle(tmp_path / "bundle", str(tmp_path / "own.gguf"), False, QUIET)


def test_a_model_is_copied_with_its_links_and_times(tmp_path: Path) -> None:
    source = tmp_path / "model"
    (source / "blobs").mkdir(parents=True)
    (source / "blobs" / "weights").write_bytes(b"1234")
    (source / "snapshot").symlink_to("blobs/weights")
    (tmp_path / "bundle").mkdir()
    target = tmp_path / "bundle" / "hub" / "model"
    copy_model(source, target, QUIET)
    assert (target / "snapshot").readlink() == Path("blobs/weights")
    times = [(each / "blobs" / "weights").stat().st_mtime_ns for each in (source, target)]
    assert times[0] == times[1]

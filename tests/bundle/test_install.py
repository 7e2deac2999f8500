"""The installer of a bundle, run by a Python that has nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from offline_packages import PROGRAM, install_program
from starcoder_cli.bundle import install
from starcoder_cli.bundle.requirements import find_installed_packages
from starcoder_cli.bundle.wheels import collect_wheels


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of a small program, with one model in each of the two folders."""
    install_program(tmp_path / "made", monkeypatch)
    folder = tmp_path / "bundle"
    (folder / "wheels").mkdir(parents=True)
    collect_wheels(find_installed_packages(PROGRAM), folder / "wheels", lambda *count: None)
    for name in ("models/small", "hub/models--a--b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "weights").write_bytes(b"1234")
    (folder / "install.py").write_bytes(Path(install.__file__).read_bytes())
    write_contents(folder)
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    monkeypatch.setenv("TINY_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TINY_HUB", str(tmp_path / "hub"))
    return folder


def write_contents(folder: Path, **changes: str) -> None:
    """The list of contents of a bundle."""
    contents = install.describe_python() | {"files": install.compute_checksums(folder)}
    (folder / "bundle.json").write_text(json.dumps(contents | changes))


def run(bundle: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The installer, without what is installed here."""
    command = [sys.executable, "-I", str(bundle / "install.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_program_runs_and_has_its_models(bundle: Path, tmp_path: Path) -> None:
    done = run(bundle)
    program = tmp_path.home() / ".local" / "bin" / "starcoder"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"installed; run: starcoder doctor\nadd {program.parent} to PATH first\n"
    )
    assert subprocess.check_output([program], text=True) == "it runs\n"
    assert (tmp_path / "models" / "small" / "weights").read_bytes() == b"1234"
    assert (tmp_path / "hub" / "models--a--b" / "weights").read_bytes() == b"1234"


def test_into_a_folder_that_is_named(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "models" / "small").mkdir(parents=True)
    environment = tmp_path / "an environment"
    done = run(bundle, str(environment))
    assert done.stdout == f"installed; run: {environment / 'bin' / 'starcoder'} doctor\n"
    assert done.stderr == f"{tmp_path / 'models' / 'small'} exists and stays as it is\n"
    assert not (tmp_path / "models" / "small" / "weights").exists()
    again = run(bundle, str(environment))
    assert (again.returncode, again.stderr) == (
        1, f"error: {environment} exists: delete it, or name another folder\n",
    )  # fmt: skip


def test_a_damaged_bundle_installs_nothing(bundle: Path, tmp_path: Path) -> None:
    (bundle / "models" / "small" / "weights").write_bytes(b"123")
    done = run(bundle, str(tmp_path / "environment"))
    assert (done.returncode, done.stderr) == (
        1, "error: models/small/weights is damaged or missing: copy the bundle again\n",
    )  # fmt: skip
    assert not (tmp_path / "environment").exists()


@pytest.mark.parametrize("part", ["python", "platform"])
def test_a_bundle_for_another_machine(bundle: Path, tmp_path: Path, part: str) -> None:
    write_contents(bundle, **{part: "other"})
    done = run(bundle, str(tmp_path / "environment"))
    here = install.describe_python()[part]
    assert done.stderr == f"error: this bundle is for {part} other, and this is {here}\n"


def test_a_wheel_that_pip_refuses_leaves_no_environment(bundle: Path, tmp_path: Path) -> None:
    (bundle / "wheels" / "broken-1.0-py3-none-any.whl").write_bytes(b"nothing")
    write_contents(bundle)
    done = run(bundle, str(tmp_path / "environment"))
    assert done.returncode == 1
    assert done.stderr.endswith("error: the installation failed: python exited with status 1\n")
    assert not (tmp_path / "environment").exists()


def test_a_file_that_is_not_listed_is_not_installed(bundle: Path, tmp_path: Path) -> None:
    (bundle / "wheels" / "more-1.0-py3-none-any.whl").write_bytes(b"")
    done = run(bundle, str(tmp_path / "environment"))
    assert (done.returncode, done.stderr) == (
        1, "error: wheels/more-1.0-py3-none-any.whl is not part of the bundle: delete it\n",
    )  # fmt: skip


def test_no_module_of_the_current_folder_is_run(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    for name in ("pip/__main__.py", "starcoder_cli/settings.py", "json.py"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text("open('ran', 'w')")
    monkeypatch.chdir(here)
    assert run(bundle, str(tmp_path / "environment")).returncode == 0
    assert not (here / "ran").exists()


def test_a_copy_that_breaks_off_is_made_again(bundle: Path, tmp_path: Path) -> None:
    """The part that was there counted as the model."""
    (tmp_path / "models" / ".small.partial").mkdir(parents=True)
    (tmp_path / "models" / ".small.partial" / "weights").write_bytes(b"1")
    (tmp_path / "hub").write_text("in the way")
    done = run(bundle, str(tmp_path / "environment"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: the installation failed: ")
    assert not (tmp_path / "environment").exists()
    (tmp_path / "hub").unlink()
    again = run(bundle, str(tmp_path / "environment"))
    assert again.stderr == f"{tmp_path / 'models' / 'small'} exists and stays as it is\n"
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["small"]
    assert (tmp_path / "models" / "small" / "weights").read_bytes() == b"1234"


@pytest.mark.parametrize(
    "text", ["[]", "null", "{}", '{"python": 1, "platform": 2, "files": []}', "{"]
)
def test_a_list_of_contents_that_is_none(bundle: Path, text: str) -> None:
    (bundle / "bundle.json").write_text(text)
    done = run(bundle)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"error: {bundle / 'bundle.json'} cannot be read: ")


def test_a_program_that_cannot_be_linked_is_installed_all_the_same(
    bundle: Path, tmp_path: Path
) -> None:
    (tmp_path.home() / ".local").mkdir()
    (tmp_path.home() / ".local" / "bin").write_text("in the way")
    done = run(bundle)
    assert (done.returncode, done.stderr) == (0, "")
    program = tmp_path.home() / ".local" / "share" / "starcoder-cli" / "bin" / "starcoder"
    assert done.stdout.startswith(f"installed; run {program} (")
    assert done.stdout.endswith(" cannot be made: File exists)\n")
    assert subprocess.check_output([program], text=True) == "it runs\n"


def test_without_a_list_of_contents(bundle: Path) -> None:
    (bundle / "bundle.json").unlink()
    done = run(bundle)
    assert done.stderr.startswith(f"error: {bundle / 'bundle.json'} cannot be read: ")
    assert run(bundle, "--help").stderr == "usage: python3 install.py [ENVIRONMENT]\n"


def test_a_program_of_that_name_stays(bundle: Path, tmp_path: Path) -> None:
    link = tmp_path.home() / ".local" / "bin" / "starcoder"
    link.parent.mkdir(parents=True)
    link.write_text("mine")
    done = run(bundle)
    program = tmp_path.home() / ".local" / "share" / "starcoder-cli" / "bin" / "starcoder"
    assert done.stdout == f"installed; run {program} ({link} exists and stays as it is)\n"
    assert link.read_text() == "mine"

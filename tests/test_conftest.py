"""What every test starts from, as pytest itself sees it: in CI nothing is skipped unnoticed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skips import is_allowed, kernel_refusal, missing_sandbox
from starcoder_cli.sandbox.detect import unavailable_reason
from starcoder_cli.sandbox.isolation import SandboxKind

TESTS = Path(__file__).parent
TWO = """
import pytest

def test_gpu() -> None:
    pytest.skip("needs a CUDA device")

@pytest.mark.skipif(True, reason="fish is not installed")
def test_fish() -> None:
    raise AssertionError
"""
WHOLE = "import pytest\n\npytest.importorskip('absent_4711', reason='needs what is absent')\n"


def outcome(file: Path, ci: bool) -> tuple[int, str]:
    """How pytest ends with this project's settings and `conftest.py`, and what it prints."""
    paths = [str(TESTS), str(TESTS / "support"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    settings = ["-c", str(TESTS.parent / "pyproject.toml"), "--rootdir", str(file.parent)]
    words = [*settings, "-p", "conftest", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, file.name],
        cwd=file.parent,
        env=environment | ({"STARCODER_CI": "1"} if ci else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_skipped_test_fails_in_ci_unless_its_reason_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "test_two.py"
    file.write_text(TWO)
    code, printed = outcome(file, ci=True)
    assert code == 1, printed
    assert "1 skipped, 1 error" in printed
    assert (
        "test_two.py::test_fish is skipped in CI, which has to have what it needs: "
        "fish is not installed"
    ) in printed
    assert "sandboxes: bubblewrap (" in printed and ", landlock (" in printed
    code, printed = outcome(file, ci=False)
    assert code == 0, printed
    assert "2 skipped" in printed and "in CI" not in printed and "sandboxes" not in printed


def test_a_file_that_is_skipped_as_a_whole_fails_in_ci_too(tmp_path: Path) -> None:
    file = tmp_path / "test_whole.py"
    file.write_text(WHOLE)
    code, printed = outcome(file, ci=True)
    assert code == 2, printed
    assert "test_whole.py is skipped in CI" in printed and ": needs what is absent" in printed


@pytest.mark.parametrize(
    ("reason", "allowed"),
    [
        ("needs the folder `shared`, which is beside the checkout only", True),
        ("pwsh is not installed", True),
        ("zsh is not installed", False),
        ("needs the model: starcoder models pull qwen2.5-coder-0.5b", False),
        ("starcoder2-3b is not here, and tests do not use the network", True),
        ("qwen2.5-coder-0.5b is not here, and tests do not use the network", False),
        ("needs OpenVINO, which has no wheel here", False),
        ("go not found; Debian has it in the package golang-go", True),
        ("Test::Deep not found; Debian has it in the package libtest-deep-perl", True),
        ("lua not found; Debian has it in the package lua5.4", False),
        ("luaunit not found; Debian has it in the package lua-unit", False),
        ("bubblewrap: not installed", False),
        ("landlock: does not work: crashed", False),
        ("the kernel has no landlock (Landlock is off); bubblewrap is tested", True),
        ("", False),
    ],
)
def test_which_reasons_are_allowed(reason: str, allowed: bool) -> None:
    assert is_allowed(reason) is allowed


@pytest.mark.parametrize("kind", SandboxKind)
def test_a_sandbox_may_be_missing_where_the_kernel_is_why_and_another_one_works(
    kind: SandboxKind, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What works here is excused by nothing; without its program, bubblewrap is not either."""
    if not unavailable_reason(kind):
        assert kernel_refusal(kind) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    if kind is SandboxKind.BUBBLEWRAP:
        assert kernel_refusal(kind) == ""
        assert missing_sandbox(kind, "not installed") == "bubblewrap: not installed"
        refusing = tmp_path / "bwrap"
        refusing.write_text("#!/bin/sh\necho No permissions >&2\nexit 1\n")
        refusing.chmod(0o755)
        assert kernel_refusal(kind) == "No permissions"

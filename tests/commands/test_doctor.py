"""`starcoder doctor`: what is here to run models with, one line each."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from hubs import reachable
from starcoder_cli.app.doctor import PACKAGES
from starcoder_cli.app.model_findings import Finding
from starcoder_cli.cli import main
from starcoder_cli.commands.doctor import config_finding, format_finding
from starcoder_cli.engines.transformers.architectures import SHAPES

__all__ = ["reachable"]

CHECKS = (
    "config",
    "python",
    *PACKAGES,
    "gpu",
    "memory",
    "disk",
    "cache",
    "sandbox",
    "hub",
    "login",
    "default",
)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty modules in place of the packages that are slow to import and not looked at further."""
    for name in ("transformers", "bitsandbytes", "xllamacpp"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    library = SimpleNamespace(lib=SimpleNamespace())
    monkeypatch.setattr(sys.modules["bitsandbytes"], "cextension", library, raising=False)


@pytest.mark.usefixtures("light", "reachable")
def test_every_check_has_its_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_sentinel")
    assert main(["doctor"]) == 0
    out, err = capsys.readouterr()
    words = [line.split()[:2] for line in out.splitlines()]
    assert [check for _, check in words] == [*CHECKS, *["model" for _ in SHAPES]]
    assert {word for word, _ in words} <= {"ok", "no", "warn"}
    assert {line[:6].strip() for line in out.splitlines()} <= {"ok", "no", "warn"}
    assert "ok    login         logged in as ada\n" in out
    assert ("sentinel" not in out, err) == (True, "")


@pytest.mark.usefixtures("light", "reachable")
def test_what_fails_is_told_by_the_exit_code_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    assert main(["doctor", "--json"]) == 1
    out, err = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert [each for each in found if each["state"] == "fail"] == [
        {
            "check": "bitsandbytes",
            "state": "fail",
            "text": "cannot be imported: ModuleNotFoundError: import of bitsandbytes halted; "
            "None in sys.modules",
            "remedy": "reinstall it: pip install --force-reinstall bitsandbytes",
            "subject": "",
        }
    ]
    assert [each["subject"] for each in found if each["check"] == "model"] == list(SHAPES)
    assert err == ""


@pytest.mark.usefixtures("light", "reachable")
def test_without_torch_no_model_is_planned(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["doctor"]) == 1
    out, err = capsys.readouterr()
    checks = [line.split()[1] for line in out.splitlines()]
    assert checks == [check for check in CHECKS if check not in ("gpu", "memory")]
    assert "FAIL  torch         cannot be imported: " in out
    assert err == ""


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (
            Finding("torch", "ok", "2.13.0"),
            "ok    torch         2.13.0\n",
        ),
        (
            Finding("hub", "warn", "no answer", "check the network"),
            "warn  hub           no answer; check the network\n",
        ),
        (
            Finding("bitsandbytes", "fail", "cannot be\x1b imported", "reinstall it"),
            "FAIL  bitsandbytes  cannot be␛ imported; reinstall it\n",
        ),
    ],
)
def test_a_finding_is_one_line(finding: Finding, text: str) -> None:
    assert format_finding(finding) == text


def test_a_configuration_that_is_wrong_is_a_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And the version can be told."""
    file = tmp_path / "config.toml"
    monkeypatch.setenv("STARCODER_CONFIG", str(file))
    assert config_finding().state == "no"
    file.write_text("max_tokens = 3\n")
    assert config_finding() == Finding("config", "ok", str(file))
    file.write_text("max_tokenz = 3\n")
    found = config_finding()
    assert (found.state, "did you mean max_tokens" in found.remedy) == ("fail", True)
    assert f"{file}:1" in found.text
    assert main(["--version"]) == 0
    assert main(["complete", "-m", "echo", "x.py"]) == 78
    capsys.readouterr()

"""`starcoder bundle` from the command line."""

from pathlib import Path

import pytest

from starcoder_cli.cli import main


def test_a_folder_that_exists_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bundle", str(tmp_path), "-m", "echo"]) == 73
    assert capsys.readouterr() == (
        "",
        f"error: {tmp_path} exists; name a folder that does not\n",
    )


def test_a_model_that_is_not_here_is_not_fetched_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    assert main(["bundle", str(tmp_path / "bundle"), "--offline"]) == 69
    assert "error: " in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()

"""`starcoder tune` from the command line."""

from pathlib import Path

import pytest

from codebases import codebase
from repositories import repository
from starcoder_cli.cli import main
from tiny import build


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository and a tiny checkpoint."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("starcoder_cli.app.tune.MEASURED_SECONDS", 0.01)
    monkeypatch.chdir(tmp_path)
    codebase(tmp_path / "mine")
    build(tmp_path / "base", "qwen2")
    return tmp_path


def test_tune_show_fill_and_remove(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-m", "base", "--max-steps", "1", "--name", "my-model", "--rank", "2", "-q"]
    assert main(["tune", "mine", *words]) == 0
    assert capsys.readouterr().out.startswith("my-model: loss inside ")
    assert main(["models", "show", "my-model"]) == 0
    rows = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert (rows["summary"], rows["base"]) == (f"tuned from {place / 'base'}", str(place / "base"))
    assert rows["trained_on"] == "mine" and len(rows["tuned"]) == 10
    assert Path(rows["data_card"]).is_file() and Path(rows["adapter"]).is_dir()
    (place / "a.py").write_text("a = 1\nb = 2\n")
    fill = ["fill", "a.py:2", "-m", "my-model", "--max-tokens", "3", "--no-server", "-q"]
    assert main(fill) == 0
    assert main(["models", "rm", "my-model"]) == 0
    capsys.readouterr()
    assert main(["models", "show", "my-model"]) == 2


def test_dry_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "mine", "-m", "base", "--dry-run", "--data-card", "card.md"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# Data of mine\n") and Path("card.md").read_text() == out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["missing"], 66, "missing is not there; check the name"),
        (["base"], 66, "base is not in a git repository; run: git init && git add ."),
        (["mine/apple.py"], 66, "mine/apple.py is one file; name the folder of its repository"),
        (["one"], 65, "there is one file to learn from: a.py; tune needs two files or more"),
        (["mine", "--allow", "MIT"], 65, "no code in mine is under a licence that --allow names"),
        (["mine", "--allow", "what"], 2, "'what' is not a licence expression"),
        (["mine", "-m", "echo"], 2, "echo has no weights to train"),
        (["mine", "--learning-rate", "2"], 2, "--learning-rate cannot be 2.0"),
        (["mine", "--name", "starcoder"], 2, "starcoder is a model of the catalog"),
        (["mine", "--rank", "0"], 2, "--rank cannot be 0"),
    ],
)
def test_bad_input(
    words: list[str], code: int, message: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository(place / "one", {"a.py": (place / "mine/apple.py").read_text()})
    model = [] if "-m" in words else ["-m", "base"]
    assert main(["tune", *words, *model]) == code
    out, err = capsys.readouterr()
    # A hint stands on a line of its own.
    assert out == "" and message in " ".join(err.replace("\nhint:", ";").split())
    assert not (place / "models").exists()

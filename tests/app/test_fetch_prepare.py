"""`models pull` prepares, `models show` tells, and `--engine` chooses what runs."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from starcoder_cli.app import fetch as fetching
from starcoder_cli.cli import main
from starcoder_cli.engines.openvino.prepared import PREPARED_FOLDER
from starcoder_cli.models import store
from tinies import SPEC, pulled

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with the tiny one in it, prepared by the command."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STARCODER_MODELS_DIR", str(folder))
        pulled()
        assert main(["models", "pull", SPEC.name]) == 0
    return folder


@pytest.fixture
def prepared(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the tiny model."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(shared))
    return store.model_folder(SPEC)


@pytest.fixture
def manifest(prepared: Path) -> Iterator[Path]:
    """What the tiny model was prepared in says of itself; a test may change it."""
    path = prepared / PREPARED_FOLDER / store.MODEL_MANIFEST_NAME
    before = path.read_text()
    yield path
    path.write_text(before)


def test_a_model_that_is_prepared_is_not_prepared_again(
    prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = prepared / PREPARED_FOLDER / store.MODEL_MANIFEST_NAME
    before = manifest.stat().st_mtime_ns
    assert main(["models", "pull", SPEC.name]) == 0
    assert capsys.readouterr() == ("", "")
    assert manifest.stat().st_mtime_ns == before


def test_its_size_is_told(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", SPEC.name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    files = (
        file
        for file in (prepared / PREPARED_FOLDER).iterdir()
        if file.name != store.MODEL_MANIFEST_NAME
    )
    assert shown["prepared"] == sum(file.stat().st_size for file in files)


@pytest.mark.parametrize("engine", ["llamacpp", "openvino"])
def test_the_engine_that_is_asked_for_answers(
    engine: str, prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "x.py"
    source.write_text("def f(x):\n    return ")
    words = ["complete", str(source), "-m", SPEC.name, "--max-tokens", "4", "--engine", engine]
    assert main([*words, "--json", "-v"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["engine"], told["tokens"]["completion"]) == (engine, 4)
    name = {"llamacpp": "llama.cpp", "openvino": "OpenVINO"}[engine]
    assert f"{SPEC.name}: {name}, a window of " in err


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A command on the tiny model."""
    source = tmp_path / "x.py"
    source.write_text("x = 1\n")
    return ["complete", str(source), "-m", SPEC.name, "--max-tokens", "2", "--raw"]


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the tiny model, which is not prepared."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    return pulled().parent


def test_a_small_file_is_prepared_by_the_first_command_that_uses_it(
    fresh: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--engine", "llamacpp"]) == 0
    assert capsys.readouterr().err == ""
    assert main([*words, "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["engine"] == "openvino"
    assert told.err == f"preparing {SPEC.name} for OpenVINO, once\n"
    assert main(words) == 0
    assert capsys.readouterr().err == ""
    manifest = fresh / PREPARED_FOLDER / store.MODEL_MANIFEST_NAME
    manifest.write_text(manifest.read_text().replace('"form": "', '"form": "0'))
    assert main([*words, "-q"]) == 0
    assert (capsys.readouterr().err, '"form": "0' in manifest.read_text()) == ("", False)


def test_a_large_file_waits_for_a_pull(
    manifest: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It runs on llama.cpp until then; who asks for that hears nothing."""
    monkeypatch.setattr(fetching, "MAX_BYTES_AT_ONCE", 1000)
    manifest.write_text(manifest.read_text().replace('"form": "', '"form": "0'))
    assert main(words) == 0
    assert capsys.readouterr().err == (
        f"note: {SPEC.name} was prepared by an earlier version and runs slower: "
        f"`starcoder models pull {SPEC.name}` prepares it again\n"
    )
    assert main([*words, "--engine", "llamacpp"]) == 0
    assert capsys.readouterr().err == ""


def test_what_cannot_be_prepared_is_tried_once(
    fresh: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert main(words) == 0
    assert "note: it stays with llama.cpp: OpenVINO cannot start: " in capsys.readouterr().err
    assert main(words) == 0
    assert capsys.readouterr().err == ""


def test_what_cannot_be_prepared_runs_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pulled()
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert main(["models", "pull", SPEC.name]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == f"preparing {SPEC.name} for OpenVINO, once"
    assert err.splitlines()[1].startswith("note: it stays with llama.cpp: OpenVINO cannot start: ")
    assert main(["models", "pull", "--engine", "llamacpp", SPEC.name]) == 0
    assert capsys.readouterr() == ("", "")


def test_removing_removes_all(
    tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "models"
    shutil.copytree(prepared.parent, copy)
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(copy))
    assert main(["models", "rm", SPEC.name]) == 0
    assert [path for path in copy.iterdir() if path.name != ".locks"] == []

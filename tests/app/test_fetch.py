"""The model that a command needs: used where it is here, refused where a licence is in the way."""

import os
import signal
import threading
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from starcoder_cli.app.fetch import fetch, prepare_pulled
from starcoder_cli.catalog import ModelSpec, find_model
from starcoder_cli.cli import main
from starcoder_cli.errors import UnavailableError
from starcoder_cli.models import store
from starcoder_cli.models.consent import has_agreed, record_agreement
from starcoder_cli.models.licences import BIGCODE
from starcoder_cli.models.transfer import DownloadedFile, Progress
from starcoder_cli.terminal.output import Messages
from tinies import SPEC, pulled

if TYPE_CHECKING:
    from starcoder_cli.engines.openvino.prepared import Prepared

NAME = "starcoder2-3b-gguf"
NOTE = (
    f"note: {NAME} is under BigCode OpenRAIL-M v1, which restricts its use: "
    f"see `starcoder models show {NAME}`\n"
)


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without models, on a machine with a network."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))


def put(name: str) -> Path:
    """Lay a model's file into its place, as another program might."""
    spec = find_model(name)
    part = store.model_folder(spec) / "x.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"GGUF")
    return store.save_model_file(
        spec, DownloadedFile(part, sha256(b"GGUF").hexdigest(), "elsewhere")
    )


def use(name: str, *, quiet: bool = False) -> Path | None:
    """What a command gets for a model, with no network."""
    return fetch(find_model(name), Messages(quiet), lambda: None, offline=True)


@pytest.mark.parametrize("command", ["complete a.py", "fill a.py:1", "chat why"])
def test_a_model_whose_licence_nobody_accepted_is_not_fetched(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("a = 1\n")
    assert main([*command.split(), "-m", NAME]) == 77
    assert capsys.readouterr() == (
        "",
        f"error: {NAME} is under BigCode OpenRAIL-M v1, which has to be accepted first; "
        f"run: starcoder models pull {NAME}\n",
    )


def test_once_accepted_it_is_fetched_like_any_other() -> None:
    record_agreement(BIGCODE)
    with pytest.raises(UnavailableError) as caught:
        use(NAME)
    assert str(caught.value) == (
        f"{NAME} is not installed and this is offline; with a network, "
        f"run: starcoder models pull {NAME}"
    )


def test_a_model_that_came_without_us_is_used_with_one_note(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = put(NAME)
    assert [use(NAME), use(NAME)] == [path, path]
    assert capsys.readouterr() == ("", NOTE)
    assert not has_agreed(BIGCODE)


def test_a_note_that_nobody_saw_comes_again(capsys: pytest.CaptureFixture[str]) -> None:
    path = put(NAME)
    assert use(NAME, quiet=True) == path
    assert capsys.readouterr() == ("", "")
    assert use(NAME) == path
    assert capsys.readouterr() == ("", NOTE)


def test_a_note_that_cannot_be_remembered_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("STARCODER_DATA_DIR", str(file))
    path = put(NAME)
    assert [use(NAME), use(NAME)] == [path, path]
    assert capsys.readouterr() == ("", NOTE * 2)


def test_no_note_where_it_was_accepted_or_need_not_be(capsys: pytest.CaptureFixture[str]) -> None:
    record_agreement(BIGCODE)
    for name in (NAME, "owner/name/x.gguf"):
        path = put(name)
        assert use(name) == path
    assert not find_model("echo").has_file
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_ends_a_preparation_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Native code lets no signal through until it is done."""
    path, ended = pulled(), threading.Event()
    staging = path.parent / "openvino.part"

    def hang(spec: ModelSpec, path: Path, report: Progress) -> "Prepared":
        staging.mkdir()
        (staging / "half").write_bytes(b"x")
        os.kill(os.getpid(), signal.SIGINT)
        ended.wait()
        raise UnavailableError("nobody waits for this")

    try:
        with pytest.raises(KeyboardInterrupt):
            prepare_pulled(SPEC, path, hang)
    finally:
        ended.set()
    assert capsys.readouterr().err == (
        f"preparing {SPEC.name} for OpenVINO, once\n"
        f"note: {SPEC.name} is usable, with llama.cpp; "
        f"`starcoder models pull {SPEC.name}` prepares it for OpenVINO\n"
    )
    assert not staging.exists()

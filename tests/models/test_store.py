"""The folder of models: only a verified, unchanged file is ever handed out."""

import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from servers import spec_of, weights
from starcoder_cli.catalog import SMALL_MODEL, ModelSpec, find_model
from starcoder_cli.errors import BusyError, DataError, InputError, UsageError
from starcoder_cli.models import store
from starcoder_cli.models.transfer import DownloadedFile

DATA = weights()
TINY = spec_of(DATA)


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that does not exist yet."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path / "models"


def kept(spec: ModelSpec, data: bytes = DATA) -> Path:
    """The file of a model that was just pulled and verified."""
    folder = store.model_folder(spec)
    folder.mkdir(parents=True)
    part = folder / "x.part"
    part.write_bytes(data)
    return store.save_model_file(spec, DownloadedFile(part, sha256(data).hexdigest(), "here"))


def test_a_verified_file_is_handed_out(models: Path) -> None:
    assert store.locate_model(TINY) is None
    path = kept(TINY)
    assert store.locate_model(TINY) == path == models / "tiny" / "tiny.gguf"
    assert sorted(file.name for file in path.parent.iterdir()) == ["manifest.json", "tiny.gguf"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"<html>"),
        lambda path: path.write_bytes(b""),
        lambda path: os.truncate(path, 1000),
        lambda path: path.write_bytes(weights(1)),
    ],
    ids=["a web page", "empty", "truncated", "other weights"],
)
def test_a_changed_file_is_an_error_that_says_how_to_repair(damage: object) -> None:
    path = kept(TINY)
    assert callable(damage)
    damage(path)
    with pytest.raises(DataError) as caught:
        store.locate_model(TINY)
    assert str(caught.value) == (
        f"{path} is not the file that was verified; repair it with: starcoder models pull tiny"
    )


def test_a_copied_folder_of_models_is_not_damaged(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(TINY)
    copy = Path(shutil.copytree(models, tmp_path / "copy", copy_function=shutil.copyfile))
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(copy))
    os.utime(copy / "tiny" / "tiny.gguf", (1, 1))
    files = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    assert store.locate_model(TINY) == copy / "tiny" / "tiny.gguf"
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == files


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b'{"name": "tiny"}', b"\xff", None])
def test_without_a_sound_manifest_a_file_is_not_verified(manifest: bytes | None) -> None:
    path = kept(TINY)
    if manifest is None:
        (path.parent / "manifest.json").unlink()
    else:
        (path.parent / "manifest.json").write_bytes(manifest)
    assert store.locate_model(TINY) is None


def test_a_file_that_is_gone_or_dangles_is_not_here() -> None:
    path = kept(TINY)
    path.unlink()
    assert store.locate_model(TINY) is None
    path.symlink_to("nowhere")
    assert store.locate_model(TINY) is None


def test_other_bytes_than_the_catalog_now_wants_are_not_here() -> None:
    kept(TINY)
    assert store.locate_model(spec_of(weights(1))) is None


def test_what_is_installed() -> None:
    other = find_model("owner/name/other.gguf")
    kept(other)
    default = find_model(SMALL_MODEL)
    kept(default)
    assert store.list_installed_models() == [default, other]
    assert store.locate_model(other) == store.model_folder(other) / "other.gguf"


def test_removing() -> None:
    path = kept(TINY)
    store.remove_model(TINY)
    assert not path.parent.exists()
    with pytest.raises(InputError) as caught:
        store.remove_model(TINY)
    assert str(caught.value) == "tiny is not installed; see `starcoder models list`"


def test_a_users_own_file_is_found_but_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF")
    spec = find_model(str(path))
    assert store.locate_model(spec) == path
    with pytest.raises(UsageError):
        store.remove_model(spec)
    path.unlink()
    assert store.locate_model(spec) is None


def test_a_model_that_is_being_pulled_is_not_removed() -> None:
    path = kept(TINY)
    with store.lock_model(TINY), pytest.raises(BusyError):
        store.remove_model(TINY)
    assert path.exists()


def test_a_tuned_model_takes_the_place_of_the_one_before(models: Path) -> None:
    spec = ModelSpec("mine", base="tiny", engine="huggingface")
    for text in ("one", "two"):
        staged = models / ".tuning" / "result"
        (staged / "checkpoint").mkdir(parents=True)
        (staged / "checkpoint" / "config.json").write_text(text)
        path = store.save_tuned_model(spec, staged, {"base": "tiny"})
        assert path == models / "mine" / "checkpoint" == store.locate_model(spec)
        assert (path / "config.json").read_text() == text and not staged.exists()
    assert [each.name for each in store.list_installed_models()] == ["mine"]
    (path / "config.json").unlink()
    assert store.locate_model(spec) is None
    unfinished = models / ".tuning" / "mine"
    unfinished.mkdir()
    store.remove_model(spec)
    assert not (models / "mine").exists() and not unfinished.exists()

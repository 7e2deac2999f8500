"""The manifest of a prepared folder: believed while it is of this file, these versions, whole."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from forms import lay_form
from starcoder_cli.engines.openvino import prepared as prepared_module
from starcoder_cli.engines.openvino.prepared import (
    FORMAT_VERSION,
    METADATA_FILE,
    PREPARED_FOLDER,
    Prepared,
    PreparedMetadata,
    StepRows,
    current_versions,
    find_prepared,
    is_outdated,
    is_unfit,
    mark_unfit,
    read_prepared,
    write_prepared,
)
from starcoder_cli.errors import DataError
from starcoder_cli.models import store
from tinies import pulled


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the tiny model, not prepared."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    return pulled()


def test_what_is_written_is_read_again_and_found(path: Path) -> None:
    assert (find_prepared(path), is_outdated(path)) == (None, False)
    made = lay_form(path)
    assert read_prepared(made.folder) == find_prepared(path) == made
    assert not is_outdated(path)


def test_the_versions_are_those_of_the_form_and_of_three_packages() -> None:
    versions = current_versions()
    assert set(versions) == {"form", "openvino", "xllamacpp"}
    assert versions["form"] == FORMAT_VERSION


def of_another_file(made: Prepared) -> None:
    write_prepared(replace(made, sha256="0" * 64))


def by_another_version(made: Prepared) -> None:
    write_prepared(replace(made, versions={**made.versions, "openvino": "9999"}))


def without_a_version(made: Prepared) -> None:
    write_prepared(replace(made, versions={"form": FORMAT_VERSION}))


def no_json(made: Prepared) -> None:
    (made.folder / store.MODEL_MANIFEST_NAME).write_bytes(b"{")


def of_another_kind(made: Prepared) -> None:
    (made.folder / store.MODEL_MANIFEST_NAME).write_bytes(b"[]")


def without_files(made: Prepared) -> None:
    (made.folder / store.MODEL_MANIFEST_NAME).write_bytes(b'{"sha256": "0", "versions": {}}')


def without_a_manifest(made: Prepared) -> None:
    (made.folder / store.MODEL_MANIFEST_NAME).unlink()


def without_a_file(made: Prepared) -> None:
    (made.folder / "model.bin").unlink()


def cut_off(made: Prepared) -> None:
    (made.folder / "model.bin").write_bytes(b"1234")


def with_one_file_more(made: Prepared) -> None:
    (made.folder / "other").write_bytes(b"")


def without_the_file_of_the_model_itself(made: Prepared) -> None:
    (made.folder.parent / store.MODEL_MANIFEST_NAME).unlink()


@pytest.mark.parametrize(
    "change",
    [
        of_another_file,
        by_another_version,
        without_a_version,
        no_json,
        of_another_kind,
        without_files,
        without_a_manifest,
        without_a_file,
        cut_off,
        with_one_file_more,
        without_the_file_of_the_model_itself,
    ],
)
def test_a_form_that_is_not_current_or_not_whole_is_none(
    change: Callable[[Prepared], None], path: Path
) -> None:
    change(lay_form(path))
    assert find_prepared(path) is None


def test_only_an_older_form_is_outdated(path: Path) -> None:
    """What is damaged, or of other packages, is not: it is only no form."""
    made = lay_form(path)
    write_prepared(replace(made, versions={**made.versions, "openvino": "9999"}))
    assert not is_outdated(path)
    write_prepared(replace(made, versions={**made.versions, "form": "1"}))
    assert is_outdated(path)
    no_json(made)
    assert not is_outdated(path)


def test_metadata_come_back_as_they_were(tmp_path: Path) -> None:
    told = PreparedMetadata((7, 9), StepRows(2, 4))
    told.write(tmp_path)
    assert PreparedMetadata.read(tmp_path) == told


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{}", '{"ends": [1]}', '{"ends": 1, "rows": 1}', '{"rows": 1}']
)
def test_damaged_metadata_are_told(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / METADATA_FILE).write_text(text)
    with pytest.raises(DataError) as caught:
        PreparedMetadata.read(tmp_path)
    assert caught.value.message.startswith(f"{tmp_path / METADATA_FILE} cannot be read: ")
    assert caught.value.hint == "use --engine llamacpp"


def test_the_folder_is_beside_the_file(path: Path) -> None:
    assert lay_form(path).folder == path.parent / PREPARED_FOLDER


def test_a_file_that_cannot_be_prepared_is_remembered_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version of a package, or other bytes, may do it."""
    assert not is_unfit(path)
    mark_unfit(path)
    assert is_unfit(path)
    with monkeypatch.context() as patch:
        patch.setattr(prepared_module, "VERSIONED_PACKAGES", ("openvino",))
        assert not is_unfit(path)
    manifest = path.parent / store.MODEL_MANIFEST_NAME
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "sha256": "0" * 64}))
    assert not is_unfit(path)

"""What GGUF files are prepared in: made once and whole, used while current, never in the way."""

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE

from ggufs import tiny
from servers import full_disk
from starcoder_cli.engines.openvino import prepare as preparation
from starcoder_cli.engines.openvino.prepare import (
    STAGING_FOLDER,
    Convert,
    convert_file,
    prepare_model,
)
from starcoder_cli.engines.openvino.prepared import (
    PREPARED_FOLDER,
    Prepared,
    PreparedMetadata,
    find_prepared,
    write_prepared,
)
from starcoder_cli.engines.openvino.scheduler import MAX_STEP_ROWS
from starcoder_cli.errors import DataError, InputError, MachineError, WriteError
from starcoder_cli.models import store
from starcoder_cli.weights.gguf import read_gguf_header
from tinies import SPEC, pulled


def nobody(done: int, total: int) -> None:
    """Nobody is told how many steps are done."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the tiny model, not prepared."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    return pulled()


def pretended(path: Path, to: Path, report: object, narrow: int) -> None:
    """Write something without OpenVINO."""
    (to / "model.bin").write_bytes(b"12345")


@pytest.fixture
def earlier(path: Path) -> Prepared:
    """What it was prepared in, without OpenVINO."""
    return prepare_model(SPEC, path, nobody, pretended)


def test_a_form_is_made_once(path: Path) -> None:
    pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")
    seen: list[tuple[int, int]] = []
    begun = path.read_bytes()
    earlier = prepare_model(SPEC, path, lambda done, total: seen.append((done, total)))
    assert seen == [(done, 15) for done in range(16)]
    assert path.read_bytes() == begun
    assert {file.name for file in path.parent.iterdir()} == {
        path.name,
        "manifest.json",
        PREPARED_FOLDER,
    }
    assert sum(earlier.files.values()) > 50_000
    assert set(earlier.versions) == {"form", "openvino", "xllamacpp"}
    assert PreparedMetadata.read(earlier.folder).ends == (read_gguf_header(path).eos_id,)
    assert PreparedMetadata.read(earlier.folder).rows.most in (1, MAX_STEP_ROWS)
    assert prepare_model(SPEC, path, nobody) == find_prepared(path) == earlier
    assert len(seen) == 16
    store.remove_model(SPEC)
    assert not path.parent.exists()


@pytest.mark.parametrize("merges", [[("a", "b")], [("a ", "b"), ("a", "b")], []])
def test_a_terse_tokenizer_is_the_same(merges: list[tuple[str, str]]) -> None:
    vocabulary = {text: at for at, text in enumerate(("a", "b", "ab", "a ", "a b"))}
    whole = Tokenizer(BPE(vocabulary, merges))
    terse = preparation.to_compact_json(whole)
    assert Tokenizer.from_str(terse).to_str() == whole.to_str()
    assert ('"merges":["a b"]' in terse) == (len(merges) == 1)


def outdated(earlier: Prepared) -> None:
    """Let the form be one that another version has made."""
    write_prepared(replace(earlier, versions={**earlier.versions, "openvino": "9999"}))


def cut_off(earlier: Prepared) -> None:
    """Let a file of it be shorter than it was."""
    (earlier.folder / "model.bin").write_bytes(b"1234")


@pytest.mark.parametrize("change", [outdated, cut_off])
def test_a_form_that_is_not_current_is_made_anew(
    change: Callable[[Prepared], None], earlier: Prepared, path: Path
) -> None:
    change(earlier)
    assert find_prepared(path) is None
    again = prepare_model(SPEC, path, nobody, pretended)
    assert find_prepared(path) == again == earlier


def interrupted(path: Path, to: Path, report: object, narrow: int) -> None:
    (to / "half").write_bytes(b"1")
    raise KeyboardInterrupt


def full(path: Path, to: Path, report: object, narrow: int) -> None:
    (to / "half").write_bytes(b"1")
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("fault", "error"), [(interrupted, KeyboardInterrupt), (full, WriteError)])
def test_what_was_not_finished_is_not_there(
    fault: Convert, error: type[BaseException], path: Path
) -> None:
    with pytest.raises(error):
        prepare_model(SPEC, path, nobody, fault)
    assert find_prepared(path) is None
    assert store.locate_model(SPEC) == path
    assert {file.name for file in path.parent.iterdir()} == {path.name, store.MODEL_MANIFEST_NAME}


def test_a_form_stays_until_the_new_one_is_whole(earlier: Prepared, path: Path) -> None:
    outdated(earlier)
    with pytest.raises(WriteError):
        prepare_model(SPEC, path, nobody, full)
    write_prepared(earlier)
    assert find_prepared(path) == earlier


def test_what_a_killed_preparation_left_goes_with_the_next(path: Path) -> None:
    left = path.parent / STAGING_FOLDER
    left.mkdir()
    (left / "model.gguf").write_bytes(b"1")
    assert find_prepared(path) is None
    folder = prepare_model(SPEC, path, nobody, pretended).folder
    assert {file.name for file in folder.iterdir()} == {"model.bin", store.MODEL_MANIFEST_NAME}
    assert not left.exists()


def test_a_disk_that_fills_while_weights_are_written(path: Path) -> None:
    """The tokenizer before them is smaller, and so are the first of them."""
    steps: list[int] = []
    with full_disk(8 << 10), pytest.raises(WriteError, match="File too large"):
        prepare_model(SPEC, path, lambda done, total: steps.append(done))
    assert 0 < len(steps) < 14


def test_a_model_that_was_removed_meanwhile(path: Path) -> None:
    store.remove_model(SPEC)
    with pytest.raises(InputError, match="owner/name/tiny.gguf is not installed"):
        prepare_model(SPEC, path, nobody)


def test_text_that_is_spelled_differently(tmp_path: Path) -> None:
    """It would answer another prompt than the one that was meant.

    Where a file names no pre-tokenizer, llama.cpp alone keeps punctuation apart.
    """
    pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny("Ġ (", "default"))
    with pytest.raises(DataError) as caught:
        convert_file(path, tmp_path, nobody)
    assert str(caught.value) == f"{path} spells text as only llama.cpp does; use --engine llamacpp"


def test_a_tokenizer_that_transformers_does_not_know(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"gpt2", b"gpt9"))
    with pytest.raises(MachineError) as caught:
        preparation.read_gguf_tokenizer(path, read_gguf_header(path))
    assert str(caught.value).startswith(f"transformers cannot read the tokenizer of {path}: ")

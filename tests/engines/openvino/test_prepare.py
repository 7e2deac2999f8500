"""What GGUF files are prepared in: made once and whole, used while current, never in the way."""

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE

from starcoder_cli.engines import load
from starcoder_cli.engines.load import open_model
from starcoder_cli.engines.openvino import prepare as preparation
from starcoder_cli.engines.openvino import prepared, requantize
from starcoder_cli.engines.openvino.prepare import DRAFT, made, prepare
from starcoder_cli.engines.openvino.prepared import FOLDER, Prepared, Traits, find
from starcoder_cli.engines.openvino.scheduler import ROWS
from starcoder_cli.errors import DataError, InputError, MachineError, WriteError
from starcoder_cli.loading import Loading, Pace, Work
from starcoder_cli.models import store
from starcoder_cli.weights.gguf import read_header
from tinies import SPEC, pulled

PACES = {
    "llamacpp": Pace(load=1.0, warm_up=0.0, read=100.0, write=30.0),
    "openvino": Pace(load=2.0, warm_up=1.0, read=500.0, write=30.0),
}


def nobody(done: int, total: int) -> None:
    """Nobody is told how many steps are done."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the tiny model, not prepared."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    return pulled()


def pretended(path: Path, to: Path, report: object, narrow: int) -> dict[str, Pace]:
    """Write something without OpenVINO."""
    (to / "model.bin").write_bytes(b"12345")
    return PACES


@pytest.fixture
def earlier(path: Path, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """What it was prepared in, without OpenVINO."""
    monkeypatch.setattr(preparation, "made", pretended)
    return prepare(SPEC, path, nobody)


def test_a_form_is_made_once(path: Path) -> None:
    pytest.importorskip("openvino_genai", reason="needs OpenVINO GenAI, which has no wheel here")
    seen: list[tuple[int, int]] = []
    begun = path.read_bytes()
    earlier = prepare(SPEC, path, lambda done, total: seen.append((done, total)))
    assert seen == [(done, 8) for done in range(9)]
    assert path.read_bytes() == begun
    assert {file.name for file in path.parent.iterdir()} == {path.name, "manifest.json", FOLDER}
    assert not (earlier.folder / "model.gguf").exists()
    assert sum(earlier.files.values()) > 100_000 and set(earlier.paces) == {"llamacpp", "openvino"}
    assert all(pace.read > 0 and pace.write > 0 for pace in earlier.paces.values())
    assert set(earlier.versions) == {"form", "openvino", "openvino-genai", "xllamacpp"}
    assert Traits.read(earlier.folder).ends == (read_header(path).eos,)
    assert Traits.read(earlier.folder).rows in (1, ROWS)
    assert prepare(SPEC, path, nobody) == find(path) == earlier
    assert len(seen) == 9
    store.remove(SPEC)
    assert not path.parent.exists()


@pytest.mark.parametrize("merges", [[("a", "b")], [("a ", "b"), ("a", "b")], []])
def test_a_terse_tokenizer_is_the_same(merges: list[tuple[str, str]]) -> None:
    vocabulary = {text: at for at, text in enumerate(("a", "b", "ab", "a ", "a b"))}
    whole = Tokenizer(BPE(vocabulary, merges))
    terse = preparation.terse(whole)
    assert Tokenizer.from_str(terse).to_str() == whole.to_str()
    assert ('"merges":["a b"]' in terse) == (len(merges) == 1)


def outdated(earlier: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "version", lambda package: "9999")


def of_another_file(earlier: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    file = earlier.folder / store.MANIFEST
    file.write_text(file.read_text().replace(earlier.sha256, "0" * 64))


def damaged(earlier: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    (earlier.folder / store.MANIFEST).write_bytes(b'{"paces": 1}')


def with_another_pace(earlier: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    file = earlier.folder / store.MANIFEST
    told = json.loads(file.read_text())
    told["paces"]["openvino"]["speed"] = 1
    file.write_text(json.dumps(told))


def without_a_file(earlier: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    (earlier.folder / "model.bin").unlink()


def cut_off(earlier: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    (earlier.folder / "model.bin").write_bytes(b"1234")


CHANGES = [outdated, of_another_file, damaged, with_another_pace, without_a_file, cut_off]


@pytest.mark.parametrize("change", CHANGES)
def test_a_form_that_is_not_current_is_made_anew(
    change: Callable[[Prepared, pytest.MonkeyPatch], None],
    earlier: Prepared,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert find(path) == earlier
    change(earlier, monkeypatch)
    assert find(path) is None
    again = prepare(SPEC, path, nobody)
    assert find(path) == again
    assert again.sha256 == earlier.sha256


def interrupted(path: Path, to: Path, report: object, narrow: int) -> dict[str, Pace]:
    (to / "half").write_bytes(b"1")
    raise KeyboardInterrupt


def full(path: Path, to: Path, report: object, narrow: int) -> dict[str, Pace]:
    (to / "half").write_bytes(b"1")
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("fault", "error"), [(interrupted, KeyboardInterrupt), (full, WriteError)])
def test_what_was_not_finished_is_not_there(
    fault: object, error: type[BaseException], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "made", fault)
    with pytest.raises(error):
        prepare(SPEC, path, nobody)
    assert find(path) is None
    assert store.locate(SPEC) == path
    assert {file.name for file in path.parent.iterdir()} == {path.name, store.MANIFEST}


def test_a_form_stays_until_the_new_one_is_whole(
    earlier: Prepared, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outdated(earlier, monkeypatch)
    monkeypatch.setattr(preparation, "made", full)
    with pytest.raises(WriteError):
        prepare(SPEC, path, nobody)
    monkeypatch.setattr(prepared, "version", earlier.versions.__getitem__)
    assert find(path) == earlier


def test_what_a_killed_preparation_left_goes_with_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = path.parent / DRAFT
    left.mkdir()
    (left / "model.gguf").write_bytes(b"1")
    assert find(path) is None
    monkeypatch.setattr(preparation, "made", pretended)
    assert {file.name for file in prepare(SPEC, path, nobody).folder.iterdir()} == {
        "model.bin",
        store.MANIFEST,
    }
    assert not left.exists()


def test_a_disk_that_fills_while_weights_are_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(source: Path, to: Path, narrow: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(requantize, "write_eightbit", write)
    with pytest.raises(WriteError, match="No space left on device"):
        prepare(SPEC, path, nobody)


def test_a_model_that_was_removed_meanwhile(path: Path) -> None:
    store.remove(SPEC)
    with pytest.raises(InputError, match="owner/name/tiny.gguf is not here"):
        prepare(SPEC, path, nobody)


def test_text_that_is_spelled_differently(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would answer another prompt than the one that was meant."""
    pytest.importorskip("openvino_genai", reason="needs OpenVINO GenAI, which has no wheel here")
    right = preparation.tokenizer(path)
    told = json.loads(right.to_str())
    told["model"]["merges"] = []
    monkeypatch.setattr(preparation, "tokenizer", lambda path: Tokenizer.from_str(json.dumps(told)))
    with pytest.raises(DataError) as caught:
        made(path, tmp_path, nobody)
    assert str(caught.value) == f"{path} spells text as only llama.cpp does; use --engine llamacpp"


def test_a_tokenizer_that_transformers_does_not_know(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"gpt2", b"gpt9"))
    with pytest.raises(MachineError) as caught:
        preparation.tokenizer(path)
    assert str(caught.value).startswith(f"transformers cannot read the tokenizer of {path}: ")


@pytest.mark.parametrize(
    ("engine", "work", "opened"),
    [
        ("auto", Work(10, 10), "llamacpp"),
        ("auto", Work(1000, 10), "openvino"),
        ("llamacpp", Work(1000, 10), "llamacpp"),
        ("huggingface", Work(10, 10), "llamacpp"),
        ("openvino", Work(10, 10), "openvino"),
    ],
)
def test_what_is_expected_to_be_sooner_is_chosen(
    engine: str, work: Work, opened: str, earlier: Prepared, path: Path
) -> None:
    told: list[str] = []
    loading = Loading(engine=engine)  # type: ignore[arg-type]
    chosen = load.chosen(SPEC, path, loading.engine, work, told.append)
    assert ("openvino" if chosen else "llamacpp") == opened
    assert all("expected seconds: {'llamacpp': " in line for line in told)
    assert len(told) == (engine in ("auto", "huggingface"))


def test_an_engine_that_is_not_prepared(path: Path) -> None:
    assert load.chosen(SPEC, path, "auto", Work(1000, 10), print) is None
    with pytest.raises(InputError) as caught:
        open_model(SPEC, path, 256, Loading(engine="openvino"))
    assert str(caught.value) == (
        "owner/name/tiny.gguf is not prepared for OpenVINO; "
        "run: starcoder models pull owner/name/tiny.gguf"
    )
    local = replace(SPEC, repository="", file=str(path))
    with pytest.raises(InputError, match="only models that are pulled can be"):
        open_model(local, path, 256, Loading(engine="openvino"))

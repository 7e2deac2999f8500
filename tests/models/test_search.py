"""Models found in the catalog and on a hub: which of them, and in which words it fails."""

import json
from pathlib import Path

import pytest

from hubs import MODELS, searched_hub
from starcoder_cli.catalog import find_model
from starcoder_cli.models import search
from starcoder_cli.models.search import (
    FoundModel,
    choose_file,
    format_count,
    loadable,
    search_models,
)

GGUF = FoundModel(
    find_model("acme/tiny-coder-GGUF/tiny-Q4_K_M.gguf"), "494M", "mit", gated=False, downloads=1200
)
CHECKPOINT = FoundModel(
    find_model("acme/tiny-coder"), "3.1B", "apache-2.0", gated=True, downloads=30_000
)


def test_only_what_can_be_loaded_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with searched_hub(monkeypatch) as asked:
        result = search_models("tiny", 20, offline=False)
    found, ours = result.models, find_model("tiny_starcoder_py")
    assert [found[0].spec, found[0].downloads] == [ours, 77]
    assert found[1:] == [CHECKPOINT, GGUF]
    assert [who for _, who in asked] == ["None", "None"]
    assert all(path.startswith("/api/models?search=tiny&sort=downloads") for path, _ in asked)


def test_the_most_downloaded_where_there_are_more(monkeypatch: pytest.MonkeyPatch) -> None:
    with searched_hub(monkeypatch):
        assert search_models("acme", 1, offline=False).models == [CHECKPOINT]


def test_the_hub_is_told_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with searched_hub(monkeypatch) as asked:
        monkeypatch.setenv("HF_TOKEN", "hf_sentinel")
        search_models("tiny", 20, offline=False)
    assert {who for _, who in asked} == {"Bearer hf_sentinel"}


@pytest.mark.parametrize("variable", ["", "HF_HUB_OFFLINE"])
def test_offline_the_catalog_alone_is_searched(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with searched_hub(monkeypatch) as asked:
        if variable:
            monkeypatch.setenv(variable, "1")
        found = search_models("3B StarCoder2", 20, offline=not variable).models
    assert {each.spec.name for each in found} == {"starcoder2-3b", "starcoder2-3b-gguf"}
    assert asked == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((503, b""), "it answered with status 503"),
        ((401, b""), "it answered with status 401"),
        ((200, b"<html>"), "what answers there is not a hub"),
        ((200, b"{}"), "what answers there is not a hub"),
        ((200, b'["x"]'), "what answers there is not a hub"),
        ((200, b"[" * 100_000), "what answers there is not a hub"),
    ],
)
def test_an_answer_that_no_hub_gives(
    answer: tuple[int, bytes], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with searched_hub(monkeypatch, answer):
        result = search_models("tiny", 20, offline=False)
    assert [each.spec.name for each in result.models] == ["tiny_starcoder_py"]
    assert str(result.failure) == (
        f"127.0.0.1 was not searched, only the catalog: {reason}; "
        "try again, or leave the hub out with --offline"
    )


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    result = search_models("tiny", 20, offline=False)
    assert [each.spec.name for each in result.models] == ["tiny_starcoder_py"]
    assert result.failure and result.failure.message == (
        "127.0.0.1 was not searched, only the catalog: it cannot be reached: Connection refused"
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 7, "tags": ["gguf"]},
        {"id": "a/b", "tags": ["gguf"], "siblings": [{"rfilename": 7}, "x"]},
        {"id": "a/b", "tags": ["gguf"], "siblings": {}},
        {"id": "a b", "tags": None},
    ],
)
def test_an_answer_of_another_form_is_left_out(answer: dict[str, object]) -> None:
    assert loadable(answer) is None


def test_numbers_of_another_form_are_left_out() -> None:
    answer = {**MODELS[1], "downloads": "many", "safetensors": [], "gated": False, "tags": [7]}
    assert loadable(answer) == FoundModel(find_model("acme/tiny-coder"), "", "", gated=False)


def test_no_more_are_looked_at_than_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [*MODELS[:2], *({"id": f"a/b{n}", "tags": ["gguf", 10**6]} for n in range(100))]
    looked_at: list[object] = []

    def look(answer: dict[str, object]) -> None:
        looked_at.append(answer)

    monkeypatch.setattr(search, "loadable", look)
    with searched_hub(monkeypatch, (200, json.dumps(answers).encode())):
        search_models("tiny", 5, offline=False)
    assert len(looked_at) == 2 * 5  # for each of the two forms


@pytest.mark.parametrize("number", [10**400, -1])
def test_numbers_that_no_model_has_are_left_out(number: int) -> None:
    answer = {**MODELS[1], "downloads": number, "safetensors": {"total": number}, "gated": False}
    found = loadable(answer)
    assert found and (found.parameters, found.downloads) == ("", None)


def test_a_folder_of_that_name_is_no_model_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("acme/tiny-coder").mkdir(parents=True)
    Path("acme/tiny-coder/config.json").touch()
    assert loadable(MODELS[1]) is None


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["a-q8_0.gguf", "a-Q4_K_M.gguf"], "a-Q4_K_M.gguf"),
        (["a-f16.gguf", "a-q8_0.gguf"], "a-q8_0.gguf"),
        (["z.gguf", "a-f16.gguf"], "a-f16.gguf"),
        (["a-q4_k_m-00001-of-00002.gguf", "mmproj-a.gguf", "a.txt"], ""),
    ],
)
def test_which_file_of_a_repository(names: list[str], chosen: str) -> None:
    assert choose_file(names) == chosen


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "1M"), (494_032_768, "494M"), (7_000_000_000, "7B"), (15_517_456_384, "15.5B")],
)
def test_numbers_of_parameters(count: int, text: str) -> None:
    assert format_count(count) == text

"""The JSON beside a model: what asks for code is refused wherever it stands."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.errors import DataError, InputError, RefusedError, StarcoderError
from starcoder_cli.weights.model_config import (
    MAX_CONFIG_DEPTH,
    MAX_JSON_BYTES,
    find_count,
    read_chat_template,
    read_file_start,
    read_json_file,
    read_model_config,
    shorten_repr,
)


def lay(folder: Path, config: object, name: str = "config.json") -> Path:
    """A file of JSON."""
    path = folder / name
    path.write_text(json.dumps(config))
    return path


def refusal(path: Path) -> StarcoderError:
    """What is raised for a configuration."""
    with pytest.raises(StarcoderError) as caught:
        read_model_config(path)
    return caught.value


@pytest.mark.parametrize(
    "config",
    [
        {"a": {"auto_map": {}, "trust_remote_code": False}, "quantization_config": None},
        {
            "_name_or_path": "owner/name",
            "_model_name_or_path": "A",
            "a": [{"__type": "AddedToken"}],
        },
        {"_attn_implementation": "sdpa", "attn_implementation": None},
        {"description": "auto_map", "values": ["trust_remote_code", [{}]]},
        {},
    ],
)
def test_what_is_harmless_is_read_as_it_is(tmp_path: Path, config: object) -> None:
    assert read_model_config(lay(tmp_path, config)) == config


@pytest.mark.parametrize(
    ("key", "value", "error", "reason"),
    [
        ("auto_map", {"AutoModel": "evil.Evil"}, RefusedError, "asks for code that came with the"),
        ("custom_generate", "owner/evil", RefusedError, "asks for code that came with the model"),
        ("trust_remote_code", True, RefusedError, "asks for code that came with the model"),
        ("configuration_files", ["b.json"], RefusedError, "has other files read in place of those"),
        ("_attn_implementation", "owner/evil", RefusedError, "asks for an attention kernel"),
        ("attn_implementation_new", "evil", RefusedError, "asks for an attention kernel"),
        ("_auto_class", "Evil", RefusedError, "sets what is private to the library"),
        ("__class__", "Evil", RefusedError, "sets what is private to the library"),
        ("quantization_config", {"bits": 4}, DataError, "is of weights that are quantized"),
    ],
)
@pytest.mark.parametrize("shape", ["alone", "inside", "in a list"])
def test_what_asks_for_something_unsafe_is_refused_at_any_depth(
    tmp_path: Path, shape: str, key: str, value: object, error: type[StarcoderError], reason: str
) -> None:
    inner: object = {key: value}
    if shape == "inside":
        inner = {"text_config": {"a": inner}}
    if shape == "in a list":
        inner = {"layers": [1, [inner]]}
    path = lay(tmp_path, inner)
    found = refusal(path)
    assert type(found) is error
    assert found.message.startswith(f"{path} {reason}")


def test_what_is_too_deep_to_look_at_is_refused(tmp_path: Path) -> None:
    config: object = {"auto_map": "evil"}
    for _ in range(MAX_CONFIG_DEPTH):
        config = {"a": config}
    path = lay(tmp_path, config)
    assert refusal(path).message == f"{path} is nested too deeply"


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=MAX_CONFIG_DEPTH + 5))
def test_code_is_never_let_through(
    tmp_path_factory: pytest.TempPathFactory, levels: list[bool]
) -> None:
    config: object = {"auto_map": "evil"}
    for is_list in levels:
        config = [config] if is_list else {"a": config}
    path = lay(tmp_path_factory.mktemp("model"), {"a": config})
    assert type(refusal(path)) in (RefusedError, DataError)


def test_a_configuration_that_nobody_needs_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    assert read_model_config(path, required=False) == {}
    assert str(refusal(path)) == f"{tmp_path} has no config.json; get the checkpoint again"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[1]", "is not sound: its JSON is not an object"),
        (b'{"a": 1, "a": 2}', "is not sound: the key 'a' is there twice"),
        (b'{"a": NaN}', "is not sound: NaN is not JSON"),
        (b"", "is not sound: its JSON is broken"),
        (b" " * MAX_JSON_BYTES + b"{}", f"has more than {MAX_JSON_BYTES} bytes"),
    ],
    ids=["a list", "a key twice", "no number", "nothing", "too large"],
)
def test_a_file_that_is_no_sound_json(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_json_file(path)
    assert caught.value.message == f"{path} {reason}"


def test_the_beginning_of_a_file(tmp_path: Path) -> None:
    path = lay(tmp_path, "abc")
    assert (read_file_start(path, 3), read_file_start(path, 100)) == (b'"ab', b'"abc"')
    with pytest.raises(InputError) as caught:
        read_file_start(tmp_path, 3)
    assert str(caught.value) == f"cannot read {tmp_path}: Is a directory; check the path"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, ""),
        ("{{ a }}", "{{ a }}"),
        ([{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}], "d"),
        ([{"name": "tool_use", "template": "t"}, "default", {"name": ["default"]}], ""),
        ({"default": "d"}, ""),
        (7, ""),
    ],
)
def test_the_chat_template_of_a_folder(tmp_path: Path, found: object, expected: str) -> None:
    """Newer checkpoints have it in a file of its own, which counts before the settings."""
    lay(tmp_path, {"chat_template": found} if found else {}, "tokenizer_config.json")
    assert read_chat_template(tmp_path) == expected
    (tmp_path / "chat_template.jinja").write_bytes(b"\xff{{ b }}")
    assert read_chat_template(tmp_path) == "\ufffd{{ b }}"


@pytest.mark.parametrize(
    ("value", "count"),
    [(7, 7), (0, 9), (-1, 9), (True, 9), (7.0, 9), ("7", 9), (1 << 31, 9), ((1 << 31) - 1,) * 2],
)
def test_the_first_number_that_counts(value: object, count: int) -> None:
    assert find_count({"a": value, "b": 9}, "none", "a", "b") == count
    assert find_count({}, "a") == 0


def test_a_long_value_is_shortened() -> None:
    assert shorten_repr("a") == "'a'"
    assert shorten_repr("a" * 100) == f"'{'a' * 79}..."

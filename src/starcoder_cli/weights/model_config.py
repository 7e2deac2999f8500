"""Read a model's JSON files, and refuse those that request code.

A configuration can name Python files or kernels to fetch. A flag that forbids it has been evaded
more than once (CVE-2025-66448, CVE-2026-4372, CVE-2026-5241), so each one is read here, as plain
JSON, before a library reads it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from starcoder_cli.errors import DataError, InputError, MalformedError, RefusedError
from starcoder_cli.files.strict_json import parse_object

MAX_JSON_BYTES = 1 << 24
MAX_CONFIG_DEPTH = 32
MAX_CONFIG_COUNT = 1 << 31

CODE_KEYS = frozenset({"auto_map", "custom_generate", "custom_pipelines", "trust_remote_code"})
# Keys that name files to read instead of those that were checked.
REDIRECT_KEYS = frozenset({"configuration_files", "fast_tokenizer_files", "transformers_weights"})
QUANTIZATION_KEYS = frozenset({"compression_config", "quantization_config"})
SAFE_ATTENTIONS = (None, True, False, "eager", "sdpa", "flash_attention_2")
# Private names that libraries write and read without harm.
SAFE_PRIVATE_KEYS = frozenset(
    {
        "__float__",
        "__type",
        "_commit_hash",
        "_from_model_config",
        "_model_name_or_path",
        "_name_or_path",
        "_sliding_window_pattern",
    }
)

REFETCH = "get the checkpoint again"
USE_OTHER = "choose another checkpoint, or a GGUF of it"
USE_ORIGINAL = "choose the original, or a GGUF of it"


def read_model_config(path: Path, required: bool = True) -> Mapping[str, object]:
    """Read a configuration that requests nothing unsafe; empty if missing and not required.

    Keys are refused at any depth: libraries pass inner objects on to other classes.
    """
    if not required and not path.is_file():
        return {}
    config = read_json_file(path)
    for key, value in _nested_settings(path, config):
        reason = _unsafe_reason(key, value)
        if reason:
            raise RefusedError(f"{path} {reason}", USE_OTHER)
        if key in QUANTIZATION_KEYS and value:
            raise DataError(f"{path} is of weights that are quantized already", USE_ORIGINAL)
    return config


def _unsafe_reason(key: str, value: object) -> str:
    """Why a setting is unsafe; empty if it is safe."""
    if key in CODE_KEYS and value:
        return f"asks for code that came with the model: {key}"
    if key in REDIRECT_KEYS and value:
        return f"has other files read in place of those that were checked: {key}"
    if key.removeprefix("_").startswith("attn_implementation"):
        return (
            ""
            if value in SAFE_ATTENTIONS
            else f"asks for an attention kernel from elsewhere: {shorten_repr(value)}"
        )
    if key.startswith("_") and key not in SAFE_PRIVATE_KEYS:
        return f"sets what is private to the library: {shorten_repr(key)}"
    return ""


def _nested_settings(path: Path, config: object) -> Iterator[tuple[str, object]]:
    """Every key of a configuration with its value, at any depth."""
    level = [config]
    for _ in range(MAX_CONFIG_DEPTH):
        objects = [value for value in level if isinstance(value, dict)]
        lists = [value for value in level if isinstance(value, list)]
        for item in objects:
            yield from item.items()
        level = [value for item in objects for value in item.values()]
        level += [value for item in lists for value in item]
    if level:
        raise DataError(f"{path} is nested too deeply", USE_OTHER)


def read_chat_template(folder: Path) -> str:
    """A checkpoint's chat template, from a separate file or the configuration; empty if missing."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return read_file_start(path, MAX_JSON_BYTES).decode(errors="replace")
    template = read_model_config(folder / "tokenizer_config.json", required=False).get(
        "chat_template"
    )
    rows = [row for row in template if isinstance(row, dict)] if isinstance(template, list) else []
    named = (row.get("template") for row in rows if row.get("name") == "default")
    return next((each for each in (template, *named) if isinstance(each, str)), "")


def read_json_file(path: Path) -> dict[str, object]:
    """Read the object in a JSON file of limited size."""
    if not path.is_file():
        raise DataError(f"{path.parent} has no {path.name}", REFETCH)
    text = read_file_start(path, MAX_JSON_BYTES + 1)
    if len(text) > MAX_JSON_BYTES:
        raise DataError(f"{path} has more than {MAX_JSON_BYTES} bytes", REFETCH)
    try:
        return parse_object(text)
    except MalformedError as error:
        raise DataError(f"{path} is not sound: {error}", REFETCH) from None


def read_file_start(path: Path, length: int) -> bytes:
    """Read the first bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error


def find_count(config: Mapping[str, object], *names: str) -> int:
    """The first valid count among some settings, or 0 if there is none."""
    for name in names:
        value = config.get(name)
        if type(value) is int and 0 < value < MAX_CONFIG_COUNT:
            return value
    return 0


def shorten_repr(value: object) -> str:
    """The representation of a value, shortened for messages."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."

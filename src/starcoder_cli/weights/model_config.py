"""Read the JSON that comes with a model, and refuse what asks for code.

A configuration can name Python files or kernels to fetch. A flag that forbids it has been evaded
more than once (CVE-2025-66448, CVE-2026-4372, CVE-2026-5241), so each one is read here, as plain
JSON, before a library reads it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from starcoder_cli.errors import DataError, InputError, RefusedError
from starcoder_cli.files.strict_json import MalformedError, parse_object

MAX_JSON = 1 << 24
MAX_DEPTH = 32
MAX_COUNT = 1 << 31

CODE = frozenset({"auto_map", "custom_generate", "custom_pipelines", "trust_remote_code"})
# Keys that name files which are read instead of those that were looked at.
DETOURS = frozenset({"configuration_files", "fast_tokenizer_files", "transformers_weights"})
QUANTIZED = frozenset({"compression_config", "quantization_config"})
ATTENTIONS = (None, True, False, "eager", "sdpa", "flash_attention_2")
# What libraries write under a private name and read without harm.
PRIVATE = frozenset(
    {
        "__float__",
        "__type",
        "_commit_hash",
        "_from_model_config",
        "_name_or_path",
        "_sliding_window_pattern",
    }
)

AGAIN = "get the checkpoint again"
OTHER = "choose another checkpoint, or a GGUF of it"
ORIGINAL = "choose the original, or a GGUF of it"


def read_configuration(path: Path, needed: bool = True) -> Mapping[str, object]:
    """A configuration that asks for nothing unsafe; empty where there is none and none is needed.

    Keys are refused wherever they are: libraries hand inner objects on to other classes.
    """
    if not needed and not path.is_file():
        return {}
    config = read_json(path)
    for key, value in _nested(path, config):
        wrong = _refusal(key, value)
        if wrong:
            raise RefusedError(f"{path} {wrong}", OTHER)
        if key in QUANTIZED and value:
            raise DataError(f"{path} is of weights that are quantized already", ORIGINAL)
    return config


def _refusal(key: str, value: object) -> str:
    """Why a setting is unsafe, empty for one that is not."""
    if key in CODE and value:
        return f"asks for code that came with the model: {key}"
    if key in DETOURS and value:
        return f"has other files read in place of those that were checked: {key}"
    if key.removeprefix("_").startswith("attn_implementation"):
        return (
            ""
            if value in ATTENTIONS
            else f"asks for an attention kernel from elsewhere: {cut(value)}"
        )
    if key.startswith("_") and key not in PRIVATE:
        return f"sets what is private to the library: {cut(key)}"
    return ""


def _nested(path: Path, config: object) -> Iterator[tuple[str, object]]:
    """Every key of a configuration with its value, at any depth."""
    level = [config]
    for _ in range(MAX_DEPTH):
        objects = [value for value in level if isinstance(value, dict)]
        lists = [value for value in level if isinstance(value, list)]
        for found in objects:
            yield from found.items()
        level = [value for found in objects for value in found.values()]
        level += [value for found in lists for value in found]
    if level:
        raise DataError(f"{path} is nested too deeply", OTHER)


def chat_template(folder: Path) -> str:
    """The chat template of a checkpoint, in a file of its own or not; empty where there is none."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return read_start(path, MAX_JSON).decode(errors="replace")
    found = read_configuration(folder / "tokenizer_config.json", needed=False).get("chat_template")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    named = (row.get("template") for row in rows if row.get("name") == "default")
    return next((each for each in (found, *named) if isinstance(each, str)), "")


def read_json(path: Path) -> dict[str, object]:
    """The object in a JSON file of moderate size."""
    if not path.is_file():
        raise DataError(f"{path.parent} has no {path.name}", AGAIN)
    text = read_start(path, MAX_JSON + 1)
    if len(text) > MAX_JSON:
        raise DataError(f"{path} has more than {MAX_JSON} bytes", AGAIN)
    try:
        return parse_object(text)
    except MalformedError as error:
        raise DataError(f"{path} is not sound: {error}", AGAIN) from None


def read_start(path: Path, length: int) -> bytes:
    """The first bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error


def count(config: Mapping[str, object], *names: str) -> int:
    """The first of some numbers that a configuration states, 0 where it states none that counts."""
    for name in names:
        value = config.get(name)
        if type(value) is int and 0 < value < MAX_COUNT:
            return value
    return 0


def cut(value: object) -> str:
    """What a file says, as short as a message wants it."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."

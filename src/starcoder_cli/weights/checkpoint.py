"""Inspect a checkpoint folder before any library does, and refuse what must not be loaded.

Only models whose code is part of transformers are accepted, with configurations that request no
other code, and with safetensors weights: pickled ones can run code too. All files must be in the
folder, or in the hub cache it is part of, and must be consistent.
"""

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.errors import DataError, InputError, RefusedError, StarcoderError
from starcoder_cli.weights.model_config import (
    REFETCH,
    USE_ORIGINAL,
    USE_OTHER,
    find_count,
    read_file_start,
    read_json_file,
    read_model_config,
    shorten_repr,
)
from starcoder_cli.weights.safetensors import MAX_TENSORS, TensorEntry, read_safetensors_header

MAX_TEXT_SIZE = 1 << 26

# transformers' own class for each type of model.
ARCHITECTURES: Mapping[str, str] = {
    "codegen": "CodeGenForCausalLM",
    "deepseek_v2": "DeepseekV2ForCausalLM",
    "deepseek_v3": "DeepseekV3ForCausalLM",
    "gemma": "GemmaForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "gpt_bigcode": "GPTBigCodeForCausalLM",
    "gpt_neox": "GPTNeoXForCausalLM",
    "gptj": "GPTJForCausalLM",
    "granite": "GraniteForCausalLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "phi": "PhiForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen2_moe": "Qwen2MoeForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
    "smollm3": "SmolLM3ForCausalLM",
    "stablelm": "StableLmForCausalLM",
    "starcoder2": "Starcoder2ForCausalLM",
}

PICKLE_SUFFIXES = frozenset({".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"})
FLOAT_DTYPES = frozenset({"BF16", "F16", "F32", "F64"})
TEXT_TYPES = frozenset({".jinja", ".json", ".model", ".txt"})
WEIGHT_FILE_NAME = r"[^/\\:\0]{1,200}\.safetensors"
EMBEDDINGS = frozenset({"embed_in.weight", "embed_tokens.weight", "wte.weight"})
HEADS = frozenset({"embed_out.weight", "lm_head.weight"})
POSITIONS = frozenset({"wpe.weight"})


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint folder says about itself, checked to be consistent and free of code.

    `window` is in tokens, 0 if the files do not say. `parameters` counts the numbers in all
    weights, `embedding_parameters` those of the input embedding and of a separate output head.
    `cache_numbers` is the maximum number of cached numbers per token of context. `dtype` is that of
    most weights, as safetensors names it. `eos_ids` are the ids that end a text.
    """

    folder: Path
    model_type: str
    architecture: str
    window: int
    parameters: int
    embedding_parameters: int
    layers: int
    hidden_size: int
    cache_numbers: int
    dtype: str
    vocabulary_size: int
    eos_ids: tuple[int, ...]
    files: tuple[Path, ...]


def inspect_checkpoint(folder: Path) -> Checkpoint:
    """Inspect a checkpoint before it is loaded.

    Raises RefusedError for anything that could run code or leads out of the folder, DataError for
    anything missing, damaged or unknown, InputError if there is no folder.
    """
    _check_files(folder)
    config = read_model_config(folder / "config.json")
    generation = read_model_config(folder / "generation_config.json", required=False)
    read_model_config(folder / "tokenizer_config.json", required=False)
    _check_model_type(folder / "config.json", config)
    weight_files = _weight_files(folder)
    tensors = _read_tensors(folder, weight_files)
    _check_tokenizer(folder)
    hidden, layers, heads = _dimensions(folder / "config.json", config, len(tensors))
    vocabulary = _vocabulary_size(folder / "config.json", config, tensors, hidden)
    model_type = str(config["model_type"])
    float_counts = _float_counts(folder, tensors)
    return Checkpoint(
        folder=folder,
        model_type=model_type,
        architecture=ARCHITECTURES[model_type],
        window=find_count(config, "n_positions", "max_position_embeddings"),
        parameters=float_counts.total(),
        embedding_parameters=sum(
            tensor.element_count for tensor in _tensors_named(tensors, EMBEDDINGS | HEADS)
        ),
        layers=layers,
        hidden_size=hidden,
        cache_numbers=layers * _cache_numbers(config, hidden, heads),
        dtype=max(float_counts, key=lambda dtype: float_counts[dtype]),
        vocabulary_size=vocabulary,
        eos_ids=_eos_ids(generation, vocabulary) or _eos_ids(config, vocabulary),
        files=tuple(folder / name for name in weight_files),
    )


def _check_files(folder: Path) -> None:
    """Refuse a folder with links that lead elsewhere, oversized text files, or an adapter."""
    try:
        paths = sorted(folder.iterdir())
        for path in paths:
            if path.is_symlink():
                _check_link(folder, path)
            if path.suffix in TEXT_TYPES and path.is_file() and path.stat().st_size > MAX_TEXT_SIZE:
                raise DataError(f"{path} has {path.stat().st_size} bytes, too many for it", REFETCH)
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}", "check the path") from error
    if folder / "adapter_config.json" in paths:
        raise RefusedError(
            f"{folder} holds an adapter, which would be loaded without notice",
            "choose the model that it was made for, or move the adapter elsewhere",
        )


def _check_link(folder: Path, link: Path) -> None:
    """Refuse a link out of the folder, except for the hub cache's links to its own blobs."""
    root, target = Path(os.path.realpath(folder)), Path(os.path.realpath(link))
    allowed_folders = [root]
    if root.parent.name == "snapshots" and root.parents[1].name.startswith("models--"):
        allowed_folders.append(root.parents[1] / "blobs")
    if not any(target.is_relative_to(allowed) for allowed in allowed_folders):
        raise RefusedError(
            f"{link} leads out of its folder", "put the file itself there if you trust it"
        )


def _check_model_type(path: Path, config: Mapping[str, object]) -> None:
    """Refuse a model without a class in transformers, or one that does not generate text."""
    model_type, classes = config.get("model_type"), config.get("architectures")
    if not isinstance(model_type, str) or model_type not in ARCHITECTURES:
        raise DataError(
            f"{path} describes a model of a kind that is not known: {shorten_repr(model_type)}",
            "choose a GGUF of it",
        )
    if classes and classes != [ARCHITECTURES[model_type]]:
        raise DataError(
            f"{path} describes a model that does not write text: {shorten_repr(classes)}", USE_OTHER
        )


def _weight_files(folder: Path) -> Mapping[str, set[str]]:
    """The names of the weight files, each with the tensors that the index expects in it."""
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file():
        return {"model.safetensors": set()}
    if not index.is_file():
        raise _no_weights_error(folder)
    weight_map = read_json_file(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise DataError(f"{index} names no files", REFETCH)
    weights: dict[str, set[str]] = {}
    for tensor, name in sorted(weight_map.items()):
        if not isinstance(name, str) or not re.fullmatch(WEIGHT_FILE_NAME, name):
            raise RefusedError(
                f"{index} names no safetensors file: {shorten_repr(name)}", USE_OTHER
            )
        weights.setdefault(name, set()).add(tensor)
    return weights


def _no_weights_error(folder: Path) -> StarcoderError:
    """The error for a folder with nothing to load."""
    suffixes = {path.suffix.lower() for path in folder.iterdir()}
    if suffixes & PICKLE_SUFFIXES:
        return RefusedError(
            f"{folder} has no safetensors, and pickled weights can run code",
            "choose a checkpoint with safetensors",
        )
    if ".gguf" in suffixes:
        return DataError(f"{folder} holds GGUF files", "give the path of one of them")
    return DataError(f"{folder} has no model.safetensors", REFETCH)


def _read_tensors(folder: Path, weight_files: Mapping[str, set[str]]) -> Mapping[str, TensorEntry]:
    """Read the tensors of all weight files."""
    tensors: dict[str, TensorEntry] = {}
    for name, expected in weight_files.items():
        if not (folder / name).is_file():
            raise DataError(f"{folder} lacks {shorten_repr(name)}", REFETCH)
        file_tensors = read_safetensors_header(folder / name).tensors
        missing = sorted(expected - file_tensors.keys())
        if missing:
            raise DataError(f"{folder / name} lacks the tensor {shorten_repr(missing[0])}", REFETCH)
        tensors.update(file_tensors)
        if len(tensors) > MAX_TENSORS:
            raise DataError(f"{folder} holds more than {MAX_TENSORS} tensors", USE_OTHER)
    return tensors


def _check_tokenizer(folder: Path) -> None:
    """Refuse a folder without a valid tokenizer."""
    path = folder / "tokenizer.json"
    if path.is_file():
        if not read_file_start(path, 64).lstrip().startswith(b"{"):
            raise DataError(f"{path} is not JSON", REFETCH)
    elif not (folder / "tokenizer.model").is_file():
        raise DataError(f"{folder} has no tokenizer.json", REFETCH)
    elif not read_file_start(folder / "tokenizer.model", 1):
        raise DataError(f"{folder / 'tokenizer.model'} is empty", REFETCH)


def _dimensions(path: Path, config: Mapping[str, object], tensors: int) -> tuple[int, int, int]:
    """The width of a layer, the number of layers, and the number of heads in each."""
    hidden = find_count(config, "hidden_size", "n_embd")
    layers = find_count(config, "num_hidden_layers", "n_layer")
    heads = find_count(config, "num_attention_heads", "n_head")
    if not hidden or not 0 < layers <= tensors or not 0 < heads <= hidden:
        raise DataError(f"{path} does not describe the weights beside it", REFETCH)
    return hidden, layers, heads


def _cache_numbers(config: Mapping[str, object], hidden: int, heads: int) -> int:
    """How many numbers a layer caches per token of context: its keys and values."""
    if latent := find_count(config, "kv_lora_rank"):  # DeepSeek computes both from this
        return latent + find_count(config, "qk_rope_head_dim")
    key_heads = find_count(config, "num_key_value_heads") or heads
    if config.get("model_type") == "gpt_bigcode":
        key_heads = 1 if config.get("multi_query", True) else heads
    return 2 * key_heads * (find_count(config, "head_dim") or hidden // heads)


def _vocabulary_size(
    path: Path, config: Mapping[str, object], tensors: Mapping[str, TensorEntry], hidden: int
) -> int:
    """The number of tokens; configuration and input embedding must agree on it."""
    embeddings = _tensors_named(tensors, EMBEDDINGS)
    if not embeddings:
        raise DataError(f"the weights in {path.parent} have no input embedding", REFETCH)
    vocabulary = find_count(config, "vocab_size") or max(embeddings[0].shape, default=0)
    _check_shapes(path, embeddings, (vocabulary, hidden))
    positions = find_count(config, "n_positions")
    _check_shapes(path, _tensors_named(tensors, POSITIONS), (positions, hidden))
    return vocabulary


def _check_shapes(path: Path, embeddings: list[TensorEntry], shape: tuple[int, int]) -> None:
    """Refuse embeddings whose shape differs from the configuration's."""
    for embedding in embeddings:
        if embedding.shape != shape:
            raise DataError(
                f"{path} describes an embedding of {list(shape)}, the weights have one of "
                f"{list(embedding.shape)}",
                REFETCH,
            )


def _float_counts(folder: Path, tensors: Mapping[str, TensorEntry]) -> Counter[str]:
    """Count the numbers in floating-point tensors by type; others are masks, never weights."""
    if any(
        name.endswith("weight") and tensor.dtype not in FLOAT_DTYPES
        for name, tensor in tensors.items()
    ):
        raise DataError(f"the weights in {folder} are quantized already", USE_ORIGINAL)
    counts: Counter[str] = Counter()
    for tensor in tensors.values():
        if tensor.dtype in FLOAT_DTYPES:
            counts[tensor.dtype] += tensor.element_count
    return counts


def _tensors_named(tensors: Mapping[str, TensorEntry], names: frozenset[str]) -> list[TensorEntry]:
    """The tensors whose last two name parts are among these."""
    return [tensor for name, tensor in tensors.items() if ".".join(name.split(".")[-2:]) in names]


def _eos_ids(config: Mapping[str, object], vocabulary: int) -> tuple[int, ...]:
    """The ids that end a text according to a configuration, if they are in the vocabulary."""
    value = config.get("eos_token_id")
    ids = value if isinstance(value, list) else [value]
    return tuple(number for number in ids if type(number) is int and 0 <= number < vocabulary)

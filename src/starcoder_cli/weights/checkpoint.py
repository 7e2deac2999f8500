"""Look through a checkpoint folder before any library does, and refuse what must not be loaded.

Only models whose code is part of transformers are let through, with configurations that ask for no
other code, and with weights that are safetensors: pickled ones can run code too. All files have to
lie in the folder, or in the hub's cache that it is a part of, and to agree with one another.
"""

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.errors import DataError, InputError, RefusedError, StarcoderError
from starcoder_cli.weights.model_config import (
    AGAIN,
    ORIGINAL,
    OTHER,
    count,
    cut,
    read_configuration,
    read_json,
    read_start,
)
from starcoder_cli.weights.safetensors import MAX_TENSORS, Tensor, read_header

MAX_TEXT = 1 << 26

# The class that transformers itself has for a kind of model.
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

PICKLED = frozenset({".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"})
FLOATS = frozenset({"BF16", "F16", "F32", "F64"})
TEXTS = frozenset({".jinja", ".json", ".model", ".txt"})
PLAIN_NAME = r"[^/\\:\0]{1,200}\.safetensors"
EMBEDDINGS = frozenset({"embed_in.weight", "embed_tokens.weight", "wte.weight"})
HEADS = frozenset({"embed_out.weight", "lm_head.weight"})
POSITIONS = frozenset({"wpe.weight"})


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint folder says about itself, found consistent and free of code.

    `window` counts tokens, 0 where the files do not tell. `parameters` counts the numbers in all
    weights, `embedding` those of the input embedding and, where it has a tensor of its own, of the
    output head. `cache_numbers` is how many numbers one token of context takes, at most. `dtype` is
    that of most weights, as safetensors names it. `eos` are the ids that end a text.
    """

    folder: Path
    model_type: str
    architecture: str
    window: int
    parameters: int
    embedding: int
    layers: int
    hidden: int
    cache_numbers: int
    dtype: str
    vocabulary: int
    eos: tuple[int, ...]
    files: tuple[Path, ...]


def inspect(folder: Path) -> Checkpoint:
    """What there is to know about a checkpoint before it is loaded.

    Raises RefusedError for what could run code or leads out of the folder, DataError for what is
    missing, damaged or of an unknown kind, InputError where there is no folder.
    """
    _check_files(folder)
    config = read_configuration(folder / "config.json")
    generation = read_configuration(folder / "generation_config.json", needed=False)
    read_configuration(folder / "tokenizer_config.json", needed=False)
    _check_kind(folder / "config.json", config)
    weights = _weights(folder)
    tensors = _tensors(folder, weights)
    _check_tokenizer(folder)
    hidden, layers, heads = _dimensions(folder / "config.json", config, len(tensors))
    vocabulary = _vocabulary(folder / "config.json", config, tensors, hidden)
    model_type = str(config["model_type"])
    sizes = _float_sizes(folder, tensors)
    return Checkpoint(
        folder=folder,
        model_type=model_type,
        architecture=ARCHITECTURES[model_type],
        window=count(config, "n_positions", "max_position_embeddings"),
        parameters=sizes.total(),
        embedding=sum(tensor.numbers for tensor in _ending(tensors, EMBEDDINGS | HEADS)),
        layers=layers,
        hidden=hidden,
        cache_numbers=layers * _cache_numbers(config, hidden, heads),
        dtype=max(sizes, key=lambda dtype: sizes[dtype]),
        vocabulary=vocabulary,
        eos=_ids(generation, vocabulary) or _ids(config, vocabulary),
        files=tuple(folder / name for name in weights),
    )


def _check_files(folder: Path) -> None:
    """Refuse a folder with links that lead elsewhere, texts too large, or an adapter."""
    try:
        paths = sorted(folder.iterdir())
        for path in paths:
            if path.is_symlink():
                _check_link(folder, path)
            if path.suffix in TEXTS and path.is_file() and path.stat().st_size > MAX_TEXT:
                raise DataError(f"{path} has {path.stat().st_size} bytes, too many for it", AGAIN)
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}", "check the path") from error
    if folder / "adapter_config.json" in paths:
        raise RefusedError(
            f"{folder} holds an adapter, which would be loaded along unseen",
            "choose the model that it was made for, or move the adapter elsewhere",
        )


def _check_link(folder: Path, link: Path) -> None:
    """Refuse a link out of the folder, but for those of the hub's cache into its own blobs."""
    root, target = Path(os.path.realpath(folder)), Path(os.path.realpath(link))
    homes = [root]
    if root.parent.name == "snapshots" and root.parents[1].name.startswith("models--"):
        homes.append(root.parents[1] / "blobs")
    if not any(target.is_relative_to(home) for home in homes):
        raise RefusedError(
            f"{link} leads out of its folder", "put the file itself there if you trust it"
        )


def _check_kind(path: Path, config: Mapping[str, object]) -> None:
    """Refuse a model that has no class in transformers, or is not one that writes text."""
    kind, classes = config.get("model_type"), config.get("architectures")
    if not isinstance(kind, str) or kind not in ARCHITECTURES:
        raise DataError(
            f"{path} describes a model of a kind that is not known: {cut(kind)}",
            "choose a GGUF of it",
        )
    if classes and classes != [ARCHITECTURES[kind]]:
        raise DataError(f"{path} describes a model that does not write text: {cut(classes)}", OTHER)


def _weights(folder: Path) -> Mapping[str, set[str]]:
    """The names of the weight files, each with the tensors that the index expects in it."""
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file():
        return {"model.safetensors": set()}
    if not index.is_file():
        raise _no_weights(folder)
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise DataError(f"{index} names no files", AGAIN)
    weights: dict[str, set[str]] = {}
    for tensor, name in sorted(places.items()):
        if not isinstance(name, str) or not re.fullmatch(PLAIN_NAME, name):
            raise RefusedError(f"{index} names what is no safetensors file: {cut(name)}", OTHER)
        weights.setdefault(name, set()).add(tensor)
    return weights


def _no_weights(folder: Path) -> StarcoderError:
    """Why a folder has nothing to load."""
    suffixes = {path.suffix.lower() for path in folder.iterdir()}
    if suffixes & PICKLED:
        return RefusedError(
            f"{folder} has no safetensors, and pickled weights can run code",
            "choose a checkpoint with safetensors",
        )
    if ".gguf" in suffixes:
        return DataError(f"{folder} holds GGUF files", "give the path of one of them")
    return DataError(f"{folder} has no model.safetensors", AGAIN)


def _tensors(folder: Path, weights: Mapping[str, set[str]]) -> Mapping[str, Tensor]:
    """The tensors of all weight files."""
    tensors: dict[str, Tensor] = {}
    for name, expected in weights.items():
        if not (folder / name).is_file():
            raise DataError(f"{folder} lacks {cut(name)}", AGAIN)
        found = read_header(folder / name).tensors
        lacking = sorted(expected - found.keys())
        if lacking:
            raise DataError(f"{folder / name} lacks the tensor {cut(lacking[0])}", AGAIN)
        tensors.update(found)
        if len(tensors) > MAX_TENSORS:
            raise DataError(f"{folder} holds more than {MAX_TENSORS} tensors", OTHER)
    return tensors


def _check_tokenizer(folder: Path) -> None:
    """Refuse a folder without a tokenizer, or with something else under its name."""
    path = folder / "tokenizer.json"
    if path.is_file():
        if not read_start(path, 64).lstrip().startswith(b"{"):
            raise DataError(f"{path} is not JSON", AGAIN)
    elif not (folder / "tokenizer.model").is_file():
        raise DataError(f"{folder} has no tokenizer.json", AGAIN)
    elif not read_start(folder / "tokenizer.model", 1):
        raise DataError(f"{folder / 'tokenizer.model'} is empty", AGAIN)


def _dimensions(path: Path, config: Mapping[str, object], tensors: int) -> tuple[int, int, int]:
    """The width of a layer, the number of layers, and the number of heads in each."""
    hidden = count(config, "hidden_size", "n_embd")
    layers = count(config, "num_hidden_layers", "n_layer")
    heads = count(config, "num_attention_heads", "n_head")
    if not hidden or not 0 < layers <= tensors or not 0 < heads <= hidden:
        raise DataError(f"{path} does not describe the weights beside it", AGAIN)
    return hidden, layers, heads


def _cache_numbers(config: Mapping[str, object], hidden: int, heads: int) -> int:
    """How many numbers a layer keeps of each token of context: its keys and values."""
    if latent := count(config, "kv_lora_rank"):  # what DeepSeek computes both from
        return latent + count(config, "qk_rope_head_dim")
    kept = count(config, "num_key_value_heads") or heads
    if config.get("model_type") == "gpt_bigcode":
        kept = 1 if config.get("multi_query", True) else heads
    return 2 * kept * (count(config, "head_dim") or hidden // heads)


def _vocabulary(
    path: Path, config: Mapping[str, object], tensors: Mapping[str, Tensor], hidden: int
) -> int:
    """The number of tokens, on which configuration and input embedding agree."""
    embeddings = _ending(tensors, EMBEDDINGS)
    if not embeddings:
        raise DataError(f"the weights in {path.parent} have no input embedding", AGAIN)
    vocabulary = count(config, "vocab_size") or max(embeddings[0].shape, default=0)
    _check_shapes(path, embeddings, (vocabulary, hidden))
    positions = count(config, "n_positions")
    _check_shapes(path, _ending(tensors, POSITIONS), (positions, hidden))
    return vocabulary


def _check_shapes(path: Path, embeddings: list[Tensor], shape: tuple[int, int]) -> None:
    """Refuse embeddings of another shape than the configuration gives them."""
    for embedding in embeddings:
        if embedding.shape != shape:
            raise DataError(
                f"{path} describes an embedding of {list(shape)}, the weights have one of "
                f"{list(embedding.shape)}",
                AGAIN,
            )


def _float_sizes(folder: Path, tensors: Mapping[str, Tensor]) -> Counter[str]:
    """The numbers in tensors of floating point by type; other tensors are masks, never weights."""
    if any(
        name.endswith("weight") and tensor.dtype not in FLOATS for name, tensor in tensors.items()
    ):
        raise DataError(f"the weights in {folder} are quantized already", ORIGINAL)
    sizes: Counter[str] = Counter()
    for tensor in tensors.values():
        if tensor.dtype in FLOATS:
            sizes[tensor.dtype] += tensor.numbers
    return sizes


def _ending(tensors: Mapping[str, Tensor], names: frozenset[str]) -> list[Tensor]:
    """The tensors whose last two names are among these."""
    return [tensor for name, tensor in tensors.items() if ".".join(name.split(".")[-2:]) in names]


def _ids(config: Mapping[str, object], vocabulary: int) -> tuple[int, ...]:
    """The ids of the vocabulary that a configuration says end a text."""
    value = config.get("eos_token_id")
    ids = value if isinstance(value, list) else [value]
    return tuple(number for number in ids if type(number) is int and 0 <= number < vocabulary)

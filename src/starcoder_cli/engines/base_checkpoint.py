"""A trainable checkpoint: the model's own, or one converted once from its GGUF file."""

import json
import shutil
from pathlib import Path

from starcoder_cli.engines.openvino.convert import read_gguf
from starcoder_cli.engines.openvino.prepare import (
    TOKENIZER_FILE,
    read_gguf_tokenizer,
    to_compact_json,
)
from starcoder_cli.engines.transformers.adapter import (
    ADAPTER_CONFIG_FILE,
    ADAPTER_WEIGHTS_FILE,
    read_adapter_config,
)
from starcoder_cli.errors import DataError, MachineError
from starcoder_cli.models.transfer import translate_write_errors
from starcoder_cli.weights.checkpoint import ARCHITECTURES, Checkpoint
from starcoder_cli.weights.gguf import read_gguf_header
from starcoder_cli.weights.gguf_names import UnknownArchitectureError
from starcoder_cli.weights.half_precision import merge_adapter, write_bf16

WEIGHTS_FILE, CONFIG_FILE = "model.safetensors", "config.json"
COPIED_SUFFIXES = {".json", ".jinja", ".txt", ".model"}
MLP_WIDTH = {"gpt_bigcode": ("transformer.h.0.mlp.c_fc.weight", "n_inner")}
EMBEDDINGS = ("model.embed_tokens.weight", "transformer.wte.weight")


def dequantize_gguf(path: Path, folder: Path) -> Path:
    """Write a GGUF file as a bf16 checkpoint into a folder that only appears once it is complete.

    Raises DataError for a malformed file, MachineError for an unknown kind of model,
    WriteError for a full disk.
    """
    if folder.is_dir():
        return folder
    try:
        config, tensors = read_gguf(path)
    except UnknownArchitectureError as error:
        raise MachineError(f"a GGUF of {error} cannot be trained", "use a checkpoint") from error
    header = read_gguf_header(path)
    model_type = str(config["model_type"])
    inner, key = MLP_WIDTH.get(
        model_type,
        ("model.layers.0.mlp.up_proj.weight", "intermediate_size")
        if "model.layers.0.mlp.up_proj.weight" in tensors
        else ("model.layers.0.mlp.c_fc.weight", "intermediate_size"),
    )
    embedding = next((tensors[name] for name in EMBEDDINGS if name in tensors), None)
    if inner not in tensors or embedding is None:
        raise DataError(f"{path} lacks weights that a {model_type} has", "get the file again")
    config |= {
        key: tensors[inner].shape[0],
        "vocab_size": embedding.shape[0],
        "architectures": [ARCHITECTURES[model_type]],
        "dtype": "bfloat16",
    }
    part = folder.with_name(f"{folder.name}.part")
    with translate_write_errors(folder):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        (part / CONFIG_FILE).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        tokenizer = to_compact_json(read_gguf_tokenizer(path, header))
        (part / TOKENIZER_FILE).write_text(tokenizer, encoding="utf-8")
        if header.chat_template:
            (part / "chat_template.jinja").write_text(header.chat_template, encoding="utf-8")
        try:
            write_bf16(part / WEIGHTS_FILE, tensors)
        except (NotImplementedError, ValueError) as error:  # in types that only llama.cpp reads
            raise DataError(f"{path} has tensors of a type that is not known", "") from error
        part.replace(folder)
    return folder


def write_merged(checkpoint: Checkpoint, adapter: Path, folder: Path) -> None:
    """Write a checkpoint with an adapter merged into it, in the same way as `dequantize_gguf`."""
    part = folder.with_name(f"{folder.name}.part")
    with translate_write_errors(folder):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for path in checkpoint.folder.iterdir():
            if path.suffix in COPIED_SUFFIXES and not path.name.endswith(".index.json"):
                shutil.copyfile(path, part / path.name)
        settings = read_adapter_config(adapter / ADAPTER_CONFIG_FILE)
        weights = adapter / ADAPTER_WEIGHTS_FILE
        merge_adapter(checkpoint.files, weights, settings, part / WEIGHTS_FILE)
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)

"""Where a model's graph, its tokenizer and its end tokens come from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.engines.openvino.convert import CONFIG_FILE, WEIGHTS_FILE
from starcoder_cli.engines.openvino.families import find_family
from starcoder_cli.engines.openvino.families.config import ModelConfig
from starcoder_cli.engines.openvino.matrices import CheckpointWeights
from starcoder_cli.engines.openvino.prepared import PreparedMetadata, StepRows
from starcoder_cli.engines.openvino.quantize import Bits
from starcoder_cli.errors import DataError, StarcoderError
from starcoder_cli.weights.checkpoint import Checkpoint
from starcoder_cli.weights.gguf import read_gguf_header
from starcoder_cli.weights.model_config import read_chat_template, read_model_config
from starcoder_cli.weights.tensors import MappedTensor, map_tensors

if TYPE_CHECKING:
    from openvino import Model


@dataclass(frozen=True)
class ModelSource:
    """A model that can be loaded: `folder` has its tokenizer, `end_ids` end an answer.

    `rows` is how many rows a step has, `read_model` returns the graph. `other_way` is what to do
    if OpenVINO cannot run it.
    """

    folder: Path
    end_ids: frozenset[int]
    rows: StepRows
    read_model: "Callable[[], Model]"
    read_chat_template: Callable[[], str]
    vocabulary_size: int | None = None
    other_way: str = "use --engine llamacpp"


def prepared_source(folder: Path, path: Path) -> ModelSource:
    """The prepared form of a GGUF file, from its folder; raises DataError if it is damaged."""
    metadata = PreparedMetadata.read(folder)
    try:
        config = read_model_config(folder / CONFIG_FILE)
        tensors = map_tensors([folder / WEIGHTS_FILE])
    except StarcoderError as error:
        raise DataError(error.message, "use --engine llamacpp") from error
    return ModelSource(
        folder,
        frozenset(metadata.ends),
        metadata.rows,
        partial(build_graph, config, tensors),
        lambda: read_gguf_header(path).chat_template,
    )


def checkpoint_source(
    checkpoint: Checkpoint, bits: Bits = 8, prepared: Path | None = None
) -> ModelSource:
    """A checkpoint of a family that has a graph, with matrices in `bits` bits.

    The graph reads from the files as long as the source exists, or from those of the `prepared`
    folder if there is one.
    """
    files = [prepared / WEIGHTS_FILE] if prepared else checkpoint.files
    tensors = map_tensors(files)
    config = read_model_config(checkpoint.folder / "config.json")
    return ModelSource(
        checkpoint.folder,
        frozenset(checkpoint.eos_ids),
        PreparedMetadata.read(prepared).rows if prepared else StepRows(),
        partial(build_graph, config, tensors, bits),
        partial(read_chat_template, checkpoint.folder),
        checkpoint.vocabulary_size,
        "use --dtype bf16, which runs it on transformers",
    )


def build_graph(
    config: Mapping[str, object], tensors: Mapping[str, MappedTensor], bits: Bits = 8
) -> "Model":
    """Build a checkpoint's graph, which reads from its tensors as long as it exists.

    Raises NoGraphError if the configuration asks for something no graph here does.
    """
    values = ModelConfig(config, has_head="lm_head.weight" in tensors)
    weights = CheckpointWeights(tensors, bits)
    return find_family(str(config.get("model_type")))(values, weights)

"""Convert a LoRA adapter of peft to a GGUF file for one model, for llama.cpp.

The format is that of llama.cpp's `convert_lora_to_gguf.py`: each pair of matrices is named after
the tensor it is added to, and alpha gives their scale.
"""

from collections.abc import Mapping
from pathlib import Path

from starcoder_cli.errors import DataError
from starcoder_cli.weights.gguf import read_gguf_header
from starcoder_cli.weights.gguf_names import (
    UnknownArchitectureError,
    checkpoint_name,
    find_architecture,
    paired_heads,
)
from starcoder_cli.weights.tensors import map_tensors

CHECK_ADAPTER = "choose the model that the adapter was made for"


def write_gguf_adapter(
    model: Path, weights: Path, settings: Mapping[str, object], target: Path
) -> None:
    """Write the matrices of an adapter for a GGUF file.

    Raises DataError if the adapter is for another model, or is one that llama.cpp cannot add.
    """
    import numpy
    from gguf import GGUFWriter
    from gguf.constants import GGUFType, Keys

    header = read_gguf_header(model)
    factors = map_tensors([weights])
    alpha = settings.get("lora_alpha")
    if not isinstance(alpha, int | float) or settings.get("fan_in_fan_out"):
        raise DataError(f"{weights.parent} is an adapter that llama.cpp cannot add", CHECK_ADAPTER)
    try:
        architecture = find_architecture(header)
        names = {checkpoint_name(architecture, each.name): each for each in header.tensors}
    except UnknownArchitectureError as error:
        raise DataError(f"adapters for a GGUF of {error} are not known", CHECK_ADAPTER) from error
    writer = GGUFWriter(target, header.architecture)
    writer.add_type(GGUFType.ADAPTER)
    writer.add_string(Keys.Adapter.TYPE, "lora")
    writer.add_float32(Keys.Adapter.LORA_ALPHA, float(alpha))
    for name, factor in factors.items():
        for letter in "AB":
            mark = f".lora_{letter}."
            if mark not in name:
                continue
            wanted = names.get(name.removeprefix("base_model.model.").replace(mark, "."))
            numbers = factor.floats()
            size = wanted.shape["AB".index(letter)] if wanted else 0
            if wanted is None or size != numbers.shape[1 - "AB".index(letter)]:
                raise DataError(f"{weights.parent} is of another model: {name}", CHECK_ADAPTER)
            heads = paired_heads(architecture, header, wanted.name, wanted.shape[1])
            if letter == "B" and heads:  # rotary pairs are adjacent in the file
                halves = numbers.reshape(heads, 2, -1, numbers.shape[1])
                numbers = numpy.ascontiguousarray(halves.swapaxes(1, 2)).reshape(numbers.shape)
            writer.add_tensor(f"{wanted.name}.lora_{letter.lower()}", numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

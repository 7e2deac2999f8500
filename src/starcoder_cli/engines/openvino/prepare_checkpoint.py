"""Quantizes a checkpoint once, so that a start reads only the quantized weights."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.engines.machine import free_memory, may_have_accelerator
from starcoder_cli.engines.openvino.convert import convert_checkpoint
from starcoder_cli.engines.openvino.families import FAMILIES
from starcoder_cli.engines.openvino.families.config import NoGraphError
from starcoder_cli.engines.openvino.graph import import_openvino
from starcoder_cli.engines.openvino.graph_fit import (
    ALLOWED_BITS,
    bits_to_prepare,
    graph_weight_bytes,
)
from starcoder_cli.engines.openvino.model import OpenVinoModel
from starcoder_cli.engines.openvino.prepare import (
    MEASUREMENT_TEXT,
    MEASUREMENT_WINDOW,
    stage_folder,
)
from starcoder_cli.engines.openvino.prepared import (
    PREPARED_FOLDER,
    Prepared,
    PreparedMetadata,
    checkpoint_digest,
    current_versions,
    file_sizes,
    find_prepared_checkpoint,
    write_prepared,
)
from starcoder_cli.engines.openvino.sources import checkpoint_source
from starcoder_cli.errors import MachineError
from starcoder_cli.models import store
from starcoder_cli.models.transfer import Progress, check_disk_space, translate_write_errors
from starcoder_cli.settings import QuantizeChoice
from starcoder_cli.weights.checkpoint import Checkpoint, inspect_checkpoint


def prepare_checkpoint(
    spec: ModelSpec, path: Path, report: Progress, quantize: QuantizeChoice = "auto"
) -> Prepared:
    """Return the prepared form of a pulled checkpoint, making it if there is no current one.

    Raises what `prepare_model` raises.
    """
    checkpoint = inspect_checkpoint(path)
    if found := find_wanted(spec, checkpoint, quantize):
        return found
    bits = bits_to_prepare(checkpoint.parameters, quantize, free_memory())
    with store.lock_model(spec):
        folder = store.model_folder(spec)
        with translate_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        check_disk_space(folder, graph_weight_bytes(checkpoint.parameters, bits))
        with stage_folder(folder) as staging:
            convert_checkpoint(checkpoint.files, staging, bits, report)
            metadata = PreparedMetadata(tuple(checkpoint.eos_ids))
            metadata.write(staging)
            if can_be_measured(checkpoint):
                source = checkpoint_source(checkpoint, bits, staging)
                with closing(OpenVinoModel(source, MEASUREMENT_WINDOW)) as model:
                    rows = model.measure_rows(MEASUREMENT_TEXT)
                replace(metadata, rows=rows).write(staging)
            digest = checkpoint_digest(checkpoint)
            prepared = Prepared(staging, digest, current_versions(), file_sizes(staging), bits)
            write_prepared(prepared)
    return replace(prepared, folder=folder / PREPARED_FOLDER)


def find_wanted(
    spec: ModelSpec, checkpoint: Checkpoint, quantize: QuantizeChoice
) -> Prepared | None:
    """The prepared form of a checkpoint, if it has the bits that are asked for."""
    prepared = find_prepared_checkpoint(spec, checkpoint)
    return prepared if prepared and prepared.bits in ALLOWED_BITS[quantize] else None


def can_be_measured(checkpoint: Checkpoint) -> bool:
    """Whether memory and positions suffice to read the text used for measuring."""
    has_room = not checkpoint.window or checkpoint.window >= MEASUREMENT_WINDOW
    return has_room and checkpoint.parameters < free_memory()


def is_for_processor(path: Path) -> bool:
    """Whether a checkpoint runs in a graph of ours here: one exists, and no accelerator does."""
    checkpoint = inspect_checkpoint(path)
    if checkpoint.model_type not in FAMILIES or may_have_accelerator():
        return False
    try:
        import_openvino()
        checkpoint_source(checkpoint, 16).read_model()
    except (MachineError, NoGraphError):
        return False
    return True

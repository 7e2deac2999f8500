"""Converts a GGUF file once into the form that OpenVINO's kernels read.

The work is done in a staging folder that is renamed at the end: an interrupted conversion is never
used, and the file itself is never touched.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.engines.openvino.prepared import (
    PREPARED_FOLDER,
    Prepared,
    current_versions,
    file_sizes,
    find_prepared,
    write_prepared,
)
from starcoder_cli.errors import DataError, InputError, MachineError
from starcoder_cli.model import Prompt
from starcoder_cli.models import store
from starcoder_cli.models.transfer import Progress, translate_write_errors
from starcoder_cli.system.foreign import ForeignError, foreign_errors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from starcoder_cli.weights.gguf import GgufHeader

STAGING_FOLDER = f"{PREPARED_FOLDER}.part"
TOKENIZER_FILE = "tokenizer.json"

MEASUREMENT_WINDOW = 1024
SPELLING_WINDOW = 256
MEASUREMENT_TEXT = Path(__file__).read_text(encoding="utf-8") + "\tnaïve 漢字 🦑 <|endoftext|> \n"


def convert_file(path: Path, folder: Path, report: Progress, four_bit_count: int = 0) -> None:
    """Write what OpenVINO needs from a GGUF file into a folder.

    `four_bit_count` tensors are stored in four bits. How many rows a step should have is measured
    here, since that depends on the machine.
    Raises DataError for a malformed file, or one whose text OpenVINO would tokenize differently.
    """
    from starcoder_cli.engines.openvino.convert import convert_gguf
    from starcoder_cli.engines.openvino.model import OpenVinoModel
    from starcoder_cli.engines.openvino.prepared import PreparedMetadata
    from starcoder_cli.engines.openvino.sources import prepared_source
    from starcoder_cli.weights.gguf import read_gguf_header

    header = read_gguf_header(path)
    total = len(header.tensors) + 1
    with ThreadPoolExecutor(1) as pool:
        spelled = pool.submit(convert_tokenizer, path, header, folder)
        convert_gguf(path, folder, four_bit_count, lambda done, _: report(done, total))
        spelled.result()
    metadata = PreparedMetadata(() if header.eos_id is None else (header.eos_id,))
    metadata.write(folder)
    report(total - 1, total)
    with closing(OpenVinoModel(prepared_source(folder, path), MEASUREMENT_WINDOW)) as model:
        rows = model.measure_rows(MEASUREMENT_TEXT)
    replace(metadata, rows=rows).write(folder)
    report(total, total)


def convert_tokenizer(path: Path, header: "GgufHeader", folder: Path) -> None:
    """Write a GGUF file's tokenizer; raises DataError if it tokenizes unlike llama.cpp."""
    from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer
    from starcoder_cli.engines.llamacpp import LlamaCppModel

    tokenizer = to_compact_json(read_gguf_tokenizer(path, header))
    (folder / TOKENIZER_FILE).write_text(tokenizer, encoding="utf-8")
    prompt = Prompt((MEASUREMENT_TEXT,))
    with closing(LlamaCppModel(path, SPELLING_WINDOW)) as model:
        ids = model.encode(prompt)
    if ids != CheckpointTokenizer(folder).encode(prompt):
        raise DataError(f"{path} spells text as only llama.cpp does", "use --engine llamacpp")


def read_gguf_tokenizer(path: Path, header: "GgufHeader") -> "Tokenizer":
    """The tokenizer of a GGUF file; raises MachineError if transformers cannot convert it."""
    from starcoder_cli.weights.gguf_arrays import read_gguf_array

    try:
        with foreign_errors():
            from transformers.integrations.gguf import (
                GGUF_TOKENIZER_MAPPING,
                convert_gguf_tokenizer,
            )

            names = {
                f"tokenizer.{key}": name
                for key, name in GGUF_TOKENIZER_MAPPING["tokenizer"].items()
            }
            keys = header.arrays.keys() & names
            arrays = {key: read_gguf_array(path, header, key) for key in keys}
            values = {**header.metadata, **arrays}
            vocabulary = {name: values[key] for key, name in names.items() if key in values}
            tokenizer: Tokenizer = convert_gguf_tokenizer(header.architecture, vocabulary)[0]
    except ForeignError as error:
        raise MachineError(
            f"transformers cannot read the tokenizer of {path}: {error}", "use --engine llamacpp"
        ) from error
    return tokenizer


def to_compact_json(tokenizer: "Tokenizer") -> str:
    """A tokenizer as JSON, with each merge pair as one text if none contains a space.

    That is the older form, which is read in three quarters of the time.
    """
    data = json.loads(tokenizer.to_str())
    pairs = data["model"].get("merges", ())
    if not any(" " in part for pair in pairs for part in pair):
        data["model"]["merges"] = [" ".join(pair) for pair in pairs]
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


Convert: TypeAlias = Callable[[Path, Path, Progress, int], None]


def prepare_model(
    spec: ModelSpec, path: Path, report: Progress, convert: Convert = convert_file
) -> Prepared:
    """Return the prepared form of a pulled file, making it if there is no current one.

    `report` is given the number of steps done and their total. Raises WriteError if the disk is
    full, DataError and MachineError if OpenVINO cannot use the file, InputError if the file has
    been removed in the meantime.
    """
    with store.lock_model(spec):
        manifest = store.read_model_manifest(path.parent)
        if manifest is None:
            raise InputError(
                f"{spec.name} is not installed", f"run: starcoder models pull {spec.name}"
            )
        prepared = find_prepared(path)
        if prepared:
            return prepared
        with stage_folder(path.parent) as staging:
            convert(path, staging, report, spec.four_bit_tensors)
            prepared = Prepared(staging, manifest.sha256, current_versions(), file_sizes(staging))
            write_prepared(prepared)
        return replace(prepared, folder=path.parent / PREPARED_FOLDER)


def discard_staging(folder: Path) -> None:
    """Remove an interrupted preparation's files; one that is still running then fails."""
    shutil.rmtree(folder / STAGING_FOLDER, ignore_errors=True)


@contextmanager
def stage_folder(folder: Path) -> Iterator[Path]:
    """An empty folder that replaces the prepared one, unless something goes wrong."""
    staging, prepared = folder / STAGING_FOLDER, folder / PREPARED_FOLDER
    with translate_write_errors(staging):
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            yield staging
            shutil.rmtree(prepared, ignore_errors=True)
            staging.replace(prepared)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

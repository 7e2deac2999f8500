"""A GGUF file brought into OpenVINO's own form, once, and measured on both engines.

That is done in a staging folder, which is renamed at the end: what was interrupted is never used,
and the file itself is never touched.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.benchmark.measure import (
    FIRST_PROMPT_TOKENS,
    complete_greedily,
    truncate_to_tokens,
    warm_up_seconds,
    write_rate,
)
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
from starcoder_cli.loading import EngineSpeed
from starcoder_cli.model import Model, Prompt
from starcoder_cli.models import store
from starcoder_cli.models.transfer import Progress, translate_write_errors
from starcoder_cli.system.foreign import ForeignError, foreign_errors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

STAGING_FOLDER = f"{PREPARED_FOLDER}.part"
TOKENIZER_FILE = "tokenizer.json"

MEASUREMENT_TOKENS = ((512, 32), (128, 16))
"""Tokens of each prompt that is measured, and of its answer; the second in case of a bad moment."""

MEASUREMENT_WINDOW = 1024
MEASUREMENT_TEXT = Path(__file__).read_text(encoding="utf-8") + "\tnaïve 漢字 🦑 <|endoftext|> \n"


def convert_and_measure(
    path: Path, folder: Path, report: Progress, four_bit_count: int = 0
) -> Mapping[str, EngineSpeed]:
    """Write what OpenVINO needs of a GGUF file into a folder, and measure both engines.

    So many tensors as `four_bit_count` go in four bits.
    Raises DataError for a malformed file, and for one whose text OpenVINO would spell differently.
    """
    from starcoder_cli.engines.llamacpp import LlamaCppModel
    from starcoder_cli.engines.openvino.convert import convert_gguf
    from starcoder_cli.engines.openvino.model import OpenVinoModel
    from starcoder_cli.engines.openvino.prepared import PreparedMetadata
    from starcoder_cli.engines.openvino.sources import prepared_source
    from starcoder_cli.weights.gguf import read_gguf_header

    header = read_gguf_header(path)
    metadata = PreparedMetadata(() if header.eos_id is None else (header.eos_id,))
    tensor_count, total = len(header.tensors), len(header.tensors) + 2
    tokenizer = to_compact_json(read_gguf_tokenizer(path))
    (folder / TOKENIZER_FILE).write_text(tokenizer, encoding="utf-8")
    convert_gguf(path, folder, four_bit_count, lambda done, _: report(done, total))
    metadata.write(folder)
    paces: dict[str, EngineSpeed] = {}
    encodings: list[list[int]] = []
    for load in (
        lambda: LlamaCppModel(path, MEASUREMENT_WINDOW),
        lambda: OpenVinoModel(prepared_source(folder, path), MEASUREMENT_WINDOW),
    ):
        report(tensor_count + len(paces), total)
        start = time.perf_counter()
        with closing(load()) as model:
            paces[model.engine] = measure_engine_speed(model, time.perf_counter() - start)
            encodings.append(model.encode(Prompt((MEASUREMENT_TEXT,))))
            if isinstance(model, OpenVinoModel):
                replace(metadata, rows=model.measure_rows(MEASUREMENT_TEXT)).write(folder)
    report(total, total)
    if encodings[0] != encodings[1]:
        raise DataError(f"{path} spells text as only llama.cpp does", "use --engine llamacpp")
    return paces


def read_gguf_tokenizer(path: Path) -> "Tokenizer":
    """The tokenizer of a GGUF file; MachineError where transformers cannot bring it over."""
    try:
        with foreign_errors():
            from transformers.integrations.gguf import convert_gguf_tokenizer, get_gguf_tokenizer

            architecture, vocabulary, _ = get_gguf_tokenizer(str(path))
            tokenizer: Tokenizer = convert_gguf_tokenizer(architecture, vocabulary)[0]
    except ForeignError as error:
        raise MachineError(
            f"transformers cannot read the tokenizer of {path}: {error}", "use --engine llamacpp"
        ) from error
    return tokenizer


def to_compact_json(tokenizer: "Tokenizer") -> str:
    """A tokenizer in JSON, with pairs to merge as one text each where none has a space.

    That is the older form, which is read in three quarters of the time.
    """
    data = json.loads(tokenizer.to_str())
    pairs = data["model"].get("merges", ())
    if not any(" " in part for pair in pairs for part in pair):
        data["model"]["merges"] = [" ".join(pair) for pair in pairs]
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def measure_engine_speed(model: Model, load_seconds: float) -> EngineSpeed:
    """How fast a model is that was loaded in so many seconds; the better of two measurements.

    A prompt that begins like an earlier one would not be read anew.
    """
    first = complete_greedily(
        model, truncate_to_tokens(model, MEASUREMENT_TEXT[::-1], FIRST_PROMPT_TOKENS), 1
    )
    completions = [
        complete_greedily(model, truncate_to_tokens(model, text, read), write_tokens)
        for text, (read, write_tokens) in zip(
            (MEASUREMENT_TEXT, MEASUREMENT_TEXT.swapcase()), MEASUREMENT_TOKENS, strict=True
        )
    ]
    if any(each.tokens < 2 or not each.text for each in completions):
        raise MachineError("the model has nothing to say", "use --engine llamacpp")
    read = max(each.prompt_tokens_per_second for each in completions)
    write = max(write_rate([each]) for each in completions)
    return EngineSpeed(
        load=round(load_seconds, 3),
        warm_up=round(warm_up_seconds(first, read), 3),
        read=round(read, 1),
        write=round(write, 1),
    )


Convert: TypeAlias = Callable[[Path, Path, Progress, int], Mapping[str, EngineSpeed]]


def prepare_model(
    spec: ModelSpec, path: Path, report: Progress, convert: Convert = convert_and_measure
) -> Prepared:
    """What a pulled file is prepared in, made where there is nothing that is current.

    `report` is told how many steps are done, and of how many. Raises WriteError where the disk is
    full, DataError and MachineError where OpenVINO cannot take the file, InputError where the file
    was removed meanwhile.
    """
    with store.lock_model(spec):
        manifest = store.read_model_manifest(path.parent)
        if manifest is None:
            raise InputError(f"{spec.name} is not here", f"run: starcoder models pull {spec.name}")
        prepared = find_prepared(path)
        if prepared:
            return prepared
        with stage_folder(path.parent) as staging:
            paces = convert(path, staging, report, spec.four_bit_tensors)
            prepared = Prepared(
                staging, manifest.sha256, current_versions(), file_sizes(staging), paces
            )
            write_prepared(prepared)
        return replace(prepared, folder=path.parent / PREPARED_FOLDER)


def discard_staging(folder: Path) -> None:
    """Remove what an interrupted preparation has made; it may still be at work, and then fails."""
    shutil.rmtree(folder / STAGING_FOLDER, ignore_errors=True)


@contextmanager
def stage_folder(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of the prepared one, unless something goes wrong."""
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

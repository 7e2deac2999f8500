"""A GGUF file brought into OpenVINO's own form, once, and measured on both engines.

That is done in a draft folder, which is renamed at the end: what was interrupted is never used, and
the file itself is never touched.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.benchmark.measure import FIRST, answer, cut, warm_up, write_rate
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.engines.openvino.prepared import FOLDER, Prepared, find, sizes, versions, write
from starcoder_cli.errors import DataError, InputError, MachineError
from starcoder_cli.loading import Pace
from starcoder_cli.model import Model, Prompt
from starcoder_cli.models import store
from starcoder_cli.models.transfer import Progress, saving

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DRAFT, FILE, TOKENIZER = f"{FOLDER}.part", "model.gguf", "tokenizer.json"

TURNS = ((512, 32), (128, 16))
"""Tokens of each prompt that is measured, and of its answer; the second in case of a bad moment."""

WINDOW = 1024
TEXT = Path(__file__).read_text(encoding="utf-8") + "\tnaïve 漢字 🦑 <|endoftext|> \n"


def prepare(spec: ModelSpec, path: Path, report: Progress) -> Prepared:
    """What a pulled file is prepared in, made where there is nothing that is current.

    `report` is told how many steps are done, and of how many. Raises WriteError where the disk is
    full, DataError and MachineError where OpenVINO cannot take the file, InputError where the file
    was removed meanwhile.
    """
    with store.lock(spec):
        manifest = store.read_manifest(path.parent)
        if manifest is None:
            raise InputError(f"{spec.name} is not here", f"run: starcoder models pull {spec.name}")
        found = find(path)
        if found:
            return found
        with drafted(path.parent) as draft:
            paces = made(path, draft, report, spec.narrow)
            found = Prepared(draft, manifest.sha256, versions(), sizes(draft), paces)
            write(found)
        return replace(found, folder=path.parent / FOLDER)


@contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of the prepared one, unless something goes wrong."""
    draft, prepared = folder / DRAFT, folder / FOLDER
    with saving(draft):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            yield draft
            shutil.rmtree(prepared, ignore_errors=True)
            draft.replace(prepared)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def made(path: Path, to: Path, report: Progress, narrow: int = 0) -> Mapping[str, Pace]:
    """Write what OpenVINO needs of a GGUF file into a folder, and measure both engines.

    So many tensors as `narrow` go in four bits.
    Raises DataError for a malformed file, and for one whose text OpenVINO would spell differently.
    """
    from starcoder_cli.engines.llamacpp import LlamaCppModel
    from starcoder_cli.engines.openvino.model import OpenVinoModel, save, slim
    from starcoder_cli.engines.openvino.prepared import Traits
    from starcoder_cli.engines.openvino.requantize import write_eightbit
    from starcoder_cli.weights.gguf import read_header

    eos = read_header(path).eos
    traits = Traits(() if eos is None else (eos,))
    steps: tuple[Callable[[], object], ...] = (
        lambda: (to / TOKENIZER).write_text(terse(tokenizer(path)), encoding="utf-8"),
        lambda: write_eightbit(path, to / FILE, narrow),
        lambda: save(to / FILE),
        (to / FILE).unlink,
        lambda: slim(to),
        lambda: traits.write(to),
    )
    for done, step in enumerate(steps):
        report(done, len(steps) + 2)
        step()
    paces: dict[str, Pace] = {}
    spelled: list[list[int]] = []
    for load in (lambda: LlamaCppModel(path, WINDOW), lambda: OpenVinoModel(to, path, WINDOW)):
        report(len(steps) + len(paces), len(steps) + 2)
        begin = time.perf_counter()
        with closing(load()) as model:
            paces[model.engine] = pace(model, time.perf_counter() - begin)
            spelled.append(model.encode(Prompt((TEXT,))))
            if isinstance(model, OpenVinoModel):
                replace(traits, rows=model.measure(TEXT)).write(to)
    report(len(steps) + 2, len(steps) + 2)
    if spelled[0] != spelled[1]:
        raise DataError(f"{path} spells text as only llama.cpp does", "use --engine llamacpp")
    return paces


def tokenizer(path: Path) -> "Tokenizer":
    """The tokenizer of a GGUF file; MachineError where transformers cannot bring it over."""
    try:
        from transformers.integrations.gguf import convert_gguf_tokenizer, get_gguf_tokenizer

        architecture, vocabulary, _ = get_gguf_tokenizer(str(path))
        found: Tokenizer = convert_gguf_tokenizer(architecture, vocabulary)[0]
    except (ImportError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise MachineError(
            f"transformers cannot read the tokenizer of {path}: {error}", "use --engine llamacpp"
        ) from error
    return found


def terse(whole: "Tokenizer") -> str:
    """A tokenizer in JSON, with pairs to merge as one text each where none has a space.

    That is the older form, which is read in three quarters of the time.
    """
    told = json.loads(whole.to_str())
    pairs = told["model"].get("merges", ())
    if not any(" " in part for pair in pairs for part in pair):
        told["model"]["merges"] = [" ".join(pair) for pair in pairs]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def pace(model: Model, load: float) -> Pace:
    """How fast a model is that was loaded in so many seconds; the better of two measurements.

    A prompt that begins like an earlier one would not be read anew.
    """
    first = answer(model, cut(model, TEXT[::-1], FIRST), 1)
    answers = [
        answer(model, cut(model, text, read), written)
        for text, (read, written) in zip((TEXT, TEXT.swapcase()), TURNS, strict=True)
    ]
    if any(each.tokens < 2 or not each.text for each in answers):
        raise MachineError("the model has nothing to say", "use --engine llamacpp")
    read = max(each.read_rate for each in answers)
    write = max(write_rate([each]) for each in answers)
    return Pace(
        load=round(load, 3),
        warm_up=round(warm_up(first, read), 3),
        read=round(read, 1),
        write=round(write, 1),
    )

"""A GGUF file brought into OpenVINO's own form, once, and measured on both engines.

The form lies beside the file: eight-bit weights, the tokenizer, and a manifest that says from which
file and by which versions it was made and how fast each engine was. It is made in a draft folder
that is renamed at the end: what was interrupted is never used, and the file itself never touched.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.engines import Pace
from starcoder_cli.errors import DataError, MachineError
from starcoder_cli.model import Model, Sampling
from starcoder_cli.models import store
from starcoder_cli.models.transfer import Progress, saving
from starcoder_cli.prompt import Prompt
from starcoder_cli.stream import join

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FORM, DRAFT, FILE, TOKENIZER = "openvino", "openvino.part", "model.gguf", "tokenizer.json"
PACKAGES = "openvino-genai", "xllamacpp"

FIRST = 64
"""Tokens of the first prompt, which takes longer."""

TURNS = ((512, 32), (128, 16))
"""Tokens of each prompt that is measured, and of its answer; the second in case of a bad moment."""

WINDOW = 1024
TEXT = Path(__file__).read_text(encoding="utf-8") + "\tnaïve 漢字 🦑 <|endoftext|> \n"


@dataclass(frozen=True)
class Form:
    """A prepared model: its folder, its file's sha256, the versions that made it, the paces."""

    folder: Path
    sha256: str
    versions: Mapping[str, str]
    paces: Mapping[str, Pace]

    @property
    def size(self) -> int:
        """The bytes of all its files."""
        return sum(path.stat().st_size for path in self.folder.iterdir())


def find(path: Path) -> Form | None:
    """The form of a pulled GGUF file; None where it has none, or one of another file or version."""
    form = read(path.parent / FORM)
    manifest = store.read_manifest(path.parent) if form else None
    if not form or not manifest or form.sha256 != manifest.sha256:
        return None
    return form if form.versions == versions() else None


def read(folder: Path) -> Form | None:
    """What the manifest in a folder says; None where there is none, or none that makes sense."""
    try:
        values = json.loads((folder / store.MANIFEST).read_bytes())
        paces = {str(name): Pace(**pace) for name, pace in values["paces"].items()}
        return Form(folder, str(values["sha256"]), dict(values["versions"]), paces)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def versions() -> Mapping[str, str]:
    """The versions of the packages that a form and its paces depend on, of those that are here."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def prepare(spec: ModelSpec, path: Path, report: Progress) -> Form:
    """The form of a pulled file, made where there is none that is current.

    `report` is told how many steps are done, and of how many. Raises WriteError where the disk is
    full, DataError and MachineError where OpenVINO cannot take the file.
    """
    with store.lock(spec):
        form = find(path)
        if form:
            return form
        manifest = store.read_manifest(path.parent)
        assert manifest, path
        with drafted(path.parent) as draft:
            paces = made(path, draft, report)
            told = {"sha256": manifest.sha256, "versions": versions()}
            told |= {"paces": {name: asdict(pace) for name, pace in paces.items()}}
            (draft / store.MANIFEST).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    form = find(path)
    assert form, path
    return form


@contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """An empty folder that becomes the form, unless something goes wrong."""
    draft, form = folder / DRAFT, folder / FORM
    with saving(draft):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            yield draft
            shutil.rmtree(form, ignore_errors=True)
            draft.replace(form)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def made(path: Path, to: Path, report: Progress) -> Mapping[str, Pace]:
    """Write the form of a GGUF file into a folder, and measure both engines.

    Raises DataError for a malformed file, and for one whose text OpenVINO would spell differently.
    """
    from starcoder_cli.backends.llamacpp import LlamaCppModel
    from starcoder_cli.backends.openvino import OpenVinoModel, save
    from starcoder_cli.eightbit import write_eightbit
    from starcoder_cli.gguf import read_header

    read_header(path)
    steps: tuple[Callable[[], object], ...] = (
        lambda: tokenizer(path).save(str(to / TOKENIZER)),
        lambda: write_eightbit(path, to / FILE),
        lambda: save(to / FILE),
        (to / FILE).unlink,
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


def pace(model: Model, load: float) -> Pace:
    """How fast a model is that was loaded in so many seconds; the better of two measurements.

    A prompt that begins like an earlier one would not be read anew.
    """
    first = join(model.stream(Prompt((cut(model, TEXT[::-1], FIRST),)), Sampling(1)))
    answers = [
        join(model.stream(Prompt((cut(model, text, read),)), Sampling(written)))
        for text, (read, written) in zip((TEXT, TEXT.swapcase()), TURNS, strict=True)
    ]
    if any(answer.tokens < 2 or not answer.text for answer in answers):
        raise MachineError("the model has nothing to say", "use --engine llamacpp")
    read = max(answer.prompt_tokens / answer.first_token_seconds for answer in answers)
    write = max(
        (answer.tokens - 1) / (answer.seconds - answer.first_token_seconds) for answer in answers
    )
    return Pace(
        load=round(load, 3),
        warm_up=round(max(first.seconds - first.prompt_tokens / read, 0), 3),
        read=round(read, 1),
        write=round(write, 1),
    )


def cut(model: Model, text: str, tokens: int) -> str:
    """About so many tokens of a text."""
    return text[: round(len(text) * tokens / model.count(text))]

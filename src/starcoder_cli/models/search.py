"""Search the catalog and the hub for models that this program can load."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from starcoder_cli.catalog import CATALOG, ModelSpec, find_model
from starcoder_cli.errors import StarcoderError, UnavailableError
from starcoder_cli.models.hub import (
    describe_hub_failure,
    hub_host,
    silence_hub_library,
)
from starcoder_cli.models.hub_api import Query, ask_hub
from starcoder_cli.models.pull import is_offline
from starcoder_cli.models.transfer import call_with_timeout
from starcoder_cli.system.foreign import ForeignError, foreign_errors
from starcoder_cli.weights.model_config import CODE_KEYS, QUANTIZATION_KEYS

Answer: TypeAlias = Mapping[str, object]

TEXT_GENERATION = "text-generation"
GGUF_TAG = "gguf"
FORMS = ((GGUF_TAG,), ("transformers", "safetensors", TEXT_GENERATION))
"""The tags that a model must have, for each of the two loadable forms."""

DETAILS = (
    "config",
    "downloads",
    "gated",
    "gguf",
    "pipeline_tag",
    "safetensors",
    "siblings",
    "tags",
)
# The first that a repository has is chosen: small, and nearly as good as the original.
QUANTIZATIONS = ("q4_k_m", "q4_k_s", "q5_k_m", "q4_0", "q8_0")
MAX_COUNT = 10**15
PART_OF_A_MODEL = re.compile(r"-\d{5}-of-\d{5}\.gguf$|mmproj", re.IGNORECASE)


@dataclass(frozen=True)
class FoundModel:
    """A model and the hub's data about it, empty if only the catalog has it."""

    spec: ModelSpec
    parameters: str
    licence: str
    gated: bool
    downloads: int | None = None


@dataclass(frozen=True)
class SearchResult:
    """The models found, and why the hub could not be searched, if so."""

    models: Sequence[FoundModel]
    failure: UnavailableError | None = None


def search_models(text: str, limit: int, offline: bool) -> SearchResult:
    """Search the catalog, then the hub for up to `limit` models, most downloaded first.

    Without network access only the catalog is searched.
    """
    ours = [of_catalog(spec) for spec in CATALOG if fits(spec, text)]
    if offline or is_offline():
        return SearchResult(ours)
    try:
        theirs = search_hub(text, limit)
    except UnavailableError as error:
        return SearchResult(ours, error)
    downloads = {found.spec: found.downloads for found in theirs}
    ours = [
        FoundModel(each.spec, each.parameters, each.licence, each.gated, downloads.get(each.spec))
        for each in ours
    ]
    known = {each.spec for each in ours}
    return SearchResult([*ours, *(each for each in theirs if each.spec not in known)])


def fits(spec: ModelSpec, text: str) -> bool:
    """Whether a catalog model matches each word of a text by its name, repository or summary."""
    where = f"{spec.name} {spec.repository} {spec.summary}".lower()
    return all(word in where for word in text.lower().split())


def of_catalog(spec: ModelSpec) -> FoundModel:
    """Turn a catalog model into a search result."""
    return FoundModel(spec, spec.parameters, spec.licence, spec.gated)


def search_hub(text: str, limit: int) -> list[FoundModel]:
    """Search the hub for loadable models that match a text, most downloaded first.

    Raises UnavailableError if the hub does not answer, or not like a hub.
    """
    silence_hub_library()
    try:
        answers = call_with_timeout(
            lambda: [each for tags in FORMS for each in _find_on_hub(text, tags, limit)]
        )
    except UnavailableError as error:
        raise UnavailableError(
            f"{hub_host()} was not searched, only the catalog: {error.message}",
            "try again, or leave the hub out with --offline",
        ) from error
    found = {each.spec: each for each in filter(None, map(loadable, answers))}
    return sorted(found.values(), key=lambda each: -(each.downloads or 0))[:limit]


def _find_on_hub(text: str, tags: Sequence[str], limit: int) -> list[Answer]:
    """The hub's models with these tags; raises UnavailableError if the answer is not a hub's."""
    query: Query = {
        "search": text,
        "sort": "downloads",
        "limit": limit,
        "filter": tags,
        "expand": DETAILS,
    }
    try:
        with foreign_errors():
            answers = ask_hub("/api/models", query)
    except ForeignError as error:
        raise describe_hub_failure(error.cause) from error.cause
    if not isinstance(answers, list) or not all(isinstance(each, dict) for each in answers):
        raise UnavailableError("what answers there is not a hub")
    return answers[:limit]


def loadable(answer: Answer) -> FoundModel | None:
    """Read a model of the hub; None if this program cannot load or understand it."""
    name, config = answer.get("id"), part(answer, "config")
    tags = [tag for tag in as_list(answer.get("tags")) if isinstance(tag, str)]
    if answer.get("pipeline_tag") not in (None, TEXT_GENERATION) or not isinstance(name, str):
        return None
    if GGUF_TAG in tags:
        files = (part({"": each}, "").get("rfilename") for each in as_list(answer.get("siblings")))
        name = f"{name}/{choose_file([file for file in files if isinstance(file, str)])}"
        total = part(answer, "gguf").get("total")
    elif (CODE_KEYS | QUANTIZATION_KEYS) & config.keys():
        return None
    else:
        total = part(answer, "safetensors").get("total")
    try:
        spec = find_model(name)
    except StarcoderError:
        return None
    if spec.is_local:  # a folder here has the same name
        return None
    downloads = answer.get("downloads")
    return FoundModel(
        spec,
        spec.parameters or (format_count(total) if is_count(total) else ""),
        spec.licence or next((tag[8:] for tag in tags if tag.startswith("license:")), ""),
        spec.gated or bool(answer.get("gated")),
        downloads if is_count(downloads) else None,
    )


def is_count(value: object) -> TypeGuard[int]:
    """Whether a value is a number of something that a hub may have."""
    return isinstance(value, int) and 0 <= value < MAX_COUNT


def part(answer: Answer, name: str) -> Answer:
    """An object inside an object, empty if it is missing."""
    found = answer.get(name)
    return found if isinstance(found, dict) else {}


def as_list(value: object) -> Sequence[object]:
    """A list, or an empty one for anything else."""
    return value if isinstance(value, list) else ()


def choose_file(names: Iterable[str]) -> str:
    """The preferred GGUF file of a repository; empty if none is a whole model."""
    whole = sorted(
        name
        for name in names
        if name.lower().endswith(".gguf") and not PART_OF_A_MODEL.search(name)
    )
    return next(files_by_preference(whole), "")


def files_by_preference(names: Sequence[str]) -> Iterator[str]:
    """The names, ordered by preferred quantization."""
    for quantization in QUANTIZATIONS:
        yield from (name for name in names if quantization in name.lower())
    yield from names


def format_count(count: int) -> str:
    """Format a number of parameters: `494M`, `3.1B`."""
    if count < 10**9:
        return f"{max(1, round(count / 10**6))}M"
    return f"{count / 10**9:.1f}B".replace(".0B", "B")

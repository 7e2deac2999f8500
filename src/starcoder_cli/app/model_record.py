"""What is known about a model of the catalog, under the names that `--json` uses."""

from collections.abc import Mapping
from pathlib import Path

from starcoder_cli.app.fetch import locate
from starcoder_cli.catalog import ModelSpec, read_tuned
from starcoder_cli.models import licences
from starcoder_cli.models.store import ADAPTER_FOLDER, DATA_CARD_FILE, model_folder
from starcoder_cli.terminal.sanitize import to_one_line


def model_info(spec: ModelSpec, current: str) -> Mapping[str, object]:
    """What is known about a model."""
    return {
        "name": spec.name,
        "state": current,
        "summary": spec.summary,
        "parameters": spec.parameters,
        "size": spec.size,
        "window": spec.window,
        "fim": spec.fim,
        "chat": spec.chat,
        "licence": licence_name(spec),
        "gated": spec.gated,
        "engine": spec.engine,
        "source": source_of_model(spec),
        "path": str(locate(spec)) if current == "here" else "",
    }


def file_info(spec: ModelSpec, path: Path) -> Mapping[str, object]:
    """What a GGUF file or checkpoint folder says about itself, once checked."""
    if path.is_dir():
        from starcoder_cli.engines.load import validate_checkpoint

        checkpoint = validate_checkpoint(spec, path)
        return {
            "parameters": f"{checkpoint.parameters:,}",
            "size": sum(file.stat().st_size for file in checkpoint.files),
            "window": checkpoint.window,
            "architecture": checkpoint.architecture,
        }
    from starcoder_cli.weights.gguf import read_gguf_header
    from starcoder_cli.weights.gguf_types import tensor_types

    header = read_gguf_header(path)
    return {
        "size": path.stat().st_size,
        "window": header.window,
        "architecture": to_one_line(header.architecture, 80),
        "tensors": ", ".join(tensor_types(header.tensors)),
        "stated title": to_one_line(header.name, 80),
        "stated licence": to_one_line(header.licence, 80),
    }


def licence_info(spec: ModelSpec) -> Mapping[str, object]:
    """A model's licence: its address, terms, restrictions, duties and notice; empty if unknown."""
    licence = licences.find_licence(spec.licence, spec.repository)
    if licence is None:
        return {}
    return {
        "licence_url": licence.url,
        "terms": list(licence.terms),
        "restrictions": list(licence.restrictions),
        "duties": list(licence.duties),
        "notice": licence.notice,
    }


def tuned_info(spec: ModelSpec) -> Mapping[str, object]:
    """What a model was tuned from, when, and on what; empty for other models."""
    if not spec.base:
        return {}
    record, folder = read_tuned(spec.name), model_folder(spec)
    return {
        "base": spec.base,
        "tuned": record.get("date", ""),
        "trained_on": record.get("trained_on", ""),
        "data_card": str(folder / DATA_CARD_FILE),
        "adapter": str(folder / ADAPTER_FOLDER),
    }


def licence_name(spec: ModelSpec) -> str:
    """The name of a model's licence; empty if nobody knows."""
    licence = licences.find_licence(spec.licence, spec.repository)
    return licence.name if licence else spec.licence


def source_of_model(spec: ModelSpec) -> str:
    """Where a model comes from."""
    parts = (spec.repository, spec.file if spec.repository else "")
    return "/".join(part for part in parts if part)

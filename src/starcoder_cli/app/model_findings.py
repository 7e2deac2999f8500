"""What `starcoder doctor` says about models: the default one's state, and which others fit here."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from starcoder_cli.app.fetch import locate
from starcoder_cli.catalog import DEFAULT_MODEL, ModelSpec, find_model
from starcoder_cli.engines.transformers.architectures import SHAPES
from starcoder_cli.engines.transformers.placement import (
    REFERENCE_WINDOW,
    SMALLER_MODEL_HINT,
    Machine,
    plan_placement,
)
from starcoder_cli.errors import MachineError, StarcoderError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.models.pull import describe_download
from starcoder_cli.settings import config_file, environment_name, read_config

State: TypeAlias = Literal["ok", "no", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """What one check found: `no` is something that is missing, and need not be there.

    `subject` names the GPU or model it is about, if a check has several findings.
    """

    check: str
    state: State
    text: str
    remedy: str = ""
    subject: str = ""


def default_model_name() -> str:
    """The model of commands without `--model`: the variable's, the configuration file's, or ours.

    Raises ConfigError if the file cannot be read.
    """
    named = os.environ.get(environment_name("model")) or read_config(config_file()).get("model")
    return named if isinstance(named, str) and named else DEFAULT_MODEL


def default_model_finding() -> Finding:
    """Whether the model that commands use is here and sound, and which engine runs it."""
    subject = ""
    try:
        subject = default_model_name()
        spec = find_model(subject)
        path = locate(spec)
    except StarcoderError as error:
        return Finding("default", "fail", error.message, error.hint, subject)
    if spec.engine == "echo":
        return Finding("default", "ok", f"{subject} is built in", subject=subject)
    if path is None:
        remedy = f"the first command fetches it, and so does: starcoder models pull {subject}"
        text = (
            f"not installed: {describe_download(spec)}"
            if spec.repository
            else f"{subject}: no file"
        )
        return Finding("default", "no" if spec.repository else "fail", text, remedy, subject)
    return replace(engine_finding(spec, path), subject=subject)


def engine_finding(spec: ModelSpec, path: Path) -> Finding:
    """Which engine runs a model that is here, and how it was prepared."""
    from starcoder_cli.engines.openvino.prepared import find_prepared, is_outdated, is_unfit

    if spec.engine != "llamacpp":
        return checkpoint_finding(spec, path)
    pull = f"starcoder models pull {spec.name}"
    prepared = None if spec.is_local else find_prepared(path)
    if prepared is None:
        text = f"{spec.name} is here, and runs on llama.cpp"
        if spec.is_local:
            return Finding("default", "ok", text)
        if is_outdated(path):
            text += "; it was prepared for OpenVINO by an earlier version"
            return Finding("default", "warn", text, f"prepare it again: {pull}")
        if is_unfit(path):
            return Finding("default", "ok", f"{text}: it cannot be prepared for OpenVINO")
        remedy = f"OpenVINO reads faster, once it is prepared: {pull}"
        return Finding("default", "ok", f"{text}; not prepared for OpenVINO", remedy)
    return Finding("default", "ok", f"{spec.name} is here, prepared for OpenVINO, and runs there")


def checkpoint_finding(spec: ModelSpec, path: Path) -> Finding:
    """What runs a checkpoint that is here."""
    from starcoder_cli.engines.load import choose_graph_bits, validate_checkpoint

    try:
        bits = choose_graph_bits(spec, validate_checkpoint(spec, path), LoadOptions())
    except StarcoderError as error:
        return Finding("default", "fail", error.message, error.hint)
    engine = f"OpenVINO, in {bits} bit" if bits else "transformers"
    return Finding("default", "ok", f"{spec.name} is here, and runs on {engine}")


def fit_findings(machine: Machine) -> Iterator[Finding]:
    """Which StarCoder models fit here, and how; for those that do not, the largest that does."""
    found = [fit_finding(name, machine) for name in SHAPES]
    fits = [each.subject for each in found if each.state == "ok"]
    largest = max(
        fits, key=lambda name: SHAPES[name].model_size().parameters, default=DEFAULT_MODEL
    )
    for each in found:
        smaller = each.remedy == SMALLER_MODEL_HINT
        yield replace(each, remedy=f"{largest} fits here") if smaller else each


def fit_finding(name: str, machine: Machine) -> Finding:
    """Whether a StarCoder model fits here, and how."""
    from starcoder_cli.engines.openvino.graph_fit import choose_prepared_bits, describe_graph

    shape, loading, free = SHAPES[name], LoadOptions(), machine.free_memory
    size = shape.model_size()
    bits = choose_prepared_bits(shape.model_type, size.parameters, loading, free)
    if bits and not machine.accelerators:
        text = describe_graph(name, size.parameters, bits, free)
        return Finding("model", "ok", text, subject=name)
    try:
        text = plan_placement(name, size, REFERENCE_WINDOW, loading, machine).describe()
        return Finding("model", "ok", text, subject=name)
    except MachineError as error:
        return Finding("model", "no", error.message, error.hint, subject=name)

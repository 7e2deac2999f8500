"""What `starcoder doctor` checks: the packages, the machine, the folders, the hub, the models."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from starcoder_cli.app.model_findings import Finding, default_model_finding, fit_findings
from starcoder_cli.catalog import DEFAULT_MODEL, find_model
from starcoder_cli.engines.transformers.placement import Machine, gigabytes
from starcoder_cli.errors import MachineError, StarcoderError
from starcoder_cli.settings import models_dir
from starcoder_cli.system.foreign import ForeignError, foreign_errors

PACKAGES = ("torch", "transformers", "bitsandbytes", "xllamacpp")
GPU_PACKAGES = ("torch", "transformers", "bitsandbytes")

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 15)
"""The Pythons that this program runs on; the newest is for torch too, if it does not say."""

REACH_SECONDS = 5.0
"""How many seconds the hub may take to answer each question."""

LOW_BYTES = 10**9
"""Fewer free bytes than this, of memory or on a disk, are worth a warning."""


def all_findings() -> Iterator[Finding]:
    """Yield every finding as soon as it is known."""
    yield python_finding()
    yield from (package_finding(name) for name in PACKAGES)
    machine = find_machine()
    if machine:
        yield from gpu_findings(machine)
        yield memory_finding(machine)
    yield from folder_findings()
    yield sandbox_finding()
    reached = hub_finding()
    yield reached
    yield login_finding(reached.state == "ok")
    yield default_model_finding()
    if machine:
        yield from fit_findings(machine)


def python_finding(version: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """Which Python runs this, and whether this program and torch support it."""
    text = f"{sys.version.split()[0]} ({sys.executable})"
    newest = newest_python()
    if version < OLDEST_PYTHON:
        remedy = f"install Python {format_version(OLDEST_PYTHON)} or newer"
        return Finding("python", "fail", f"{text} is too old", remedy)
    if version > newest:
        remedy = f"install Python {format_version(newest)}"
        return Finding("python", "warn", f"{text} is newer than torch is built for", remedy)
    return Finding("python", "ok", text)


def newest_python() -> tuple[int, int]:
    """The newest Python that the installed torch says it supports, or NEWEST_PYTHON."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        lines = metadata("torch").get_all("Classifier") or []
    except PackageNotFoundError:
        return NEWEST_PYTHON
    found = (re.fullmatch(r"Programming Language :: Python :: 3\.(\d+)", line) for line in lines)
    return max(((3, int(match[1])) for match in found if match), default=NEWEST_PYTHON)


def format_version(version: tuple[int, int]) -> str:
    """Format as `3.11`."""
    return ".".join(map(str, version))


def package_finding(name: str) -> Finding:
    """Whether a package can be imported and is complete, and its version.

    A missing package that only checkpoints on a GPU need is not a fault.
    """
    from importlib import import_module
    from importlib.metadata import version
    from importlib.util import find_spec

    from starcoder_cli.engines.transformers.quantize import import_bitsandbytes

    reinstall = f"reinstall it: pip install --force-reinstall {name}"
    if name not in sys.modules and find_spec(name) is None:
        if name in GPU_PACKAGES:
            text = "not installed: only checkpoints on a GPU need it"
            return Finding(name, "no", text, f"pip install {name}")
        return Finding(name, "fail", "not installed", f"pip install {name}")
    try:
        with silence_output(), foreign_errors():
            if name == "bitsandbytes":
                import_bitsandbytes()
            module = import_module(name)
            found = Finding(name, "ok", version(name))
            built = f", {torch_build(module)}" if name == "torch" else ""
            whole = name != "bitsandbytes" or has_library(module)
    except ForeignError as error:  # a broken package may raise anything, and that is being checked
        text = f"cannot be imported: {type(error.cause).__name__}: {error}"
        return Finding(name, "fail", text, reinstall)
    if not whole:
        text = f"{found.text} has no native library that loads here: no 8 or 4 bit on a GPU"
        return replace(found, state="fail", text=text, remedy=library_remedy(module, reinstall))
    return replace(found, text=found.text + built)


def torch_build(torch: ModuleType) -> str:
    """What a build of torch computes on besides the CPU."""
    for title, version in (("CUDA", torch.version.cuda), ("ROCm", torch.version.hip)):
        if version:
            return f"built for {title} {version}"
    return "built without CUDA"


def has_library(bitsandbytes: ModuleType) -> bool:
    """Whether its native library is loaded: the placeholder for it fails only when called."""
    return "error_msg" not in vars(bitsandbytes.cextension.lib)


def library_remedy(bitsandbytes: ModuleType, reinstall: str) -> str:
    """What to do about the library: there may be none for the CUDA that torch was built for."""
    library = bitsandbytes.cextension.lib
    if "No compatible" in library.error_msg and library.available_versions:
        versions = ", ".join(library.available_versions)
        return f"install a build of torch for one of the versions that it has: {versions}"
    return reinstall


def find_machine() -> Machine | None:
    """What there is to compute with, or None if torch, which knows it, cannot be imported."""
    from starcoder_cli.engines.machine import detect_machine

    try:
        return detect_machine()
    except MachineError:
        return None


def gpu_findings(
    machine: Machine, driver: Path = Path("/proc/driver/nvidia/version")
) -> Iterator[Finding]:
    """The GPUs that torch sees; without one, models run on the CPU, which is not a fault."""
    for device in machine.accelerators:
        text = f"{device.title}, {gigabytes(device.free)} of {gigabytes(device.total)} free"
        bf16 = "" if device.has_bf16 else ", no bf16"
        yield Finding("gpu", "ok", f"{device.name}: {text}{bf16}", subject=device.name)
    if machine.accelerators:
        return
    if driver.exists():
        remedy = "install a build of torch for your driver: https://pytorch.org/get-started/locally"
        yield Finding("gpu", "warn", "there is an NVIDIA driver, but torch sees no GPU", remedy)
    else:
        yield Finding("gpu", "no", "none: models run on the processor")


def memory_finding(machine: Machine) -> Finding:
    """How much memory is free, and in what formats the CPU computes."""
    numbers = "bf16" if machine.has_bf16 else "fp32, and slowly in bf16"
    text = f"{gigabytes(machine.free_memory)} free; the processor computes in {numbers}"
    if machine.free_memory < LOW_BYTES:
        return Finding("memory", "warn", text, "close a program that uses a lot of memory")
    return Finding("memory", "ok", text)


def folder_findings() -> Iterator[Finding]:
    """The two places where models are kept."""
    from starcoder_cli.models.cache import cache_folder

    yield folder_finding("disk", models_dir(), "STARCODER_MODELS_DIR")
    yield folder_finding("cache", cache_folder(), "HF_HUB_CACHE")


def folder_finding(check: str, path: Path, variable: str) -> Finding:
    """Whether a folder can be written or created, and how much room there is."""
    import shutil

    place = path.absolute()
    there = next(each for each in (place, *place.parents) if os.access(each, os.F_OK))
    if not (there.is_dir() and os.access(there, os.W_OK)):
        return Finding(check, "fail", f"{path} cannot be written", f"set {variable} to a folder")
    free = shutil.disk_usage(there).free
    text = f"{gigabytes(free)} free in {path}"
    if free < LOW_BYTES:
        return Finding(check, "warn", text, f"free some, or set {variable} to another disk")
    return Finding(check, "ok", text)


def sandbox_finding() -> Finding:
    """Where programs written by a model run, and in which languages they can run here."""
    from starcoder_cli.sandbox import JUDGED_LANGUAGES, detect_sandbox, unsupported_reason

    try:
        text = str(detect_sandbox())
    except StarcoderError as error:
        return Finding("sandbox", "no", error.message, error.hint)
    judged = [name for name in JUDGED_LANGUAGES if not unsupported_reason(name)]
    return Finding("sandbox", "ok", f"{text}; programs in {', '.join(judged)}")


def hub_finding() -> Finding:
    """Whether the hub answers."""
    from starcoder_cli.models.hub import fetch_file_metadata, hub_host, silence_hub_library
    from starcoder_cli.models.pull import is_offline

    if is_offline():
        return Finding("hub", "no", "the environment forbids the network", "unset HF_HUB_OFFLINE")
    silence_hub_library()
    reason = call_hub(lambda: fetch_file_metadata(find_model(DEFAULT_MODEL)).url)[1]
    if reason:
        remedy = "check the network, the proxy and HF_ENDPOINT; installed models still work"
        return Finding("hub", "warn", f"{hub_host()}: {reason}", remedy)
    return Finding("hub", "ok", f"{hub_host()} answers")


def login_finding(reached: bool) -> Finding:
    """Whether there is a token, and whose it is; the token itself is never shown."""
    from starcoder_cli.models.cache import fetch_user_name, has_token

    if not has_token():
        remedy = "for models behind a licence, run `hf auth login` or set HF_TOKEN"
        return Finding("login", "no", "not logged in to the hub", remedy)
    if not reached:
        return Finding("login", "ok", "there is a token, which only the hub could check")
    name, reason = call_hub(fetch_user_name)
    if reason:
        remedy = "log in again with `hf auth login`, or unset HF_TOKEN"
        return Finding(
            "login", "fail", f"cannot learn from the hub whose token it is: {reason}", remedy
        )
    return Finding("login", "ok", f"logged in as {name}")


def call_hub(call: Callable[[], str]) -> tuple[str, str]:
    """The answer of a call over the network, and why there is none; one of them is empty."""
    from starcoder_cli.models.transfer import call_with_timeout

    try:
        return call_with_timeout(call, REACH_SECONDS), ""
    except StarcoderError as error:
        return "", error.message


@contextmanager
def silence_output() -> Iterator[None]:
    """Keep the warnings that a package prints on import off standard error."""
    import logging
    import warnings

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)

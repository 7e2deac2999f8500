"""What `starcoder doctor` looks at: the packages, the machine, the folders, the hub, the models."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeAlias

from starcoder_cli.catalog import DEFAULT, find
from starcoder_cli.engines.transformers.architectures import SHAPES
from starcoder_cli.engines.transformers.placement import ROOM, SMALLER, Machine, gigabytes, plan
from starcoder_cli.errors import MachineError, StarcoderError
from starcoder_cli.loading import Loading
from starcoder_cli.settings import models_dir

State: TypeAlias = Literal["ok", "no", "warn", "fail"]

PACKAGES = ("torch", "transformers", "bitsandbytes", "xllamacpp")

OLDEST, NEWEST = (3, 11), (3, 15)
"""The Pythons that this program runs on, and that torch is built for where it does not tell."""

REACH = 5.0
"""How many seconds the hub may take to answer each question."""

LITTLE = 10**9
"""Fewer free bytes than this, of memory or on a disk, are worth a warning."""


@dataclass(frozen=True)
class Finding:
    """What one check found: `no` is something that is not there, and need not be.

    `subject` names which GPU or model it is about, where a check has several findings.
    """

    check: str
    state: State
    text: str
    remedy: str = ""
    subject: str = ""


def findings() -> Iterator[Finding]:
    """Every finding, each as soon as it is known."""
    yield python()
    yield from (package(name) for name in PACKAGES)
    machine = hardware()
    if machine:
        yield from gpus(machine)
        yield memory(machine)
    yield from folders()
    yield sandbox()
    reached = hub()
    yield reached
    yield login(reached.state == "ok")
    if machine:
        yield from models(machine)


def python(version: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """Which Python runs this, and whether this program and torch are made for it."""
    text = f"{sys.version.split()[0]} ({sys.executable})"
    newest = newest_python()
    if version < OLDEST:
        remedy = f"install Python {dotted(OLDEST)} or newer"
        return Finding("python", "fail", f"{text} is too old", remedy)
    if version > newest:
        remedy = f"install Python {dotted(newest)}"
        return Finding("python", "warn", f"{text} is newer than torch is built for", remedy)
    return Finding("python", "ok", text)


def newest_python() -> tuple[int, int]:
    """The newest Python that the installed torch says it is for, or NEWEST."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        lines = metadata("torch").get_all("Classifier") or []
    except PackageNotFoundError:
        return NEWEST
    found = (re.fullmatch(r"Programming Language :: Python :: 3\.(\d+)", line) for line in lines)
    return max(((3, int(match[1])) for match in found if match), default=NEWEST)


def dotted(version: tuple[int, int]) -> str:
    """`3.11`."""
    return ".".join(map(str, version))


def package(name: str) -> Finding:
    """Whether a package can be imported and is whole, and its version."""
    from importlib import import_module
    from importlib.metadata import version

    from starcoder_cli.engines.transformers.quantize import import_bitsandbytes

    reinstall = f"reinstall it: pip install --force-reinstall {name}"
    try:
        with silence():
            if name == "bitsandbytes":
                import_bitsandbytes()
            module = import_module(name)
            found = Finding(name, "ok", version(name))
        if name == "torch":
            return replace(found, text=f"{found.text}, {build(module)}")
        if name == "bitsandbytes" and not has_library(module):
            text = f"{found.text} has no native library that loads here: no 8 or 4 bit on a GPU"
            return replace(found, state="fail", text=text, remedy=library_remedy(module, reinstall))
        return found
    except Exception as error:  # a broken package may raise anything, and that is what was asked
        text = f"cannot be imported: {type(error).__name__}: {error}"
        return Finding(name, "fail", text, reinstall)


def build(torch: ModuleType) -> str:
    """What a build of torch computes on besides the processor."""
    for title, version in (("CUDA", torch.version.cuda), ("ROCm", torch.version.hip)):
        if version:
            return f"built for {title} {version}"
    return "built without CUDA"


def has_library(bitsandbytes: ModuleType) -> bool:
    """Whether its native library is loaded: the stand-in for it fails only where it is called."""
    return "error_msg" not in vars(bitsandbytes.cextension.lib)


def library_remedy(bitsandbytes: ModuleType, reinstall: str) -> str:
    """What to do about the library: there may be none for the CUDA that torch was built for."""
    library = bitsandbytes.cextension.lib
    if "No compatible" in library.error_msg and library.available_versions:
        versions = ", ".join(library.available_versions)
        return f"install a build of torch for one of the versions that it has: {versions}"
    return reinstall


def hardware() -> Machine | None:
    """What there is to compute with; None where torch, which knows it, cannot be imported."""
    from starcoder_cli.engines.machine import machine

    try:
        return machine()
    except MachineError:
        return None


def gpus(machine: Machine, driver: Path = Path("/proc/driver/nvidia/version")) -> Iterator[Finding]:
    """The GPUs that torch sees; without one, models run on the processor, which is no fault."""
    for device in machine.devices:
        text = f"{device.title}, {gigabytes(device.free)} of {gigabytes(device.total)} free"
        bf16 = "" if device.bf16 else ", no bf16"
        yield Finding("gpu", "ok", f"{device.name}: {text}{bf16}", subject=device.name)
    if machine.devices:
        return
    if driver.exists():
        remedy = "install a build of torch for your driver: https://pytorch.org/get-started/locally"
        yield Finding("gpu", "warn", "there is an NVIDIA driver, but torch sees no GPU", remedy)
    else:
        yield Finding("gpu", "no", "none: models run on the processor")


def memory(machine: Machine) -> Finding:
    """How much memory is free, and in what the processor computes."""
    numbers = "bf16" if machine.bf16 else "fp32, and slowly in bf16"
    text = f"{gigabytes(machine.memory)} free; the processor computes in {numbers}"
    if machine.memory < LITTLE:
        return Finding("memory", "warn", text, "end a program that uses much")
    return Finding("memory", "ok", text)


def folders() -> Iterator[Finding]:
    """The two places where models are kept."""
    from starcoder_cli.models.cache import cache_folder

    yield folder("disk", models_dir(), "STARCODER_MODELS_DIR")
    yield folder("cache", cache_folder(), "HF_HUB_CACHE")


def folder(check: str, path: Path, variable: str) -> Finding:
    """Whether a folder can be written, or made, and how much room there is."""
    import shutil

    place = path.absolute()
    there = next(each for each in (place, *place.parents) if os.access(each, os.F_OK))
    if not (there.is_dir() and os.access(there, os.W_OK)):
        return Finding(check, "fail", f"{path} cannot be written", f"set {variable} to a folder")
    free = shutil.disk_usage(there).free
    text = f"{gigabytes(free)} free in {path}"
    if free < LITTLE:
        return Finding(check, "warn", text, f"free some, or set {variable} to another disk")
    return Finding(check, "ok", text)


def sandbox() -> Finding:
    """Where programs that a model wrote are run, and which languages that is known for here."""
    from starcoder_cli.sandbox import LANGUAGES, missing, rung

    try:
        text = str(rung())
    except StarcoderError as error:
        return Finding("sandbox", "no", error.message, error.hint)
    judged = [name for name in LANGUAGES if not missing(name)]
    return Finding("sandbox", "ok", f"{text}; programs in {', '.join(judged)}")


def hub() -> Finding:
    """Whether the hub answers."""
    from starcoder_cli.models.hub import host, look, quiet
    from starcoder_cli.models.pull import is_offline

    if is_offline():
        return Finding("hub", "no", "the environment forbids the network", "unset HF_HUB_OFFLINE")
    quiet()
    reason = attempt(lambda: look(find(DEFAULT)).url)[1]
    if reason:
        remedy = "check the network, the proxy and HF_ENDPOINT; models that are here still work"
        return Finding("hub", "warn", f"{host()}: {reason}", remedy)
    return Finding("hub", "ok", f"{host()} answers")


def login(reached: bool) -> Finding:
    """Whether there is a token, and whose it is; the token itself is shown nowhere."""
    from starcoder_cli.models.cache import has_token, user

    if not has_token():
        remedy = "for models behind a licence, run `hf auth login` or set HF_TOKEN"
        return Finding("login", "no", "not logged in to the hub", remedy)
    if not reached:
        return Finding("login", "ok", "there is a token, which only the hub could check")
    name, reason = attempt(user)
    if reason:
        remedy = "log in again with `hf auth login`, or unset HF_TOKEN"
        return Finding("login", "fail", f"the hub was asked whose the token is: {reason}", remedy)
    return Finding("login", "ok", f"logged in as {name}")


def models(machine: Machine) -> Iterator[Finding]:
    """Which StarCoder models fit here, and how; instead of others the largest that does."""
    found = [fitting(name, machine) for name in SHAPES]
    fits = [each.subject for each in found if each.state == "ok"]
    largest = max(fits, key=lambda name: SHAPES[name].size().parameters, default=DEFAULT)
    for each in found:
        smaller = each.remedy == SMALLER
        yield replace(each, remedy=f"{largest} fits here") if smaller else each


def fitting(name: str, machine: Machine) -> Finding:
    """Whether a StarCoder model fits here, and how."""
    try:
        text = plan(name, SHAPES[name].size(), ROOM, Loading(), machine).text()
        return Finding("model", "ok", text, subject=name)
    except MachineError as error:
        return Finding("model", "no", error.message, error.hint, subject=name)


def attempt(call: Callable[[], str]) -> tuple[str, str]:
    """What a call over the network answers, and why it did not; one of them is empty."""
    from starcoder_cli.models.transfer import bounded

    try:
        return bounded(call, REACH), ""
    except StarcoderError as error:
        return "", error.message


@contextmanager
def silence() -> Iterator[None]:
    """Keeps what a package warns of at its import off standard error."""
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

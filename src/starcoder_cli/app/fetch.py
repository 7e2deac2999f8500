"""The file of a model that a command needs: the one that is here, or else pulled."""

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.app import licence_prompt
from starcoder_cli.app.progress import count_progress, no_progress, transfer_progress
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError, MachineError, StarcoderError
from starcoder_cli.loading import ENGINE_TITLES, LoadOptions
from starcoder_cli.models.transfer import Progress, run_in_background
from starcoder_cli.settings import QuantizeChoice
from starcoder_cli.terminal.output import Messages, write_message
from starcoder_cli.terminal.sanitize import to_one_line

if TYPE_CHECKING:
    from starcoder_cli.engines.openvino.prepared import Prepared


def fetch(spec: ModelSpec, messages: Messages, before: Callable[[], None], offline: bool) -> Path:
    """Return the model's file or checkpoint folder; a line says where it comes from.

    `before` is called before anything is fetched. A model that is here is used, after a note
    if its licence was never accepted. Raises RefusedError for one that would be fetched but
    whose licence must be accepted first, and what a pull raises.
    """
    from starcoder_cli.models import consent, store

    path, licence = store.locate_model(spec), consent.find_unaccepted_licence(spec)
    if path:
        if licence:
            licence_prompt.remind_of_licence(spec, licence, messages)
        return path

    if needs_download(spec, offline):
        if licence:
            raise licence_prompt.unaccepted_error(
                spec, licence, f"run: starcoder models pull {spec.name}"
            )
        before()
    return pull_missing(spec, offline)


Prepare: TypeAlias = Callable[[ModelSpec, Path, Progress], "Prepared"]


MAX_BYTES_AT_ONCE = 1200 << 20
"""A larger file takes longer to prepare than a first command should have to wait."""


def prepare_at_once(spec: ModelSpec, path: Path, messages: Messages, loading: LoadOptions) -> None:
    """Prepare a model on first use, if that is quick or necessary, and only try it once.

    It applies to a small GGUF file, even one prepared by another version, and to a checkpoint that
    only fits in memory when prepared. A note says how to prepare an outdated large file again.
    """
    from starcoder_cli.engines.openvino.prepared import find_prepared, is_outdated, is_unfit

    if spec.engine == "huggingface":
        if is_to_be_prepared(spec, path, loading):
            prepare_pulled(spec, path, quantize=loading.quantize, quiet=messages.quiet)
        return
    if spec.is_local or spec.engine != "llamacpp" or find_prepared(path) or is_unfit(path):
        return
    if path.stat().st_size <= MAX_BYTES_AT_ONCE and os.access(path.parent, os.W_OK):
        prepare_pulled(spec, path, quiet=messages.quiet)
    elif is_outdated(path):
        pull = f"`starcoder models pull {spec.name}` prepares it again"
        messages.note(f"{spec.name} was prepared by an earlier version and runs slower: {pull}")


def is_to_be_prepared(spec: ModelSpec, path: Path, loading: LoadOptions) -> bool:
    """Whether a checkpoint must be prepared; what is wrong with it is reported on loading."""
    from starcoder_cli.engines.load import has_to_be_prepared
    from starcoder_cli.weights.checkpoint import inspect_checkpoint

    with suppress(StarcoderError):
        return has_to_be_prepared(spec, inspect_checkpoint(path), loading)
    return False


def prepare_pulled(
    spec: ModelSpec,
    path: Path,
    prepare: Prepare | None = None,
    quantize: QuantizeChoice = "auto",
    *,
    quiet: bool = False,
) -> None:
    """Prepare a pulled model for OpenVINO; if that fails, say so and leave it.

    A GGUF file always is, a checkpoint in the requested number of bits if it is to run on the CPU
    and has a graph. A bar shows the steps that are done. Ctrl-C ends it at once: the work is done
    in another thread, since native code does not let the signal through in its own.
    """
    if spec.is_local or spec.engine not in ("llamacpp", "huggingface"):
        return
    try:
        if is_prepared(spec, path, quantize):
            return
    except StarcoderError:  # problems with its files are reported when they are loaded
        return
    from starcoder_cli.engines.openvino.prepare import discard_staging, prepare_model
    from starcoder_cli.engines.openvino.prepare_checkpoint import prepare_checkpoint
    from starcoder_cli.engines.openvino.prepared import mark_unfit
    from starcoder_cli.models.store import model_folder

    is_file, name = spec.engine == "llamacpp", to_one_line(spec.name)
    prepare = prepare or (
        prepare_model if is_file else partial(prepare_checkpoint, quantize=quantize)
    )
    other_way = ENGINE_TITLES["llamacpp"] if is_file else "weights that each start quantizes"
    if not quiet:
        write_message(f"preparing {name} for OpenVINO, once")
    try:
        with nullcontext(no_progress) if quiet else count_progress("steps") as report:
            run_in_background(partial(prepare, spec, path, report)).result()
    except KeyboardInterrupt:
        pull = f"`starcoder models pull {name}` prepares it for OpenVINO"
        write_message(f"note: {name} is usable, with {other_way}; {pull}")
        discard_staging(model_folder(spec))
        raise
    except StarcoderError as error:
        if is_file and isinstance(error, DataError | MachineError):
            mark_unfit(path)
        if not quiet:
            write_message(f"note: it stays with {other_way}: {to_one_line(error.message)}")


def is_prepared(spec: ModelSpec, path: Path, quantize: QuantizeChoice = "auto") -> bool:
    """Whether a pulled model is prepared as requested, or need not be."""
    if spec.engine == "llamacpp":
        return locate_prepared(spec, path) is not None
    from starcoder_cli.engines.openvino.prepare_checkpoint import find_wanted, is_for_processor
    from starcoder_cli.weights.checkpoint import inspect_checkpoint

    is_wanted = quantize != "none" and find_wanted(spec, inspect_checkpoint(path), quantize) is None
    return not is_wanted or not is_for_processor(path)


def locate_prepared(spec: ModelSpec, path: Path) -> "Prepared | None":
    """The prepared form of a model that is here, or None if it was not prepared."""
    from starcoder_cli.engines.openvino.prepared import find_prepared, find_prepared_checkpoint
    from starcoder_cli.weights.checkpoint import inspect_checkpoint

    if spec.engine == "llamacpp":
        return find_prepared(path)
    return find_prepared_checkpoint(spec, inspect_checkpoint(path))


def preparation_info(spec: ModelSpec, path: Path) -> Mapping[str, object]:
    """The size of a model's prepared form, in bytes."""
    try:
        prepared = None if spec.is_local else locate_prepared(spec, path)
    except StarcoderError:
        prepared = None
    return {} if prepared is None else {"prepared": sum(prepared.files.values())}


def pull_missing(spec: ModelSpec, offline: bool = False) -> Path:
    """Return the verified file or checkpoint folder, fetching it after a line that says from where.

    A bar shows bytes, rate and time left, at a terminal only. Raises what `fetch_model` raises.
    """
    from starcoder_cli.models.pull import describe_download, fetch_model

    with transfer_progress(to_one_line(spec.name, 40)) as progress:
        return fetch_model(
            spec,
            progress,
            offline,
            lambda: write_message(f"getting {to_one_line(describe_download(spec))}"),
        )


def needs_download(spec: ModelSpec, offline: bool) -> bool:
    """Whether a pull would use the network, because a model is missing or damaged."""
    from starcoder_cli.models.pull import is_offline

    return bool(
        spec.repository and model_state(spec) != "here" and not offline and not is_offline()
    )


def locate(spec: ModelSpec) -> Path | None:
    """The verified file or checkpoint folder of a model, or None if it is not here."""
    from starcoder_cli.models.store import locate_model as located

    return located(spec)


def model_state(spec: ModelSpec) -> str:
    """`here`, `damaged`, `built in`, `licence` if one must be accepted first, or `absent`."""
    if spec.engine == "echo":
        return "built in"
    try:
        if locate(spec):
            return "here"
    except DataError:
        return "damaged"
    from starcoder_cli.models.consent import find_unaccepted_licence

    return "licence" if find_unaccepted_licence(spec) else "absent"

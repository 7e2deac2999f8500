"""The file of a model that a command needs: the one that is here, or pulled once."""

from collections.abc import Callable, Mapping
from pathlib import Path

from starcoder_cli.app import licence_prompt
from starcoder_cli.app.progress import counting, transferring
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError, StarcoderError
from starcoder_cli.loading import TITLES
from starcoder_cli.terminal.output import Messages, say
from starcoder_cli.terminal.sanitize import one_line


def fetch(
    spec: ModelSpec, messages: Messages, before: Callable[[], None], offline: bool
) -> Path | None:
    """The model's file or checkpoint folder, after one line that says where it comes from.

    None for a model that has no file. `before` is called before anything is fetched. A model that
    is here is used, after one note where its licence was never accepted. Raises RefusedError for
    one that would be fetched, but whose licence has to be accepted first, and what a pull raises.
    """
    if spec.engine == "echo":
        return None
    from starcoder_cli.models import consent, store

    path, licence = store.locate(spec), consent.unaccepted(spec)
    if path:
        if licence:
            licence_prompt.remind(spec, licence, messages)
        return path

    if is_missing(spec, offline):
        if licence:
            raise licence_prompt.unaccepted(
                spec, licence, f"run: starcoder models pull {spec.name}"
            )
        before()
    return obtain(spec, offline)


def prepare(spec: ModelSpec, path: Path) -> None:
    """Prepare a pulled GGUF file for OpenVINO; where that does not work, say so and leave it.

    A bar shows how many of its steps are done.
    """
    if spec.engine != "llamacpp" or spec.local:
        return
    from starcoder_cli.engines.openvino import prepare
    from starcoder_cli.engines.openvino.prepared import find

    if find(path):
        return
    say(f"preparing {one_line(spec.name)} for OpenVINO, once")
    try:
        with counting("steps") as report:
            prepared = prepare.prepare(spec, path, report)
    except StarcoderError as error:
        say(f"note: it stays with llama.cpp: {one_line(error.message)}")
        return
    for name, pace in prepared.paces.items():
        rates = f"reads {pace.read:.0f} and writes {pace.write:.0f} tokens a second"
        say(f"{TITLES[name]}: loads in {pace.load:.1f} s, {rates}")


def known(path: Path) -> Mapping[str, object]:
    """How many bytes a GGUF file was prepared in, and what both engines were measured to do."""
    from starcoder_cli.engines.openvino.prepared import find

    prepared = find(path)
    if prepared is None:
        return {}
    told = [
        f"{TITLES[name]}: loads in {pace.load:.1f} s, first prompt {pace.warm_up:.1f} s more, "
        f"reads {pace.read:.0f}, writes {pace.write:.0f} tokens/s"
        for name, pace in prepared.paces.items()
    ]
    return {"prepared": sum(prepared.files.values()), "engines": told}


def obtain(spec: ModelSpec, offline: bool = False) -> Path:
    """The model's file or checkpoint folder, verified; fetched after a line that says from where.

    A bar shows bytes, rate and time left, at a terminal only. Raises what `pull` raises.
    """
    from starcoder_cli.models.pull import describe, pull

    with transferring(one_line(spec.name, 40)) as progress:
        return pull(spec, progress, offline, lambda: say(f"getting {one_line(describe(spec))}"))


def is_missing(spec: ModelSpec, offline: bool) -> bool:
    """Whether a pull would use the network: for a model that is not here, or not sound."""
    from starcoder_cli.models.pull import is_offline

    return bool(spec.repository and state(spec) != "here" and not offline and not is_offline())


def locate(spec: ModelSpec) -> Path | None:
    """The verified file or checkpoint folder of a model; None where it is not here."""
    from starcoder_cli.models.store import locate as located

    return located(spec)


def state(spec: ModelSpec) -> str:
    """`here`, `damaged`, `built in`, `licence` where one has to be accepted first, or `absent`."""
    if spec.engine == "echo":
        return "built in"
    try:
        if locate(spec):
            return "here"
    except DataError:
        return "damaged"
    from starcoder_cli.models.consent import unaccepted

    return "licence" if unaccepted(spec) else "absent"

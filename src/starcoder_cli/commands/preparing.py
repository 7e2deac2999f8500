"""What happens to a GGUF file after it was pulled: it is brought into OpenVINO's form, once."""

from collections.abc import Mapping
from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.commands.progress import counting
from starcoder_cli.errors import DataError, MachineError, WriteError
from starcoder_cli.output import say
from starcoder_cli.sanitize import one_line

NAMES = {"llamacpp": "llama.cpp", "openvino": "OpenVINO"}


def prepare(spec: ModelSpec, path: Path) -> None:
    """Prepare a pulled GGUF file for OpenVINO; where that does not work, say so and leave it.

    A bar shows how many of its steps are done.
    """
    if spec.engine != "llamacpp" or spec.local:
        return
    from starcoder_cli.backends import preparation

    if preparation.find(path):
        return
    say(f"preparing {one_line(spec.name)} for OpenVINO, once")
    try:
        with counting("steps") as report:
            form = preparation.prepare(spec, path, report)
    except (DataError, MachineError, WriteError) as error:
        say(f"note: it stays with llama.cpp: {one_line(error.message)}")
        return
    for name, pace in form.paces.items():
        rates = f"reads {pace.read:.0f} and writes {pace.write:.0f} tokens a second"
        say(f"{NAMES[name]}: loads in {pace.load:.1f} s, {rates}")


def forms(path: Path) -> Mapping[str, object]:
    """How large the prepared form of a model is, and what it was measured to do."""
    from starcoder_cli.backends.preparation import find

    form = find(path)
    if form is None:
        return {}
    told = [
        f"{NAMES[name]}: loads in {pace.load:.1f} s, first prompt {pace.warm_up:.1f} s more, "
        f"reads {pace.read:.0f}, writes {pace.write:.0f} tokens/s"
        for name, pace in form.paces.items()
    ]
    return {"prepared": form.size, "engines": told}

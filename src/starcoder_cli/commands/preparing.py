"""What happens to a GGUF file after it was pulled: it is brought into OpenVINO's form, once."""

from collections.abc import Mapping
from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.commands.progress import counting
from starcoder_cli.engines import TITLES
from starcoder_cli.errors import StarcoderError
from starcoder_cli.output import say
from starcoder_cli.sanitize import one_line


def prepare(spec: ModelSpec, path: Path) -> None:
    """Prepare a pulled GGUF file for OpenVINO; where that does not work, say so and leave it.

    A bar shows how many of its steps are done.
    """
    if spec.engine != "llamacpp" or spec.local:
        return
    from starcoder_cli.backends import preparation
    from starcoder_cli.backends.prepared import find

    if find(path):
        return
    say(f"preparing {one_line(spec.name)} for OpenVINO, once")
    try:
        with counting("steps") as report:
            prepared = preparation.prepare(spec, path, report)
    except StarcoderError as error:
        say(f"note: it stays with llama.cpp: {one_line(error.message)}")
        return
    for name, pace in prepared.paces.items():
        rates = f"reads {pace.read:.0f} and writes {pace.write:.0f} tokens a second"
        say(f"{TITLES[name]}: loads in {pace.load:.1f} s, {rates}")


def known(path: Path) -> Mapping[str, object]:
    """How many bytes a GGUF file was prepared in, and what both engines were measured to do."""
    from starcoder_cli.backends.prepared import find

    prepared = find(path)
    if prepared is None:
        return {}
    told = [
        f"{TITLES[name]}: loads in {pace.load:.1f} s, first prompt {pace.warm_up:.1f} s more, "
        f"reads {pace.read:.0f}, writes {pace.write:.0f} tokens/s"
        for name, pace in prepared.paces.items()
    ]
    return {"prepared": sum(prepared.files.values()), "engines": told}

"""A model for a command: fetched where it is not here, held by the server where there is one."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from starcoder_cli.backends import foresee, open_model
from starcoder_cli.backends.prepared import outdated
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.commands.fetch import fetch
from starcoder_cli.commands.request import Request
from starcoder_cli.engines import Work
from starcoder_cli.errors import UnavailableError, UsageError
from starcoder_cli.model import Model
from starcoder_cli.output import Messages, is_terminal
from starcoder_cli.warm import find

STAYS = (
    "a server keeps the model loaded for the next command: `starcoder stop` ends it, "
    "--no-server does without"
)


@contextmanager
def opened(
    spec: ModelSpec, room: int, request: Request, messages: Messages, work: Work
) -> Iterator[Model]:
    """A model, fetched where it is not here, loaded with room for so many tokens in each slot.

    A model at an endpoint is neither.
    """
    if request.reached:
        from starcoder_cli.backends.endpoint import EndpointModel

        with closing(EndpointModel(request.reached, messages.note)) as remote:
            yield remote
        return
    if spec.engine == "llamacpp" and request.loading.adapter:
        raise UsageError(
            f"{spec.name} is a GGUF file, to which --adapter adds nothing",
            "choose the checkpoint that the adapter was made for, or leave --adapter away",
        )
    if spec.engine == "huggingface" and request.loading.engine in ("llamacpp", "openvino"):
        messages.note(f"{spec.name} is a checkpoint: --engine does not touch it")
    if spec.engine == "llamacpp" and request.loading.engine == "huggingface":
        messages.note(f"{spec.name} is a GGUF file, which huggingface does not run")
    if spec.engine == "llamacpp" and request.loading.asked():
        messages.note(f"{spec.name} is a GGUF file: --quantize, --device, --dtype do not touch it")
    path = fetch(spec, messages, lambda: foresee(spec, room, request.loading), request.offline)
    if path and not spec.local and request.loading.engine == "auto" and outdated(path):
        pull = f"`starcoder models pull {spec.name}` prepares it anew"
        messages.note(f"{spec.name} was prepared by an earlier version and runs slower: {pull}")
    with messages.doing(f"loading {spec.name} …") as notes:
        model = served(spec, path, room, request, notes, work) or open_model(
            spec, path, room, request.loading, notes.detail, work
        )
    with closing(model):
        yield model


def served(
    spec: ModelSpec,
    path: Path | None,
    room: int,
    request: Request,
    messages: Messages,
    work: Work,
) -> Model | None:
    """The model, held by this user's server; None where this process is to load it itself.

    A server that runs is used. One is started at a terminal, or where a keep-alive was asked for.
    Raises RefusedError where the place of the server is not safe, and what loading raises.
    """
    if path is None or request.keep_alive == 0 or work.slots > 1:
        return None
    starts = request.keep_alive is not None or attended()
    if not starts and not find():
        return None
    from starcoder_cli.backends.remote import RemoteModel, connect
    from starcoder_cli.wire import Opening

    adapter = request.loading.adapter
    loading = replace(request.loading, adapter=adapter and str(Path(adapter).absolute()))
    opening = Opening(
        model=str(path.absolute()) if spec.local else spec.name,
        path=str(path.absolute()),
        room=room,
        work=work,
        loading=loading,
        keep_alive=request.keep_alive,
    )
    reach = partial(connect, starts, lambda: messages.note(STAYS))
    try:
        endpoint = reach()
    except UnavailableError as error:
        messages.note(f"{error.message}: {spec.name} is loaded without it")
        return None
    if endpoint is None:
        return None
    model = RemoteModel(endpoint, opening, reach)
    for line in model.told:
        messages.detail(line)
    return model


def attended() -> bool:
    """Whether somebody is at a terminal, who may soon run another command."""
    return is_terminal(sys.stderr) and not os.environ.get("CI")

"""A model for a command: fetched where it is not here, held by the server where there is one."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from starcoder_cli.app.fetch import fetch
from starcoder_cli.app.request import Remote, Request
from starcoder_cli.catalog import DEFAULT, ModelSpec
from starcoder_cli.engines.load import foresee, open_model
from starcoder_cli.engines.openvino.prepared import outdated
from starcoder_cli.errors import UnavailableError, UsageError
from starcoder_cli.loading import Work
from starcoder_cli.model import Model
from starcoder_cli.net.daemon import find
from starcoder_cli.settings import config_file, read_config
from starcoder_cli.terminal.output import Messages, is_terminal


def reached(request: Request, messages: Messages) -> Request:
    """The request with what its endpoint says of itself; the same one where it has none.

    Raises UsageError where the network is not to be used, or for what is no endpoint, and what
    reaching it raises.
    """
    if not request.remote.endpoint or request.reached:
        return request
    from starcoder_cli.engines.endpoint.model import reach
    from starcoder_cli.net.endpoints import Endpoint, key_of, profile_of

    profile = profile_of(request.remote.endpoint)
    told = Remote(profile.url, request.remote.fim or profile.fim)
    file = profile.api_key_file or request.remote.key_file  # no other's key goes to an endpoint
    endpoint = Endpoint.parse(told.endpoint, key_of(file))
    if request.offline and not endpoint.loopback:
        raise UsageError(
            f"--offline excludes an endpoint at {endpoint.host}", "leave one of the two away"
        )
    untouched = ", ".join(unused(request))
    if untouched:
        messages.note(f"the model is at {endpoint.host}, where nothing comes of: {untouched}")
    ours = request.model in for_this_machine()
    named = profile.model if ours else request.model
    with messages.doing(f"asking {endpoint.host} …") as notes:
        found = reach(endpoint, named, request.model, told.fim, notes.note)
    messages.detail(f"{found.spec.name} at {endpoint.host}: a window of {found.spec.window} tokens")
    return replace(request, reached=found)


def for_this_machine() -> set[str]:
    """The models that are meant where no flag and no variable names one: for here, not there."""
    settings = read_config(config_file())
    tables = [settings, *(table for table in settings.values() if isinstance(table, dict))]
    named = [table.get("model") for table in tables]
    return {DEFAULT, *(name for name in named if isinstance(name, str))}


def unused(request: Request) -> Iterator[str]:
    """The flags that say how a model is loaded."""
    yield from request.loading.asked()
    if request.loading.adapter:
        yield "--adapter"
    if request.loading.engine != "auto":
        yield "--engine"
    if request.keep_alive:
        yield "--keep-alive"


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
        from starcoder_cli.engines.endpoint.model import EndpointModel

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
    from starcoder_cli.engines.server_model import RemoteModel, connect
    from starcoder_cli.wire.local_protocol import Opening

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

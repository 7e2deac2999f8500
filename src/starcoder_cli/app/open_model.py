"""Opens a model for a command: fetches it if it is missing, and uses the server if there is one."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from starcoder_cli.app.fetch import fetch, prepare_at_once
from starcoder_cli.app.request import EndpointOptions, Request
from starcoder_cli.catalog import DEFAULT_MODEL, ModelSpec
from starcoder_cli.engines.load import check_can_load, load_model
from starcoder_cli.errors import UnavailableError, UsageError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Model
from starcoder_cli.net.daemon import PROBE_SECONDS, find_socket
from starcoder_cli.settings import config_file, read_config
from starcoder_cli.terminal.output import Messages, is_terminal


def resolve_endpoint(request: Request, messages: Messages) -> Request:
    """The request with what its endpoint says about itself; unchanged if it has none.

    Raises UsageError if the network may not be used or the address is not an endpoint, and what
    reaching it raises.
    """
    if not request.endpoint.endpoint or request.resolved_endpoint:
        return request
    from starcoder_cli.engines.endpoint.model import probe_endpoint
    from starcoder_cli.net.endpoints import EndpointAddress, find_profile, read_api_key

    profile = find_profile(request.endpoint.endpoint)
    options = EndpointOptions(profile.url, request.endpoint.fim or profile.fim)
    file = profile.api_key_file or request.endpoint.key_file  # no other's key goes to an endpoint
    endpoint = EndpointAddress.parse(options.endpoint, read_api_key(file))
    if request.offline and not endpoint.is_loopback:
        raise UsageError(
            f"--offline does not allow the endpoint {endpoint.host}", "omit one of the two"
        )
    unused = list(unused_flags(request))
    if unused:
        effect = "this option has" if len(unused) == 1 else "these options have"
        messages.note(
            f"the model runs at {endpoint.host}, where {effect} no effect: {', '.join(unused)}"
        )
    ours = request.model in models_for_this_machine()
    named = profile.model if ours else request.model
    with messages.show_progress(f"asking {endpoint.host} …") as notes:
        resolved = probe_endpoint(endpoint, named, request.model, options.fim, notes.note)
    messages.detail(
        f"{resolved.spec.name} at {endpoint.host}: a window of {resolved.spec.window} tokens"
    )
    return replace(request, resolved_endpoint=resolved)


def models_for_this_machine() -> set[str]:
    """The models used if no flag and no variable names one: for here, not for an endpoint."""
    settings = read_config(config_file())
    tables = [settings, *(table for table in settings.values() if isinstance(table, dict))]
    named = [table.get("model") for table in tables]
    return {DEFAULT_MODEL, *(name for name in named if isinstance(name, str))}


def unused_flags(request: Request) -> Iterator[str]:
    """The flags in a request that an endpoint has no use for."""
    yield from request.loading.restricting_flags()
    if request.loading.adapter:
        yield "--adapter"
    if request.loading.engine != "auto":
        yield "--engine"
    if request.keep_alive:
        yield "--keep-alive"


SERVER_NOTE = (
    "a server keeps the model loaded for the next command: `starcoder stop` ends it, "
    "--no-server does without"
)


@contextmanager
def open_model(
    request: Request,
    window: int,
    messages: Messages,
    slots: int = 1,
    *,
    server_only: bool = False,
) -> Iterator[Model]:
    """Open the model of a request, fetched if it is missing, with a `window` of tokens per slot.

    Up to `slots` answers are made at a time. A model at an endpoint is neither fetched nor loaded.
    With `server_only` this process loads no file: that raises UnavailableError if there is no
    server.
    """
    if request.resolved_endpoint:
        from starcoder_cli.engines.endpoint.model import EndpointModel

        with closing(EndpointModel(request.resolved_endpoint, messages.note)) as remote:
            yield remote
        return
    spec = request.spec
    is_gguf, with_adapter = spec.engine == "llamacpp", bool(request.loading.adapter)
    if is_gguf and with_adapter and request.loading.engine == "openvino":
        raise UsageError(
            f"{spec.name} is a GGUF file, to which only llama.cpp adds an adapter",
            "omit --engine",
        )
    is_checkpoint = spec.engine == "huggingface" and not spec.base
    if is_checkpoint and request.loading.engine in ("llamacpp", "openvino"):
        messages.note(f"{spec.name} is a checkpoint: --engine has no effect on it")
    if spec.engine == "llamacpp" and request.loading.engine == "huggingface":
        messages.note(f"{spec.name} is a GGUF file, which huggingface does not run")
    if spec.engine == "llamacpp" and request.loading.restricting_flags():
        messages.note(f"{spec.name} is a GGUF file: --quantize, --device, --dtype do not touch it")
    path = None
    if spec.has_file:
        before_fetch = partial(check_before_fetch, spec, window, request.loading, messages)
        path = fetch(spec, messages, before_fetch, request.offline)
    prepares = request.loading.engine != "llamacpp" and not (is_gguf and with_adapter)
    if path and prepares and not server_only:
        prepare_at_once(spec, path, messages, request.loading)
    with messages.show_progress(f"loading {spec.name} …") as notes:
        held = None if slots > 1 else open_on_server(path, window, request, notes)
        if server_only and path and not held:
            raise UnavailableError(f"no server holds {spec.name}", "see: starcoder ps")
        model = held or load_model(spec, path, window, request.loading, notes.detail, slots)
    with closing(model):
        yield model


def check_before_fetch(
    spec: ModelSpec, window: int, loading: LoadOptions, messages: Messages
) -> None:
    """Raise what `check_can_load` raises; a note says how fast the default model is here."""
    check_can_load(spec, window, loading)
    if spec.name == DEFAULT_MODEL:
        from starcoder_cli.app.recommend import describe_choice
        from starcoder_cli.engines.machine import find_machine

        messages.note(describe_choice(find_machine()))


def open_on_server(
    path: Path | None,
    window: int,
    request: Request,
    messages: Messages,
    seconds: float = PROBE_SECONDS,
) -> Model | None:
    """The model, held by this user's server, or None if this process should load it itself.

    A running server is used if it answers within `seconds`. One is started at a terminal, or if
    a keep-alive was asked for.
    Raises RefusedError if the server's location is not safe, and what loading raises.
    """
    if path is None or request.keep_alive == 0:
        return None
    starts = request.keep_alive is not None or is_attended()
    if not starts and not find_socket():
        return None
    spec = request.spec
    from starcoder_cli.engines.server_model import LocalServerModel, connect_to_server
    from starcoder_cli.wire.local_protocol import LoadRequest

    adapter = request.loading.adapter
    loading = replace(request.loading, adapter=adapter and str(Path(adapter).absolute()))
    opening = LoadRequest(
        model=str(path.absolute()) if spec.is_local else spec.name,
        path=str(path.absolute()),
        room=window,
        loading=loading,
        keep_alive=request.keep_alive,
    )
    reach = partial(connect_to_server, starts, lambda: messages.note(SERVER_NOTE), seconds)
    try:
        endpoint = reach()
    except UnavailableError as error:
        messages.note(f"{error.message}: {spec.name} is loaded without it")
        return None
    if endpoint is None:
        return None
    model = LocalServerModel(endpoint, opening, reach)
    for line in model.load_messages:
        messages.detail(line)
    return model


def is_attended() -> bool:
    """Whether somebody is at a terminal, who may soon run another command."""
    return is_terminal(sys.stderr) and not os.environ.get("CI")

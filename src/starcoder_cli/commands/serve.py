"""`starcoder serve`: the server in the foreground, or as another command starts it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.commands.options import (
    MODEL_PANEL,
    Adapter,
    Device,
    DtypeOption,
    EngineOption,
    Offline,
    QuantizeOption,
    Verbose,
)
from starcoder_cli.errors import BusyError, MachineError, StarcoderError, UsageError
from starcoder_cli.net.daemon import BUSY_MESSAGE, READY_MESSAGE, prepare_server_folder
from starcoder_cli.net.sockets import HAS_UNIX_SOCKETS
from starcoder_cli.settings import environment_name
from starcoder_cli.terminal.output import Messages, write_message

if TYPE_CHECKING:
    from starcoder_cli.loading import LoadOptions
    from starcoder_cli.server.access import Address
    from starcoder_cli.server.offers import ModelOffer

HTTP_WINDOW = 8192
"""Tokens that an HTTP API client's prompt and answer share, if the model allows."""

HTTP_PANEL = "HTTP API"

AddressArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="HOST:PORT",
        help="Where --http listens; port 0 is any that is free.",
        show_default="127.0.0.1:8765",
    ),
]
Http = Annotated[
    bool,
    typer.Option(
        "--http",
        help="Also serve an HTTP API, with routes of OpenAI, llama.cpp, Mistral and Text "
        "Generation Inference.",
        rich_help_panel=HTTP_PANEL,
    ),
]
ServedModels = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        envvar=environment_name("model"),
        metavar="NAME",
        help="A model that --http serves, named as for other commands; may be given several times.",
        show_default=DEFAULT_MODEL,
        rich_help_panel=MODEL_PANEL,
    ),
]
AllowedHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allowed-host",
        metavar="NAME[:PORT]",
        help="Another host name that clients may use for the server; may be given several times.",
        rich_help_panel=HTTP_PANEL,
    ),
]
ServerKeyFile = Annotated[
    str | None,
    typer.Option(
        "--api-key-file",
        envvar=environment_name("api_key_file"),
        metavar="FILE",
        help="The key that clients need, in a file that only you can read.",
        show_default="STARCODER_API_KEY, else a new one",
        rich_help_panel=HTTP_PANEL,
    ),
]
Ready = Annotated[
    int | None,
    typer.Option("--ready", hidden=True, help="A descriptor to write to when the socket listens."),
]


def serve(
    address: AddressArgument = None,
    http: Http = False,
    allowed_host: AllowedHost = None,
    api_key_file: ServerKeyFile = None,
    model: ServedModels = None,
    offline: Offline = False,
    engine: EngineOption = "auto",
    quantize: QuantizeOption = "auto",
    device: Device = "auto",
    dtype: DtypeOption = "auto",
    adapter: Adapter = "",
    verbose: Verbose = False,
    ready: Ready = None,
) -> None:
    """Run, in the foreground, the server that keeps models loaded for other commands.

    Other commands find this server by themselves; each model is unloaded when its --keep-alive
    expires. At a terminal they start such a server in the background; this one runs until Ctrl-C,
    even when no model is loaded.

    With --http it answers editors and other tools too, for example on /v1/completions (a suffix
    makes it fill the gap), /v1/chat/completions and /infill.
    """
    if not HAS_UNIX_SOCKETS:
        raise MachineError("a server needs unix sockets", "use the commands without one")
    if http:
        from starcoder_cli.loading import LoadOptions

        loading = LoadOptions(quantize, device, dtype, adapter, engine)
        messages = Messages(verbose=verbose)
        options = HttpAddressOptions(address, tuple(allowed_host or ()), api_key_file)
        serve_http(options, model or (DEFAULT_MODEL,), loading, offline, messages)
        return
    if address is not None:
        raise UsageError(f"{address!r} is where --http would listen", "say --http too")
    tell = announce_ready if ready is None else report_to(ready)
    try:
        from starcoder_cli.server.process import run_server as answer

        answer(prepare_server_folder(), ready is None, lambda: tell(READY_MESSAGE))
    except BusyError:
        if ready is None:
            raise
        tell(BUSY_MESSAGE)
    except (StarcoderError, OSError) as error:
        if ready is not None:
            tell(str(error).encode())
        raise


@dataclass(frozen=True)
class HttpAddressOptions:
    """Where the HTTP API listens, its allowed host names, and its key file."""

    address: str | None
    allowed_hosts: tuple[str, ...]
    key_file: str | None


def serve_http(
    http: HttpAddressOptions,
    models: Sequence[str],
    loading: "LoadOptions",
    offline: bool,
    messages: Messages,
) -> None:
    """Serve the HTTP API next to the socket, downloading missing models.

    What cannot be served is refused before anything is downloaded.
    """
    from starcoder_cli.server.access import (
        Address,
        allowed_host_headers,
        load_user_key,
        require_key,
    )

    where = Address() if http.address is None else Address.parse(http.address)
    allowed_host_headers(where, http.allowed_hosts)
    key = load_user_key(http.key_file)
    require_key(where, key)
    from starcoder_cli.server.http_server import HttpOptions
    from starcoder_cli.server.process import run_server as answer

    offers = tuple(model_offer(name, loading, offline, messages) for name in models)

    def ready(served: "Address", file: Path | None) -> None:
        names = ", ".join(each.name for each in offers)
        write_message(f"serving {names} at http://{served}; Ctrl-C ends it")
        write_message(f"the key is in {file}" if file else "the key is the one that you gave")

    web = HttpOptions(where, offers, key, http.allowed_hosts, messages.detail, ready)
    try:
        answer(prepare_server_folder(), True, lambda: None, web)
    except BusyError as error:
        hint = "end it with: starcoder stop" if "already" in error.message else error.hint
        raise BusyError(error.message, hint) from error


def model_offer(
    name: str, loading: "LoadOptions", offline: bool, messages: Messages
) -> "ModelOffer":
    """Offer a model to clients by name; the user's own file or folder goes by its file name."""
    from starcoder_cli.app.fetch import fetch, prepare_at_once
    from starcoder_cli.catalog import find_model
    from starcoder_cli.engines.load import check_can_load
    from starcoder_cli.server.offers import ModelOffer
    from starcoder_cli.wire.local_protocol import LoadRequest

    spec = find_model(name)
    room = min(HTTP_WINDOW, spec.window or HTTP_WINDOW)
    absolute = ""
    if spec.has_file:
        path = fetch(spec, messages, lambda: check_can_load(spec, room, loading), offline)
        if loading.engine != "llamacpp":
            prepare_at_once(spec, path, messages, loading)
        absolute = str(path.absolute())
    adapter = loading.adapter and str(Path(loading.adapter).absolute())
    opening = LoadRequest(
        model=absolute if spec.is_local else spec.name,
        path=absolute,
        room=room,
        loading=replace(loading, adapter=adapter),
        keep_alive=-1,
    )
    return ModelOffer(Path(name).name if spec.is_local else spec.name, spec, opening)


def announce_ready(what: bytes) -> None:
    """Report that the server is running."""
    write_message("serving; Ctrl-C ends it")


def report_to(descriptor: int) -> Callable[[bytes], None]:
    """A function that reports once to the process at the other end of a pipe."""

    def tell(what: bytes) -> None:
        os.write(descriptor, what)
        os.close(descriptor)

    return tell

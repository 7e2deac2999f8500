"""A request on its way to a remote endpoint: to which one, with which key, for which model."""

from collections.abc import Iterator
from dataclasses import replace

from starcoder_cli.catalog import DEFAULT
from starcoder_cli.commands.request import Remote, Request
from starcoder_cli.errors import UsageError
from starcoder_cli.output import Messages
from starcoder_cli.settings import config_file, read_config


def reached(request: Request, messages: Messages) -> Request:
    """The request with what its endpoint says of itself; the same one where it has none.

    Raises UsageError where the network is not to be used, or for what is no endpoint, and what
    reaching it raises.
    """
    if not request.remote.endpoint or request.reached:
        return request
    from starcoder_cli.backends.endpoint import reach
    from starcoder_cli.endpoints import Endpoint, key_of, profile_of

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

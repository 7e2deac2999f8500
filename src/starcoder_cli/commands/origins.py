"""Where an answer comes from, as far as the index of code on this machine knows."""

from collections.abc import Mapping

from starcoder_cli.commands.request import Request
from starcoder_cli.errors import BusyError, DataError, InputError, WriteError
from starcoder_cli.output import Messages
from starcoder_cli.source import Source


def need_index(request: Request) -> None:
    """Raise InputError or DataError where answers are to be looked up, and there is no index."""
    if request.trace:
        from starcoder_cli.attribution import index_file
        from starcoder_cli.attribution.database import reading

        with reading(index_file(request.index)):
            pass


def origins(
    text: str, language: str | None, request: Request, messages: Messages
) -> Mapping[str, object]:
    """What JSON tells of an answer that was looked up, which people are told in one line.

    An index that cannot be read by now is no reason to lose the answer.
    """
    if not request.trace:
        return {}
    from starcoder_cli.attribution import index_file, trace
    from starcoder_cli.commands.tracing import Traced, described, record

    try:
        matches = trace(text, language, index_file(request.index))
    except (BusyError, DataError, InputError, WriteError) as error:
        messages.note(f"the answer was not looked up: {error}")
        return {"trace": {"error": str(error)}}
    traced = Traced(Source("", text), text, 1, matches)
    if not matches and text.strip():
        messages.note("nothing of the answer is in the index")
    elif matches:
        first, rest = matches[0], len(matches) - 1
        more = first.more + len(first.origins) - 1
        others = f", and {more} more" if more else ""
        parts = f"; {rest} more parts" if rest > 1 else "; 1 more part" if rest else ""
        messages.note(
            f"{traced.share([first]):.0%} of the answer (lines {first.first}-{first.last}) is as "
            f"in {described(first.origins[0])}{others}{parts}"
        )
    told = record(traced)
    return {"trace": {name: told[name] for name in ("share", "licences", "matches")}}

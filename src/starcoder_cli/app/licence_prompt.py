"""The terms of a licence: shown in full at a terminal, asked about once, and remembered."""

import sys

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import CreateError, RefusedError
from starcoder_cli.models import consent
from starcoder_cli.models.licences import Licence
from starcoder_cli.terminal.output import Messages, is_terminal, write_message
from starcoder_cli.terminal.sanitize import sanitize


def settle_licence(spec: ModelSpec, *, accept: bool) -> None:
    """Make sure a model's licence is accepted: earlier, by `accept`, or now at a terminal.

    Raises RefusedError if nobody accepts it, CreateError if that cannot be remembered.
    """
    licence = consent.find_unaccepted_licence(spec)
    if licence is None:
        return
    if accept:
        consent.record_agreement(licence)
        Messages().note(f"{licence.name} is accepted: {licence.url}")
        return
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise unaccepted_error(
            spec,
            licence,
            f"see `starcoder models show {spec.name}`, then run: "
            f"starcoder models pull {spec.name} --accept-license",
        )
    write_message(sanitize(licence_text(spec, licence)))
    if not is_confirmed("accept? [y/N] "):
        raise RefusedError(
            "the licence was not accepted", "`starcoder models list` shows models under others"
        )
    consent.record_agreement(licence)


def unaccepted_error(spec: ModelSpec, licence: Licence, hint: str) -> RefusedError:
    """The error that says which licence is in the way."""
    return RefusedError(
        f"{spec.name} is under {licence.name}, which has to be accepted first", hint
    )


def remind_of_licence(spec: ModelSpec, licence: Licence, messages: Messages) -> None:
    """Mention once the licence of a model that we did not fetch."""
    if messages.quiet or consent.has_been_reminded(licence):
        return
    messages.note(
        f"{spec.name} is under {licence.name}, which restricts its use: "
        f"see `starcoder models show {spec.name}`"
    )
    try:
        consent.record_reminder(licence)
    except CreateError:
        return  # showing the note again is no reason to stop


def licence_text(spec: ModelSpec, licence: Licence) -> str:
    """What the user reads before agreeing; it fits a terminal of 24 lines."""
    return "\n".join(
        (
            f"{spec.name} is under {licence.name}, in short:",
            *(f"- {line}" for line in licence.terms),
            "It is not to be used",
            *(f"  {line}" for line in licence.restrictions),
            "The text that counts:",
            f"  {licence.url}",
        )
    )


def is_confirmed(question: str) -> bool:
    """Whether the answer to a question at the terminal is yes; the end of input counts as no."""
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = b""
    try:
        answer = sys.stdin.buffer.readline()
    finally:
        if not answer.endswith(b"\n"):  # Ctrl-C and Ctrl-D leave the cursor after the question
            write_message("")
    return answer.strip().lower() in (b"y", b"yes")

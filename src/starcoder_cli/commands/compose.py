"""From a hole to the prompt that a model reads for it, as much as fits."""

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.commands.reading import NOTHING, Reading
from starcoder_cli.commands.request import Request
from starcoder_cli.errors import DataError
from starcoder_cli.model import Model
from starcoder_cli.output import Messages
from starcoder_cli.prompt import Prompt
from starcoder_cli.source import Hole, Names
from starcoder_cli.spelling import Around, fim_format, near, spelled


def compose(
    model: Model,
    spec: ModelSpec,
    hole: Hole,
    names: Names,
    request: Request,
    messages: Messages,
    reading: Reading = NOTHING,
) -> Prompt:
    """The prompt for a hole, in the spelling of the model's family.

    A hole with nothing behind it is the beginning of a text, unless `fills` says it is a gap. The
    name of a solution file is told to every model that was trained to read names.
    """
    form = fim_format(model, spec)
    told = spec.metadata or request.prompted
    gap = request.fills or bool(hole.suffix.strip())
    hole = hole if gap and form else Hole(hole.prefix)
    hole = fitted(model, hole, request, messages, reading.tokens)
    if gap and not form:
        messages.note(
            f"{spec.name} was not trained to fill gaps: it continues what comes before, "
            "and does not read what comes after"
        )
    around = Around(names, told, reading.files, reading.language)
    return spelled(form, hole, around, request.order if gap else None)


def fitted(model: Model, hole: Hole, request: Request, messages: Messages, taken: int = 0) -> Hole:
    """What of the hole fits the model's window, of which so much is taken; says what was left out.

    Raises DataError where that is not wanted, UsageError where the answer alone is too long.
    """
    kept, budget = near(model, hole, request.sampling.max_tokens, taken)
    if kept == hole:
        return hole
    lost = left_out(hole.prefix, kept.prefix), left_out(hole.suffix, kept.suffix)
    what = f"the text is longer than the {budget} tokens that the model can read"
    if request.strict_context:
        raise DataError(what, "shorten it, or leave --strict-context away")
    messages.note(f"{what}: left out {lost[0]} at the beginning and {lost[1]} at the end")
    return kept


def left_out(whole: str, kept: str) -> str:
    """How much of a text is missing, for people."""
    lines = whole.count("\n") - kept.count("\n")
    return f"{lines} lines" if lines else f"{len(whole) - len(kept)} characters"

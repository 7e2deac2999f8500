"""From a hole to the prompt that a model reads for it, as much as fits."""

from dataclasses import replace

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.commands.reading import NOTHING, Reading
from starcoder_cli.commands.request import Request
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.families import detect, spelling
from starcoder_cli.healing import healed
from starcoder_cli.model import Model
from starcoder_cli.output import Messages
from starcoder_cli.prompt import NAMELESS, FimFormat, Prompt
from starcoder_cli.source import Hole, Names
from starcoder_cli.window import fit

MARGIN = 32  # tokens for control tokens and file names in a prompt


def room(hole: Hole, request: Request) -> int:
    """A window that is surely large enough: no text has more tokens than it has bytes."""
    text = len(hole.prefix.encode()) + len(hole.suffix.encode())
    return text + request.sampling.max_tokens + MARGIN


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
    form, files = fim_format(model, spec), reading.files
    together = bool(form and form.together and files)
    told = names if spec.metadata or request.prompted else NAMELESS
    names = reading.named(names) if together else told
    gap = request.fills or bool(hole.suffix.strip())
    hole = hole if gap and form else Hole(hole.prefix)
    hole = fitted(model, hole, request, messages, reading.tokens)
    hole = hole if together else reading.behind(hole)
    kept, begun = healed(hole.prefix, gap=bool(form and gap))
    if form and gap:
        prompt = form.prompt(Hole(kept, hole.suffix), names, request.order, files)
        return replace(prompt, begun=begun)
    if gap:
        messages.note(
            f"{spec.name} was not trained to fill gaps: it continues what comes before, "
            "and does not read what comes after"
        )
    prompt = form.beginning(kept, names, files) if form else Prompt((kept,))
    return replace(prompt, begun=begun)


def fim_format(model: Model, spec: ModelSpec) -> FimFormat | None:
    """The spelling that the catalog names, or the one that the model's own tokenizer knows."""
    form = spelling(spec.fim)
    if form and all(model.token(token) is not None for token in form.specials()):
        return form
    return detect(model.token, spec.name)


def fitted(model: Model, hole: Hole, request: Request, messages: Messages, taken: int = 0) -> Hole:
    """What of the hole fits the model's window, of which so much is taken; says what was left out.

    Raises DataError where that is not wanted, UsageError where the answer alone is too long.
    """
    if room(hole, request) + taken <= model.window:
        return hole
    budget = model.window - request.sampling.max_tokens - MARGIN - taken
    if budget < MARGIN:
        raise UsageError(
            f"{request.sampling.max_tokens} tokens of answer leave no room to read anything",
            f"the model's window is {model.window}: lower --max-tokens",
        )
    near = fit(hole, budget, model.count)
    if near == hole:
        return hole
    lost = left_out(hole.prefix, near.prefix), left_out(hole.suffix, near.suffix)
    what = f"the text is longer than the {budget} tokens that the model can read"
    if request.strict_context:
        raise DataError(what, "shorten it, or leave --strict-context away")
    messages.note(f"{what}: left out {lost[0]} at the beginning and {lost[1]} at the end")
    return near


def left_out(whole: str, kept: str) -> str:
    """How much of a text is missing, for people."""
    lines = whole.count("\n") - kept.count("\n")
    return f"{lines} lines" if lines else f"{len(whole) - len(kept)} characters"

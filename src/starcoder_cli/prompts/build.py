"""From a hole and what is around it to the prompt in which a model is asked for its text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import UsageError
from starcoder_cli.files.source import Hole, Names
from starcoder_cli.languages import Language
from starcoder_cli.model import Model, Prompt
from starcoder_cli.prompts.fim import NAMELESS, Document, FimFormat, behind
from starcoder_cli.prompts.fim_formats import detect, spelling
from starcoder_cli.prompts.token_healing import healed
from starcoder_cli.prompts.window import fit
from starcoder_cli.settings import Order

MARGIN = 32  # tokens for control tokens and file names in a prompt


@dataclass(frozen=True)
class Around:
    """What is around a hole: names, of which every model is `told` or only one that needs them
    between files, and other files that are read along, with the language of the hole.
    """

    names: Names = NAMELESS
    told: bool = False
    files: Sequence[Document] = ()
    language: Language | None = None

    def named(self) -> Names:
        """Names for a text behind other files, which has to be called something."""
        endings = self.language.extensions if self.language else ()
        filename = self.names.filename or "".join(("untitled", *endings[:1]))
        return replace(self.names, filename=filename)

    def before(self, hole: Hole) -> Hole:
        """The hole behind the files as comments in its language."""
        return behind(self.files, hole, self.language) if self.language else hole


NOTHING = Around()


def room(hole: Hole, max_tokens: int) -> int:
    """A window that is surely large enough: no text has more tokens than it has bytes."""
    return len(hole.prefix.encode()) + len(hole.suffix.encode()) + max_tokens + MARGIN


def fim_format(model: Model, spec: ModelSpec) -> FimFormat | None:
    """The spelling that the catalog names, or the one that the model's own tokenizer knows."""
    form = spelling(spec.fim)
    if form and all(model.token(token) is not None for token in form.specials()):
        return form
    return detect(model.token, spec.name)


def spelled(
    form: FimFormat | None, hole: Hole, around: Around = NOTHING, order: Order | None = "psm"
) -> Prompt:
    """The prompt for a hole, in the spelling of a family; as a beginning where `order` is None.

    Without a form it is always a beginning: what is behind it is not read.
    """
    together = bool(form and form.together and around.files)
    told = around.names if around.told else NAMELESS
    names = around.named() if together else told
    hole = hole if together else around.before(hole)
    gap = order if form else None
    kept, begun = healed(hole.prefix, gap=bool(gap))
    if form and gap:
        prompt = form.prompt(Hole(kept, hole.suffix), names, gap, around.files)
        return replace(prompt, begun=begun)
    prompt = form.beginning(kept, names, around.files) if form else Prompt((kept,))
    return replace(prompt, begun=begun)


def near(model: Model, hole: Hole, max_tokens: int, taken: int = 0) -> tuple[Hole, int]:
    """What of a hole fits the model's window, of which so much is taken, and what it may cost.

    Raises UsageError where the answer alone is too long.
    """
    budget = model.window - max_tokens - MARGIN - taken
    if room(hole, max_tokens) + taken <= model.window:
        return hole, budget
    if budget < MARGIN:
        raise UsageError(
            f"{max_tokens} tokens of answer leave no room to read anything",
            f"the model's window is {model.window}: lower --max-tokens",
        )
    return fit(hole, budget, model.count), budget

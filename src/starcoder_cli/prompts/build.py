"""Build the prompt for a hole from its surroundings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import UsageError
from starcoder_cli.files.source import FileMetadata
from starcoder_cli.languages import Language
from starcoder_cli.model import Hole, Model, Prompt
from starcoder_cli.prompts.fim import NO_NAMES, Document, FimFormat, prepend_files_as_comments
from starcoder_cli.prompts.fim_formats import SERVER, detect_fim_format, find_fim_format
from starcoder_cli.prompts.token_healing import split_for_healing
from starcoder_cli.prompts.window import fit_hole
from starcoder_cli.settings import FimOrder

PROMPT_OVERHEAD_TOKENS = 32
"""Tokens reserved for the control tokens and file names in a prompt."""


@dataclass(frozen=True)
class PromptContext:
    """The context of a hole: other files to include, and the language of the hole.

    With `wants_metadata` every model gets the `metadata`, otherwise only one that needs it between
    files.
    """

    metadata: FileMetadata = NO_NAMES
    wants_metadata: bool = False
    documents: Sequence[Document] = ()
    language: Language | None = None

    def with_filename(self) -> FileMetadata:
        """Names for a text that follows other files, which needs a file name."""
        endings = self.language.extensions if self.language else ()
        filename = self.metadata.filename or "".join(("untitled", *endings[:1]))
        return replace(self.metadata, filename=filename)

    def prepend_documents(self, hole: Hole) -> Hole:
        """Prepend the documents to the hole as comments in its language."""
        return (
            prepend_files_as_comments(self.documents, hole, self.language)
            if self.language
            else hole
        )


NO_CONTEXT = PromptContext()


def window_for(hole: Hole, max_tokens: int) -> int:
    """A window that is surely large enough: no text has more tokens than bytes."""
    text = len(hole.prefix.encode()) + len(hole.suffix.encode())
    return text + max_tokens + PROMPT_OVERHEAD_TOKENS


def fim_format(model: Model, spec: ModelSpec) -> FimFormat | None:
    """The catalog's format, or the one that the model's own tokenizer supports.

    Returns None if the model's server formats gaps itself, or the model was not trained to fill
    them.
    """
    if spec.fim == SERVER:
        return None
    form = find_fim_format(spec.fim)
    if form and all(map(model.has_token, form.control_tokens())):
        return form
    return detect_fim_format(model.has_token, spec.name)


def build_fim_prompt(
    form: FimFormat | None,
    hole: Hole,
    context: PromptContext = NO_CONTEXT,
    order: FimOrder | None = "psm",
) -> Prompt:
    """Build the prompt for a hole in a family's format; as a beginning if `order` is None.

    Without a format it is always a beginning, and the suffix is not read.
    """
    together = bool(form and form.multi_file and context.documents)
    names = context.metadata if context.wants_metadata else NO_NAMES
    names = context.with_filename() if together else names
    hole = hole if together else context.prepend_documents(hole)
    gap = order if form else None
    kept, forced_prefix = split_for_healing(hole.prefix, before_gap=bool(gap))
    if form and gap:
        prompt = form.build_prompt(Hole(kept, hole.suffix), names, gap, context.documents)
    elif form:
        prompt = form.build_prefix_prompt(kept, names, context.documents)
    else:
        prompt = Prompt((kept,))
    return replace(prompt, forced_prefix=forced_prefix)


def truncate_to_window(
    model: Model, hole: Hole, max_tokens: int, context_tokens: int = 0, most: int | None = None
) -> tuple[Hole, int]:
    """The part of a hole that fits the model's window beside its context, and its token budget.

    The budget is at most `most`. Raises UsageError if the answer alone is too long.
    """
    budget = model.window - max_tokens - PROMPT_OVERHEAD_TOKENS - context_tokens
    if window_for(hole, max_tokens) + context_tokens <= model.window and most is None:
        return hole, budget
    if budget < PROMPT_OVERHEAD_TOKENS:
        raise UsageError(
            f"{max_tokens} tokens of answer leave no room to read anything",
            f"the model's window is {model.window}: lower --max-tokens",
        )
    budget = budget if most is None else min(budget, most)
    return fit_hole(hole, budget, model.count), budget

"""What a client of the HTTP API asks, whichever route it comes by."""

from dataclasses import dataclass, replace

from starcoder_cli.model import Conversation, Hole, Sampling
from starcoder_cli.prompts.fim import Document

DEFAULT_COMPLETION_TOKENS = 256


@dataclass(frozen=True)
class CompletionRequest:
    """What a client asks for: text for holes, or the next answer of a conversation.

    Each of the `contents` gets `n` answers of at most `max_tokens`: None is what is left of the
    window, 0 only has them read. `is_infill` asks to fill a gap even where the suffix is empty,
    `raw` for the text as the model writes it, `echo` for the prompt before it. `extra_files` are
    included. A gap's text is cut to what is read in `reading_limit` seconds. After `time_limit`
    seconds the answer may end at a line. `response_fields` are all
    that the client reads; `warnings` are what it should know of its request.
    """

    contents: tuple[Hole | Conversation, ...]
    sampling: Sampling
    max_tokens: int | None = None
    model: str = ""
    n: int = 1
    stop: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool = False
    echo: bool = False
    is_infill: bool = False
    raw: bool = False
    filename: str = ""
    repository: str = ""
    extra_files: tuple[Document, ...] = ()
    reading_limit: float | None = None
    time_limit: float | None = None
    response_fields: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()


def build_sampling(temperature: float | None, top_p: float | None, seed: int | None) -> Sampling:
    """How tokens are chosen: as the command line does where a client does not say."""
    defaults = Sampling(seed=seed)
    return replace(
        defaults,
        temperature=defaults.temperature if temperature is None else temperature,
        top_p=defaults.top_p if top_p is None else top_p,
    )

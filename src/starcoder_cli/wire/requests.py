"""A request of an HTTP API client, whichever route it arrives by."""

from dataclasses import dataclass, replace

from starcoder_cli.model import Conversation, Hole, Sampling
from starcoder_cli.prompts.fim import Document

DEFAULT_COMPLETION_TOKENS = 256


@dataclass(frozen=True)
class CompletionRequest:
    """A client's request: text for holes, or the next answer of a conversation.

    Each of the `contents` gets `n` answers of at most `max_tokens`: None means the rest of the
    window, 0 only reads the prompt. `is_infill` fills a gap even if the suffix is empty, `raw`
    returns the text as the model writes it, `echo` puts the prompt before it. `extra_files` are
    included. A gap's text is cut to what can be read in `reading_limit` seconds. After `time_limit`
    seconds the answer may end at a line. `response_fields` are all that the client reads;
    `warnings` are for the client.
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
    """Build the sampling, with the command line's defaults for missing values."""
    defaults = Sampling(seed=seed)
    return replace(
        defaults,
        temperature=defaults.temperature if temperature is None else temperature,
        top_p=defaults.top_p if top_p is None else top_p,
    )

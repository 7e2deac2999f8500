"""An answer and what is known about it: what `--json` prints and the Python API returns."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from starcoder_cli.app.request import Request
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.stream import Completion, FinishReason


@dataclass(frozen=True)
class TokenCounts:
    """The number of prompt tokens, of those read from the cache, and of answer tokens."""

    prompt: int
    cached: int | None
    completion: int


@dataclass(frozen=True)
class Seconds:
    """How long a model took to load, to the first token, and in total."""

    load: float
    first_token: float
    total: float


@dataclass(frozen=True)
class Answer:
    """An answer and what is known about it; the names are those of the flags and of the wire.

    `candidates` are the answers it was chosen from, `trimmed` the rules that cut it, `context`
    the other files in the prompt, `notices` what is reported about its origin; None or empty
    if there is nothing. `reasoning_content` is what the model thought before it, `notes` what
    users are told in addition.
    """

    text: str
    reason: FinishReason
    tokens: TokenCounts
    seconds: Seconds
    model: str
    engine: str
    seed: int | None
    candidates: Sequence[Mapping[str, object]] | None = None
    trimmed: tuple[str, ...] | None = None
    context: Sequence[Mapping[str, object]] | None = None
    notices: Mapping[str, object] | None = None
    reasoning_content: str | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        completion: Completion,
        spec: ModelSpec,
        engine: str,
        request: Request,
        load_seconds: float = 0.0,
    ) -> "Answer":
        """Create the answer of a model to a request."""
        prompt, cached = completion.prompt_tokens, completion.cached_tokens
        total = round(load_seconds + completion.seconds, 3)
        return cls(
            completion.text,
            completion.reason,
            TokenCounts(prompt, cached, completion.tokens),
            Seconds(round(load_seconds, 3), round(completion.first_token_seconds, 3), total),
            spec.name,
            engine,
            request.sampling.seed,
            reasoning_content=completion.reasoning_content.strip() or None,
        )

    def record(self) -> Mapping[str, object]:
        """The answer as `--json` prints it, without the notes."""
        optional = {
            "candidates": self.candidates,
            "trimmed": None if self.trimmed is None else list(self.trimmed),
            "context": self.context,
            "reasoning_content": self.reasoning_content,
        }
        return {
            "text": self.text,
            "reason": self.reason,
            "tokens": asdict(self.tokens),
            "seconds": asdict(self.seconds),
            "model": self.model,
            "engine": self.engine,
            "seed": self.seed,
            **{name: value for name, value in optional.items() if value is not None},
            **(self.notices or {}),
        }

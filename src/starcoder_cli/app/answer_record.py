"""A whole answer and what is known of it: what `--json` says, and the Python API returns."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from starcoder_cli.app.request import Request
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.stream import Completion, FinishReason


@dataclass(frozen=True)
class TokenCounts:
    """Tokens of a prompt, of those the ones that had been read before, and of the answer."""

    prompt: int
    cached: int | None
    completion: int


@dataclass(frozen=True)
class Seconds:
    """How long a model took to load, to the first token, and altogether."""

    load: float
    first_token: float
    total: float


@dataclass(frozen=True)
class Answer:
    """A whole answer and what is known of it; the names are those of the flags and of the wire.

    `candidates` are the answers that it was chosen from, `trimmed` the rules that cut it, `context`
    the other files in the prompt, `notices` what is said about where it comes from; None or empty
    where nothing is. `reasoning_content` is what the model thought before it, `notes` what people
    are told besides.
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
        """An answer of a model to a request."""
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

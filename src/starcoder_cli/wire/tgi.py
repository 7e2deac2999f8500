"""Text Generation Inference's `/generate`: a text to continue, and its continuation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from starcoder_cli.model import Hole
from starcoder_cli.wire.request_schema import (
    RequestSchema,
    SeedValue,
    StopSequences,
    TemperatureValue,
    TopPValue,
    read_request,
)
from starcoder_cli.wire.requests import (
    DEFAULT_COMPLETION_TOKENS,
    CompletionRequest,
    build_sampling,
)
from starcoder_cli.wire.responses import Choice, ResponseInfo, Usage

TGI_REASONS = {"stop": "eos_token", "length": "length"}
"""TGI's words for why an answer ends."""


class GenerateParameters(RequestSchema):
    """How much to write, and how; a `temperature` samples even without `do_sample`."""

    max_new_tokens: Annotated[int, Field(ge=0)] = DEFAULT_COMPLETION_TOKENS
    temperature: TemperatureValue | None = None
    top_p: TopPValue | None = None
    seed: SeedValue | None = None
    stop: StopSequences = []
    return_full_text: bool = False


class GenerateSchema(RequestSchema):
    """A text, and how to continue it."""

    inputs: str
    parameters: GenerateParameters = GenerateParameters()
    stream: bool = False


def read_generate(data: bytes) -> CompletionRequest:
    """Parse the body of a generate request."""
    fields, warnings = read_request(GenerateSchema, data)
    parameters = fields.parameters
    return CompletionRequest(
        (Hole(fields.inputs),),
        build_sampling(parameters.temperature, parameters.top_p, parameters.seed),
        parameters.max_new_tokens,
        stop=tuple(parameters.stop),
        stream=fields.stream,
        echo=parameters.return_full_text,
        warnings=warnings,
    )


def read_generate_stream(data: bytes) -> CompletionRequest:
    """Parse the body of a generate request whose answer is streamed."""
    return replace(read_generate(data), stream=True)


@dataclass(frozen=True)
class GenerateStyle:
    """TGI's responses; a stream's last event has the whole text."""

    id_prefix: str = "gen-"
    end_event: bytes = b""

    def full_record(
        self, info: ResponseInfo, choices: Sequence[Choice], usage: Usage
    ) -> Mapping[str, object]:
        """A whole answer."""
        (choice,) = choices
        details = self.details(choice, usage)
        return {"generated_text": choice.text, "details": details, **usage.notices()}

    def chunk_record(
        self, info: ResponseInfo, choice: Choice, usage: Usage
    ) -> Mapping[str, object]:
        """A piece of an answer."""
        token = {"id": 0, "text": choice.text, "logprob": 0.0, "special": not choice.text}
        ending = {
            "generated_text": choice.before + choice.text,
            "details": self.details(choice, usage),
        }
        unfinished = {"generated_text": None, "details": None}
        return {
            "index": usage.completion_tokens,
            "token": token,
            **(ending if choice.reason else unfinished),
        }

    def usage_record(self, info: ResponseInfo, usage: Usage) -> Mapping[str, object]:
        """Nothing: the last piece includes the usage."""
        return {}

    def details(self, choice: Choice, usage: Usage) -> Mapping[str, object]:
        """Why an answer ends, and how many tokens it has."""
        return {
            "finish_reason": TGI_REASONS.get(choice.reason or "stop", "eos_token"),
            "generated_tokens": usage.completion_tokens,
            "seed": None,
        }

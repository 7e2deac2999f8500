"""What steps are compared with, and steps of fixed size where no GPU records them."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

import torch
from transformers import PreTrainedModel

from starcoder_cli.engines.decoding.loop import SpeculativeDecoder
from starcoder_cli.engines.decoding.prompt_lookup import PromptLookup
from starcoder_cli.engines.decoding.sampler import Token, TorchSampler
from starcoder_cli.engines.transformers.steps import (
    CachedForward,
    StepFunction,
    decode_tokens,
    prefill,
)
from starcoder_cli.model import Sampling


def plainly(step: StepFunction, undo: Callable[[], None], ids: torch.Tensor) -> StepFunction:
    """In place of a recording: the step itself, after it was tried as a recording tries it."""
    step(ids)
    undo()
    return step


def greedy(model: PreTrainedModel, prompt: Sequence[int], tokens: int) -> list[int]:
    """What transformers' own loop makes of a prompt, greedily."""
    given = torch.tensor([list(prompt)], device=model.device)
    made = model.generate(
        given,
        attention_mask=torch.ones_like(given),
        max_new_tokens=tokens,
        min_new_tokens=tokens,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    ids: list[int] = made[0, len(prompt) :].tolist()
    return ids


def answered(
    steps: CachedForward,
    prompt: Sequence[int],
    sampling: Sampling,
    ends: AbstractSet[int],
    *,
    lookup: bool = True,
    logits: torch.Tensor | None = None,
) -> Iterator[list[Token]]:
    """The tokens of an answer to a prompt that is still to be read, unless there are `logits`."""
    drafts = PromptLookup(prompt) if lookup else None
    decoding = SpeculativeDecoder(sampling, ends, TorchSampler(sampling), drafts)
    if logits is None:
        (logits,) = prefill(steps, prompt)
    yield from decode_tokens(steps, decoding, logits)

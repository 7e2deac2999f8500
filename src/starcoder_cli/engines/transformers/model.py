"""Hugging Face checkpoints through transformers: StarCoder itself, whole or in 8 or 4 bit.

A checkpoint was looked through before (`checkpoint.inspect`), and is loaded from its folder alone:
safetensors, no code of its own, no network. The answers are made by the loop in `steps.py`; a
generator that is closed simply takes no further step.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starcoder_cli.engines.decoding.loop import Beginning, Decoding
from starcoder_cli.engines.decoding.prompt_lookup import Lookup
from starcoder_cli.engines.decoding.sampler import Token, TorchChoice
from starcoder_cli.engines.decoding.tokenizer import Tokens, Writing, common
from starcoder_cli.engines.transformers.int8 import widen
from starcoder_cli.engines.transformers.placement import Plan
from starcoder_cli.engines.transformers.quantize import configuration, number_format
from starcoder_cli.engines.transformers.steps import (
    FixedSteps,
    GrowingSteps,
    Steps,
    can_record,
    decode,
    read,
)
from starcoder_cli.errors import DataError, MachineError
from starcoder_cli.model import Prompt, Sampling, Special, check_room
from starcoder_cli.stream import Chunk, Reason, Stream, behind
from starcoder_cli.weights.checkpoint import Checkpoint
from starcoder_cli.weights.model_config import chat_template

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

AGAIN = "get the checkpoint again"


@dataclass(frozen=True)
class Reading:
    """A prompt, the steps that have read it, and the logits behind it.

    The first `known` of its ids had been read before.
    """

    ids: list[int]
    steps: Steps
    logits: "torch.Tensor"
    known: int


class HuggingFaceModel:
    """A checkpoint that is loaded as planned, with room for `window` tokens."""

    engine = "huggingface"

    def __init__(
        self,
        checkpoint: Checkpoint,
        plan: Plan,
        window: int,
        adapter: str = "",
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Load it; raises DataError for damaged files, MachineError where memory is short.

        `tell` is given in the end what made it slower than it could be.
        """
        self.window = window
        self.chat_template = chat_template(checkpoint.folder)
        self._ends = frozenset(checkpoint.eos)
        self._read: Reading | None = None
        self._tell = tell
        self.tokens = Tokens(checkpoint.folder, checkpoint.vocabulary)
        with loading(checkpoint):
            self.transformer = load(checkpoint, plan)
            if adapter:
                from starcoder_cli.engines.transformers.adapter import adapted

                self.transformer = adapted(self.transformer, adapter, merge=plan.quantize == "none")
        eight, gpu = plan.quantize == "8bit", can_record(plan.device)
        self._slow = widen(self.transformer) if eight and gpu else ""
        rounds = eight and (not gpu or bool(self._slow))
        self._records = gpu and not rounds
        # LLM.int8 takes a column for an outlier that is one in any row of a step (Dettmers et al.
        # 2022): what several tokens are checked in would not be what one is made in.
        self._lookup = not rounds

    def stream(self, prompt: Prompt, sampling: Sampling) -> Stream:
        """The answer, a chunk for each step of the model; closing it ends the steps."""
        ids = self.tokens.encode(prompt)
        check_room(self.window, len(ids), sampling.max_tokens)
        named = (self.token(stop) for stop in prompt.stop if isinstance(stop, Special))
        ends = self._ends | {token for token in named if token is not None}
        with closing(behind(self._chunks(ids, prompt.begun, sampling, ends), prompt.begun)) as made:
            yield from made

    def count(self, text: str) -> int:
        """How many tokens a text has as user text."""
        return len(self.tokens.text(text))

    def token(self, text: str) -> int | None:
        """The id of a control token, or None where the text is not exactly one."""
        return self.tokens.token(text)

    def close(self) -> None:
        """Let the weights go; what they held on a GPU goes back to others."""
        import torch

        if self._slow:
            self._tell(f"8 bit is slow here, because Triton does not work: {self._slow}")
        if self._read and (failure := self._read.steps.failure):
            self._tell(f"without CUDA graphs, because they could not be recorded: {failure}")
        self._read = None
        del self.transformer
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _chunks(
        self, ids: list[int], begun: str, sampling: Sampling, ends: AbstractSet[int]
    ) -> Stream:
        """The answer with what it has to begin with, a chunk for each step."""
        writing, made = Writing(self.tokens, ids), 0
        with out_of_memory(), self._unbroken():
            reading = self._reading(ids)
            for step in self._tokens(reading, begun, sampling, ends):
                made += len(step)
                text = writing.write([token.id for token in step])
                logprob = sum(token.logprob for token in step)
                yield Chunk(text, len(step), None, len(ids), logprob, cached_tokens=reading.known)
        reason: Reason = "length" if made == sampling.max_tokens else "stop"
        yield Chunk(writing.rest(), 0, reason, len(ids))

    def _tokens(
        self, reading: Reading, begun: str, sampling: Sampling, ends: AbstractSet[int]
    ) -> Iterator[list[Token]]:
        """The tokens of an answer that begins with a text, those of one step at a time."""
        choice = TorchChoice(sampling)
        beginning = Beginning(self.tokens, reading.ids, begun, TorchChoice(sampling))
        lookup = Lookup(reading.ids) if self._lookup else None
        decoding = Decoding(sampling, ends, choice, lookup, beginning)
        yield from decode(reading.steps, decoding, reading.logits)

    def _reading(self, ids: list[int]) -> Reading:
        """The prompt, read.

        What it has in common with the text that was read last is not read again: several answers
        to a prompt cost one reading, and the next turn of a chat costs what is new in it.
        """
        if self._read and self._read.ids == ids:
            self._read = replace(self._read, known=len(ids))
        else:
            steps = self._read.steps if self._read else self._steps()
            known = common(steps.ids, ids[:-1])
            steps.crop(known)
            self._read = Reading(ids, steps, read(steps, ids[known:]), known)
        self._read.steps.crop(len(ids))
        return self._read

    @contextmanager
    def _unbroken(self) -> Iterator[None]:
        """Forget what was read where a step breaks off: some layers may have read less of it."""
        try:
            yield
        except GeneratorExit:  # between two steps
            raise
        except BaseException:  # Ctrl-C too
            self._read = None
            raise

    def _steps(self) -> Steps:
        """Steps over nothing read yet."""
        if self._records:
            return FixedSteps(self.transformer, self.window)
        return GrowingSteps(self.transformer)


def load(checkpoint: Checkpoint, plan: Plan) -> "PreTrainedModel":
    """The weights of a folder, where and how the plan says; DataError where some are missing."""
    import transformers

    architecture = getattr(transformers, checkpoint.architecture)
    model, report = architecture.from_pretrained(
        checkpoint.folder,
        dtype=number_format(plan.dtype),
        device_map=placement(plan.device),
        quantization_config=configuration(plan),
        attn_implementation="sdpa" if architecture._supports_sdpa else "eager",
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    for key in report["missing_keys"]:
        raise DataError(f"{checkpoint.folder} lacks the weights {key!r}", AGAIN)
    for key, stored, expected in report["mismatched_keys"]:
        raise DataError(
            f"{checkpoint.folder} has the weights {key!r} as {list(stored)}, not {list(expected)}",
            AGAIN,
        )
    if plan.device == "cuda" and {"cpu", "disk"} & set(model.hf_device_map.values()):
        raise MemoryError("accelerate has left to the processor what the GPUs have no room for")
    loaded: PreTrainedModel = model.eval()
    return loaded


def placement(device: str) -> str | dict[str, str] | None:
    """Where the weights go, as accelerate is told: `cuda` alone means all GPUs together."""
    if device == "cpu":
        return None
    return "auto" if device == "cuda" else {"": device}


@contextmanager
def loading(checkpoint: Checkpoint) -> Iterator[None]:
    """Quiet libraries, and their errors as ours."""
    import logging

    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    with warnings.catch_warnings(), out_of_memory():
        warnings.simplefilter("ignore")
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            if lacks_memory(error):
                raise
            what = " ".join(str(error).split())[:300]
            raise DataError(f"{checkpoint.folder} cannot be loaded: {what}", AGAIN) from error


@contextmanager
def out_of_memory() -> Iterator[None]:
    """Too little memory, as one error of ours."""
    try:
        yield
    except (RuntimeError, MemoryError, ValueError) as error:
        if not lacks_memory(error):
            raise
        raise MachineError(
            "the memory is full", "try --quantize 8bit or 4bit, or a smaller model"
        ) from error


def lacks_memory(error: Exception) -> bool:
    """Whether an error says that there is too little memory; for GPUs alone torch has a class.

    Quantized layers that several GPUs have no room for are a ValueError of transformers.
    """
    return isinstance(error, MemoryError) or bool(
        re.search("out of memory|allocate memory|dispatched on the CPU", str(error), re.IGNORECASE)
    )

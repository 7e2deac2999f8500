"""Hugging Face checkpoints through transformers: StarCoder itself, whole or in 8 or 4 bits.

The checkpoint has already been checked (`inspect_checkpoint`). Answers are made by the loop in
`steps.py`; a generator that is closed simply takes no further step.
"""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starcoder_cli.engines.decoding.chunks import step_chunks
from starcoder_cli.engines.decoding.loop import ForcedPrefix, SpeculativeDecoder
from starcoder_cli.engines.decoding.prompt_lookup import PromptLookup
from starcoder_cli.engines.decoding.sampler import Token, TorchSampler
from starcoder_cli.engines.decoding.tokenizer import (
    CheckpointTokenizer,
    IncrementalDetokenizer,
    common_prefix_length,
)
from starcoder_cli.engines.transformers.int4 import install_nf4_kernels
from starcoder_cli.engines.transformers.int8 import install_int8_kernels
from starcoder_cli.engines.transformers.loading import (
    load_transformer,
    translate_load_errors,
    translate_out_of_memory,
)
from starcoder_cli.engines.transformers.placement import PlacementPlan, Quantization
from starcoder_cli.engines.transformers.steps import (
    CPU_PREFILL_CHUNK_TOKENS,
    PREFILL_CHUNK_TOKENS,
    CachedForward,
    CudaGraphForward,
    DynamicCacheForward,
    decode_tokens,
    prefill,
    supports_cuda_graphs,
)
from starcoder_cli.model import (
    SPELLS_NOTHING,
    Prompt,
    Question,
    Sampling,
    Special,
    as_prompt,
    check_room,
)
from starcoder_cli.stream import Chunk, FinishReason, Stream, skip_prefix
from starcoder_cli.weights.checkpoint import Checkpoint
from starcoder_cli.weights.model_config import read_chat_template

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

KERNEL_INSTALLERS: dict[Quantization, Callable[["PreTrainedModel"], str]] = {
    "8bit": install_int8_kernels,
    "4bit": install_nf4_kernels,
}
"""Let a quantized model on one GPU use our kernels, or return why it cannot."""


@dataclass(frozen=True)
class PrefilledPrompt:
    """A prompt, the model with a KV cache that has read it, and the logits after it.

    The first `cached_tokens` of its ids had been read before.
    """

    ids: list[int]
    forward: CachedForward
    logits: "torch.Tensor"
    cached_tokens: int


class HuggingFaceModel:
    """A checkpoint loaded as planned, with room for `window` tokens."""

    engine = "huggingface"
    spells = SPELLS_NOTHING

    def __init__(
        self,
        checkpoint: Checkpoint,
        plan: PlacementPlan,
        window: int,
        adapter: str = "",
        tell: Callable[[str], None] = lambda text: None,
        can_record: Callable[[str], bool] = supports_cuda_graphs,
    ) -> None:
        """Load it; raises DataError for damaged files, MachineError if memory is short.

        When it closes, `tell` is given what made it slower than it could be; `can_record` says of a
        device whether a step on it can be recorded as a CUDA graph.
        """
        self.window = window
        self.chat_template = read_chat_template(checkpoint.folder)
        self._end_ids = frozenset(checkpoint.eos_ids)
        self._forward: CachedForward | None = None
        self._prefilled: PrefilledPrompt | None = None
        self._tell = tell
        self.tokenizer = CheckpointTokenizer(checkpoint.folder, checkpoint.vocabulary_size)
        with translate_load_errors(checkpoint):
            self.transformer = load_transformer(checkpoint, plan)
            if adapter:
                from starcoder_cli.engines.transformers.adapter import apply_adapter

                self.transformer = apply_adapter(
                    self.transformer, adapter, merge=plan.quantization == "none"
                )
        on_gpu = can_record(plan.device)
        install = KERNEL_INSTALLERS.get(plan.quantization) if on_gpu else None
        self._kernel_failure = install(self.transformer) if install else ""
        self._quantization = plan.quantization
        is_int8 = plan.quantization == "8bit"
        rounds_inputs = is_int8 and (not on_gpu or bool(self._kernel_failure))
        self._uses_cuda_graphs = on_gpu and not rounds_inputs
        # LLM.int8 treats a column as an outlier if it is one in any row of a step (Dettmers et al.
        # 2022): checking several tokens in one step would differ from making them one by one.
        self._uses_lookup = not rounds_inputs

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """Stream the answer, a chunk per step of the model; closing the stream ends the steps."""
        prompt = as_prompt(question)
        ids = self.tokenizer.encode(prompt)
        check_room(self.window, len(ids), sampling.max_tokens)
        stop_ids = (self.token(stop) for stop in prompt.stop if isinstance(stop, Special))
        end_ids = self._end_ids | {token for token in stop_ids if token is not None}
        chunks = self._generate(ids, prompt, sampling, end_ids)
        with closing(skip_prefix(chunks, prompt.forced_prefix)) as rest:
            yield from rest

    def tokenize(self, text: str) -> list[int]:
        """The token ids of user text."""
        return self.tokenizer.encode_text(text)

    def count(self, text: str) -> int:
        """The number of tokens in user text."""
        return len(self.tokenize(text))

    def has_token(self, text: str) -> bool:
        """Whether a text is exactly one control token."""
        return self.token(text) is not None

    def token(self, text: str) -> int | None:
        """The id of a control token, or None if the text is not exactly one."""
        return self.tokenizer.control_token_id(text)

    def close(self) -> None:
        """Release the weights and the GPU memory they held."""
        import torch

        if self._kernel_failure:
            bits = self._quantization[0]
            self._tell(f"{bits} bit is slow here, as no kernel for it runs: {self._kernel_failure}")
        if self._forward and (failure := self._forward.failure):
            self._tell(f"without CUDA graphs, because they could not be recorded: {failure}")
        self._forward = self._prefilled = None
        del self.transformer
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _generate(
        self, ids: list[int], prompt: Prompt, sampling: Sampling, end_ids: AbstractSet[int]
    ) -> Stream:
        """Stream the answer as its steps make it, including the prefix that it must begin with."""
        detokenizer, token_count = IncrementalDetokenizer(self.tokenizer, ids), 0
        with translate_out_of_memory(), self._discard_on_failure():
            forward = self._forward = self._forward or self._create_forward()
            for _ in self._prefill(forward, ids):
                yield Chunk("", 0, None, len(ids))
            prefilled = self._prefilled
            assert prefilled
            for tokens in self._generate_tokens(prefilled, prompt, sampling, end_ids):
                token_count += len(tokens)
                yield from step_chunks(detokenizer, tokens, len(ids), prefilled.cached_tokens)
        reason: FinishReason = "length" if token_count == sampling.max_tokens else "stop"
        yield Chunk(detokenizer.flush(), 0, reason, len(ids))

    def _generate_tokens(
        self,
        prefilled: PrefilledPrompt,
        prompt: Prompt,
        sampling: Sampling,
        end_ids: AbstractSet[int],
    ) -> Iterator[list[Token]]:
        """Yield the tokens of the answer to a prompt, one list per step."""
        sampler, ids = TorchSampler(sampling), prefilled.ids
        prefix = ForcedPrefix(self.tokenizer, ids, prompt.forced_prefix, TorchSampler(sampling))
        references = self.tokenizer.references(prompt.references)
        lookup = PromptLookup(ids, references=references) if self._uses_lookup else None
        decoder = SpeculativeDecoder(sampling, end_ids, sampler, lookup, prefix)
        yield from decode_tokens(prefilled.forward, decoder, prefilled.logits)

    def _prefill(self, forward: CachedForward, ids: list[int]) -> Iterator[None]:
        """Read the prompt, chunk by chunk.

        What it has in common with the text that was read last is not read again: several answers
        to a prompt cost one reading, and the next turn of a chat costs only what is new in it.
        """
        if self._prefilled and self._prefilled.ids == ids:
            self._prefilled = replace(self._prefilled, cached_tokens=len(ids))
        else:
            self._prefilled = None
            cached_tokens = common_prefix_length(forward.ids, ids[:-1])
            forward.crop(cached_tokens)
            is_cpu = self.transformer.device.type == "cpu"
            chunk_tokens = CPU_PREFILL_CHUNK_TOKENS if is_cpu else PREFILL_CHUNK_TOKENS
            for logits in prefill(forward, ids[cached_tokens:], chunk_tokens):
                if len(forward.ids) == len(ids):
                    self._prefilled = PrefilledPrompt(ids, forward, logits, cached_tokens)
                yield
        forward.crop(len(ids))

    @contextmanager
    def _discard_on_failure(self) -> Iterator[None]:
        """Forget what was read if a step fails: some layers may have read less than others."""
        try:
            yield
        except GeneratorExit:  # between two steps
            raise
        except BaseException:  # Ctrl-C too
            self._forward = self._prefilled = None
            raise

    def _create_forward(self) -> CachedForward:
        """The model with an empty KV cache."""
        if self._uses_cuda_graphs:
            return CudaGraphForward(self.transformer, self.window)
        return DynamicCacheForward(self.transformer)

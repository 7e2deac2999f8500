"""A model through OpenVINO, which reads prompts nearly as fast as a CPU can.

Prompts go in as token ids from our own tokenizer, so text is never a control token. One graph
works on all requested answers at once; whoever waits for one advances them all.
"""

from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING

from starcoder_cli.engines.decoding.chunks import step_chunks
from starcoder_cli.engines.decoding.loop import ForcedPrefix, SpeculativeDecoder
from starcoder_cli.engines.decoding.prompt_lookup import CautiousPromptLookup
from starcoder_cli.engines.decoding.sampler import NumpySampler
from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer, IncrementalDetokenizer
from starcoder_cli.engines.openvino.graph import (
    PagedGraph,
    compile_parts,
    import_openvino,
    translate_errors,
)
from starcoder_cli.engines.openvino.kv_cache import BLOCK_TOKENS, BlockPool
from starcoder_cli.engines.openvino.prepared import StepRows
from starcoder_cli.engines.openvino.scheduler import (
    IDLE_WINDOWS,
    MAX_COST_RATIO,
    BatchScheduler,
    ScheduledAnswer,
    measure_step_rows,
)
from starcoder_cli.engines.openvino.sources import ModelSource
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

if TYPE_CHECKING:
    from starcoder_cli.engines.openvino.scheduler import LogitsArray

OPENVINO_NGRAM_SIZES = 1, 6
"""The minimum and maximum number of latest tokens that must have occurred together before."""


class OpenVinoModel:
    """A loaded model, with room for `window` tokens in each of its `slots`."""

    engine = "openvino"
    spells = SPELLS_NOTHING

    def __init__(self, source: ModelSource, window: int, slots: int = 1) -> None:
        """Load it; raises MachineError if OpenVINO cannot."""
        self.window = window
        self._source = source
        import_openvino()
        blocks_per_slot = -(-window // BLOCK_TOKENS) + 1
        block_count = slots * blocks_per_slot
        with (
            translate_errors(f"load {source.folder}", source.other_way),
            compile_parts(source.read_model) as parts,
        ):
            self._tokenizer = CheckpointTokenizer(source.folder, source.vocabulary_size)
            graph = PagedGraph([part.result() for part in parts], block_count + 1)
        self._end_ids = source.end_ids
        self._graph, self._spare_block = graph, block_count
        blocks = BlockPool(block_count, IDLE_WINDOWS * blocks_per_slot, graph.copy_block)
        self._scheduler = BatchScheduler(graph, blocks, slots, source.rows, spare_block=block_count)

    @cached_property
    def chat_template(self) -> str:
        """The chat template that came with the model."""
        return self._source.read_chat_template()

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """Stream the answer, a chunk per step; closing the stream cancels the request."""
        prompt = as_prompt(question)
        ids = self.encode(prompt)
        check_room(self.window, len(ids), sampling.max_tokens)
        chunks = self.generate(ids, self.create_decoder(ids, prompt, sampling), sampling.max_tokens)
        with closing(skip_prefix(chunks, prompt.forced_prefix)) as rest:
            yield from rest

    def create_decoder(
        self, ids: list[int], prompt: Prompt, sampling: Sampling
    ) -> "SpeculativeDecoder[LogitsArray]":
        """Create what chooses the tokens after these ids."""
        sampler = NumpySampler(sampling)
        forced_prefix = ForcedPrefix(self._tokenizer, ids, prompt.forced_prefix, sampler)
        max_draft = self._scheduler.rows.most - 1
        lookup = None
        if max_draft:
            references = self._tokenizer.references(prompt.references)
            lookup = CautiousPromptLookup(ids, OPENVINO_NGRAM_SIZES, max_draft, references)
        return SpeculativeDecoder(sampling, self.end_ids(prompt), sampler, lookup, forced_prefix)

    def end_ids(self, prompt: Prompt) -> frozenset[int]:
        """The tokens that end an answer to a prompt: the model's own and those in the prompt."""
        stop_ids = (self.token(stop) for stop in prompt.stop if isinstance(stop, Special))
        return self._end_ids.union(token for token in stop_ids if token is not None)

    def generate(
        self, ids: list[int], decoder: "SpeculativeDecoder[LogitsArray]", max_tokens: int
    ) -> Stream:
        """Stream what a decoder chooses after these ids, up to the first token that ends it.

        This includes the prefix that the answer must begin with.
        """
        answer = ScheduledAnswer(ids, decoder)
        detokenizer, token_count = IncrementalDetokenizer(self._tokenizer, ids), 0
        self._scheduler.add(answer)
        try:
            while True:
                with translate_errors("go on", self._source.other_way):
                    tokens = self._scheduler.next_tokens(answer)
                if tokens is None:
                    break
                token_count += len(tokens)
                yield from step_chunks(detokenizer, tokens, len(ids), answer.cached_tokens)
        finally:
            self._scheduler.remove(answer)
        reason: FinishReason = "length" if token_count >= max_tokens else "stop"
        end_token = decoder.end_token
        yield Chunk(
            detokenizer.flush(),
            int(bool(end_token)),
            reason,
            len(ids),
            end_token.logprob if end_token else 0.0,
        )

    def encode(self, prompt: Prompt) -> list[int]:
        """The token ids of a prompt: one id for each control token, and text only ever as text."""
        return self._tokenizer.encode(prompt)

    def tokenize(self, text: str) -> list[int]:
        """The token ids of user text."""
        return self._tokenizer.encode_text(text)

    def count(self, text: str) -> int:
        """The number of tokens in user text."""
        return len(self.tokenize(text))

    def has_token(self, text: str) -> bool:
        """Whether a text is exactly one control token."""
        return self.token(text) is not None

    def token(self, text: str) -> int | None:
        """The id of a control token, or None if the text is not exactly one."""
        return self._tokenizer.control_token_id(text)

    def measure_rows(self, text: str, max_cost_ratio: float = MAX_COST_RATIO) -> StepRows:
        """Measure how many rows a step should have here; call it last: it overwrites the cache."""
        ids = self._tokenizer.encode_text(text)
        with translate_errors("go on"):
            return measure_step_rows(self._graph, ids, self._spare_block, max_cost_ratio)

    def close(self) -> None:
        """Release the weights; answers still being generated end."""
        self._scheduler.close()
        self._graph.close()

"""A prepared model through OpenVINO, which reads prompts at nearly all that a processor can.

Prompts go in as token ids of our own tokenizer, so that text is never a control token. One graph
works on all answers that are asked for at a time; whoever waits for one moves all of them on.
"""

from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.engines.decoding.loop import Beginning, Decoding
from starcoder_cli.engines.decoding.prompt_lookup import CautiousLookup
from starcoder_cli.engines.decoding.sampler import NumpyChoice
from starcoder_cli.engines.decoding.tokenizer import Tokens, Writing
from starcoder_cli.engines.openvino.graph import (
    PagedGraph,
    apart,
    few_kernels,
    import_openvino,
    loading,
    translated,
)
from starcoder_cli.engines.openvino.kv_cache import BLOCK, Blocks
from starcoder_cli.engines.openvino.prepared import Traits
from starcoder_cli.engines.openvino.scheduler import KEPT, Answer, Batch, alike
from starcoder_cli.model import Prompt, Sampling, Special, check_room
from starcoder_cli.stream import Chunk, Reason, Stream, behind
from starcoder_cli.weights.gguf import read_header

if TYPE_CHECKING:
    from starcoder_cli.engines.openvino.scheduler import Numbers

RUNS = 1, 6
"""How many of the latest tokens have to have stood together before."""


class OpenVinoModel:
    """A prepared model that is loaded, with room for `window` tokens in each of its `slots`."""

    engine = "openvino"

    def __init__(self, folder: Path, path: Path, window: int, slots: int = 1) -> None:
        """Load the folder that a GGUF file was prepared in.

        Raises MachineError where OpenVINO cannot, DataError for a damaged folder.
        """
        self.window = window
        self._path = path
        import_openvino()
        traits = Traits.read(folder)
        each = -(-window // BLOCK) + 1
        count = slots * each
        with translated(f"load {folder}"), loading(folder) as parts:
            self._tokens = Tokens(folder)
            graph = PagedGraph([part.result() for part in parts], count + 1)
        self._ends = frozenset(traits.ends)
        self._graph, self._spare = graph, count
        blocks = Blocks(count, KEPT * each, graph.copy)
        self._batch = Batch(graph, blocks, slots, traits.rows, spare=count)

    @cached_property
    def chat_template(self) -> str:
        """The chat template in the file's metadata."""
        return read_header(self._path).chat_template

    def stream(self, prompt: Prompt, sampling: Sampling) -> Stream:
        """The answer, a chunk for each step; closing it takes the request away."""
        ids = self.encode(prompt)
        check_room(self.window, len(ids), sampling.max_tokens)
        with closing(behind(self._chunks(ids, prompt, sampling), prompt.begun)) as chunks:
            yield from chunks

    def encode(self, prompt: Prompt) -> list[int]:
        """The token ids of a prompt: one id for each control token, text as nothing but text."""
        return self._tokens.encode(prompt)

    def count(self, text: str) -> int:
        """How many tokens a text has as user text."""
        return len(self._tokens.text(text))

    def token(self, text: str) -> int | None:
        """The id of a control token, or None where the text is not exactly one."""
        return self._tokens.token(text)

    def measure(self, text: str) -> int:
        """How many rows its steps are to have here; asked last, since it reads over other texts."""
        with translated("go on"):
            return alike(self._graph, self._tokens.text(text), self._spare)

    def close(self) -> None:
        """Let the weights go; answers that are still being made end."""
        self._batch.close()
        self._graph.close()

    def _chunks(self, ids: list[int], prompt: Prompt, sampling: Sampling) -> Stream:
        """The answer with what it has to begin with, up to the first token that ends it."""
        decoding = self._decoding(ids, prompt, sampling)
        answer = Answer(ids, decoding)
        writing, total = Writing(self._tokens, ids), 0
        self._batch.add(answer)
        try:
            while True:
                with translated("go on"):
                    made = self._batch.next(answer)
                if made is None:
                    break
                total += len(made)
                text = writing.write([token.id for token in made])
                logprob = sum(token.logprob for token in made)
                yield Chunk(text, len(made), None, len(ids), logprob, cached_tokens=answer.known)
        finally:
            self._batch.remove(answer)
        reason: Reason = "length" if total >= sampling.max_tokens else "stop"
        end = decoding.end
        yield Chunk(writing.rest(), int(bool(end)), reason, len(ids), end.logprob if end else 0.0)

    def _decoding(self, ids: list[int], prompt: Prompt, sampling: Sampling) -> "Decoding[Numbers]":
        """How the tokens behind these ids are chosen."""
        named = (self.token(stop) for stop in prompt.stop if isinstance(stop, Special))
        ends = self._ends | {token for token in named if token is not None}
        choice = NumpyChoice(sampling)
        beginning = Beginning(self._tokens, ids, prompt.begun, choice)
        drafts = self._batch.rows - 1
        lookup = CautiousLookup(ids, RUNS, drafts) if drafts else None
        return Decoding(sampling, ends, choice, lookup, beginning)


def save(path: Path) -> None:
    """Write a GGUF file beside itself in OpenVINO's own form; MachineError where it cannot."""
    genai = import_openvino("openvino_genai")
    with (
        translated(f"read {path.name}"),
        few_kernels(),
        apart(lambda: genai.LLMPipeline(path, "CPU", enable_save_ov_model=True)) as pipelines,
    ):
        pipelines[0].result()


def slim(folder: Path) -> None:
    """Leave fewer nodes in a saved model, which is loaded sooner; as `compact` does.

    Raises MachineError where OpenVINO cannot, OSError where the disk is full.
    """
    from starcoder_cli.engines.openvino.graph import MODEL
    from starcoder_cli.engines.openvino.rewrite import compact

    import_openvino()
    with translated(f"write {MODEL}"):
        compact(folder / MODEL)

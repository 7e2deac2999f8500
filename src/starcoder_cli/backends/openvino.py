"""A prepared model through OpenVINO GenAI, which reads prompts at nearly all that a processor can.

Prompts go in as token ids of our own tokenizer, so that text is never a control token. One pipeline
works on all answers that are asked for at a time; whoever waits for one moves all of them on.
"""

import itertools
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from starcoder_cli.backends.compact import compact
from starcoder_cli.backends.environment import preset
from starcoder_cli.backends.tokens import Tokens, Writing
from starcoder_cli.errors import MachineError
from starcoder_cli.gguf import read_header
from starcoder_cli.model import Sampling, check_room
from starcoder_cli.prompt import Prompt, Special
from starcoder_cli.signals import native_interrupts
from starcoder_cli.stream import Chunk, Reason, Stream, behind

if TYPE_CHECKING:
    from openvino_genai import ContinuousBatchingPipeline, GenerationConfig, GenerationHandle

Made = TypeVar("Made")

MODEL = "openvino_model.xml"

BLOCK = 32
"""Tokens in a block of the KV cache."""

STEP = 256
"""Most tokens of a prompt that are read in one step: an answer can be stopped between two."""

KERNELS = 64
"""How many kernels are kept for lengths of input that have been, in each of two caches.

OpenVINO keeps 5,000 and oneDNN 1,024, which hold each other's: the memory of a server grew by up to
a megabyte with each new length, for nothing that could be measured in speed.
"""

SYNTAX = re.compile(r"[$()*+\-./?[\\\]^{|}]")
"""What means something in a pattern; its reader warns of a backslash before anything else."""

LIKELIEST = 1000  # tokens that chance chooses among; top_p never reaches further down


class OpenVinoModel:
    """A prepared model that is loaded, with room for `window` tokens in each of its `slots`."""

    engine = "openvino"

    def __init__(self, folder: Path, path: Path, window: int, slots: int = 1) -> None:
        """Load the folder that a GGUF file was prepared in.

        Raises MachineError where OpenVINO cannot, DataError for a damaged tokenizer.
        """
        self.window = window
        self._path = path
        with loading(folder, window, slots) as pipeline:
            self._tokens = Tokens(folder)
            self._pipeline: ContinuousBatchingPipeline | None = pipeline.result()
        self._ends = frozenset(self._pipeline.get_config().stop_token_ids)
        self._turn = threading.Lock()
        self._handles: dict[int, GenerationHandle] = {}
        self._numbers = itertools.count()

    @cached_property
    def chat_template(self) -> str:
        """The chat template in the file's metadata."""
        return read_header(self._path).chat_template

    def stream(self, prompt: Prompt, sampling: Sampling) -> Stream:
        """The answer, token by token; closing it takes the request away."""
        import numpy
        from openvino import Tensor

        ids = self.encode(prompt)
        check_room(self.window, len(ids), sampling.max_tokens)
        named = (self.token(stop) for stop in prompt.stop if isinstance(stop, Special))
        ends = self._ends | {token for token in named if token is not None}
        asked = configuration(sampling, ends, prompt.begun)
        with self._turn:
            if not self._pipeline:
                return
            number = next(self._numbers)
            given = Tensor(numpy.array([ids]))
            with translated("read this prompt"):
                handle = self._handles[number] = self._pipeline.add_request(number, given, asked)
        try:
            made = self._chunks(handle, ids, ends, sampling)
            with closing(behind(made, prompt.begun)) as chunks:
                for chunk in chunks:
                    # GenAI does not tell what it had cached: surely nothing before the first.
                    yield replace(chunk, cached_tokens=None if number else 0)
        finally:
            with self._turn:
                self._handles.pop(number).cancel()

    def encode(self, prompt: Prompt) -> list[int]:
        """The token ids of a prompt: one id for each control token, text as nothing but text."""
        return self._tokens.encode(prompt)

    def count(self, text: str) -> int:
        """How many tokens a text has as user text."""
        return len(self._tokens.text(text))

    def token(self, text: str) -> int | None:
        """The id of a control token, or None where the text is not exactly one."""
        return self._tokens.token(text)

    def close(self) -> None:
        """Let the weights go; answers that are still being made end."""
        with self._turn:
            for handle in self._handles.values():
                handle.cancel()
            if self._pipeline and self._pipeline.has_non_finished_requests():
                self._pipeline.step()  # it says so on standard error where a request is left over
            self._pipeline = None

    def _chunks(
        self, handle: "GenerationHandle", ids: list[int], ends: AbstractSet[int], sampling: Sampling
    ) -> Stream:
        """The answer with what it has to begin with, up to the first token that ends it."""
        writing, total = Writing(self._tokens, ids), 0
        for made, logprob in self._steps(handle):
            total += len(made)
            last = next((at for at, token in enumerate(made) if token in ends), None)
            if last is not None:
                text = writing.write(made[:last]) + writing.rest()
                yield Chunk(text, len(made), "stop", len(ids), logprob)
                return
            yield Chunk(writing.write(made), len(made), None, len(ids), logprob)
        reason: Reason = "length" if total >= sampling.max_tokens else "stop"
        yield Chunk(writing.rest(), 0, reason, len(ids))

    def _steps(self, handle: "GenerationHandle") -> Iterator[tuple[list[int], float]]:
        """Token ids as they are made, with the sum of their log-probabilities."""
        from openvino_genai import GenerationStatus

        while True:
            with self._turn:
                if not self._pipeline:
                    return
                running = handle.get_status() == GenerationStatus.RUNNING
                if running and not handle.can_read():
                    with translated("go on"):
                        self._pipeline.step()
                output = next(iter(handle.read().values())) if handle.can_read() else None
            if output:
                yield list(output.generated_ids), float(sum(output.generated_log_probs))
            elif not running:
                return


@contextmanager
def loading(
    folder: Path, window: int, slots: int
) -> Iterator["Future[ContinuousBatchingPipeline]"]:
    """A pipeline with room for so many windows, which is loaded while the body runs."""
    genai = import_genai()
    scheduler = genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.cache_size = 0
    scheduler.num_kv_blocks = slots * (-(-window // BLOCK) + 1)
    scheduler.max_num_batched_tokens = STEP
    scheduler.max_num_seqs = slots
    properties = {"CPU_RUNTIME_CACHE_CAPACITY": KERNELS}
    with (
        translated(f"load {folder}"),
        few_kernels(),
        apart(
            lambda: genai.ContinuousBatchingPipeline(folder, scheduler, "CPU", properties)
        ) as pipeline,
    ):
        yield pipeline


def save(path: Path) -> None:
    """Write a GGUF file beside itself in OpenVINO's own form; MachineError where it cannot."""
    genai = import_genai()
    with (
        translated(f"read {path.name}"),
        few_kernels(),
        apart(lambda: genai.LLMPipeline(path, "CPU", enable_save_ov_model=True)) as pipeline,
    ):
        pipeline.result()


def slim(folder: Path) -> None:
    """Leave fewer nodes in a saved model, which is loaded sooner; as `compact` does.

    Raises MachineError where OpenVINO cannot, OSError where the disk is full.
    """
    import_genai()
    with translated(f"write {MODEL}"):
        compact(folder / MODEL)


def configuration(sampling: Sampling, ends: AbstractSet[int], begun: str) -> "GenerationConfig":
    """What is asked of the pipeline, as it is told."""
    genai = import_genai()
    asked = genai.GenerationConfig()
    asked.max_new_tokens = sampling.max_tokens
    asked.apply_chat_template = False
    asked.ignore_eos = not ends
    asked.stop_token_ids = set(ends) or {0}
    asked.eos_token_id = min(ends, default=0)
    asked.logprobs = int(sampling.logprobs)
    if sampling.temperature:
        asked.do_sample = True
        asked.temperature = sampling.temperature
        asked.top_p = sampling.top_p
        asked.top_k = LIKELIEST
        seed = sampling.seed
        asked.rng_seed = int.from_bytes(os.urandom(4), "big") if seed is None else seed
    if begun:
        pattern = SYNTAX.sub(r"\\\g<0>", begun) + r"[\s\S]*"
        asked.structured_output_config = genai.StructuredOutputConfig(regex=pattern)
    return asked


def few_kernels() -> AbstractContextManager[None]:
    """Have oneDNN keep KERNELS in a process where it first works in the body."""
    return preset("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS), "DNNL_PRIMITIVE_CACHE_CAPACITY")


def import_genai() -> Any:
    """OpenVINO GenAI without its telemetry, which would write to the home folder and call home.

    A module that is None cannot be imported; OpenVINO then does without (`telemetry_utils.py`).
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino_genai
    except (ImportError, OSError) as error:
        raise MachineError(
            f"OpenVINO cannot start: {error}", "use --engine llamacpp, or install openvino-genai"
        ) from error
    return openvino_genai


@contextmanager
def translated(what: str) -> Iterator[None]:
    """OpenVINO's error as ours: what it cannot do, and why."""
    try:
        yield
    except RuntimeError as error:
        why = " ".join(str(error).split())[:200]
        raise MachineError(f"OpenVINO cannot {what}: {why}", "use --engine llamacpp") from error


@contextmanager
def apart(make: Callable[[], Made]) -> "Iterator[Future[Made]]":
    """What is made in a thread of its own, while the body runs.

    OpenVINO's plugin gives the thread that loads it a stack for signal handlers, and takes that
    along when it is unloaded: in the main thread the next Ctrl-C would end the process by SIGSEGV.
    """
    with native_interrupts(), ThreadPoolExecutor(1) as pool:
        yield pool.submit(make)

"""Checkpoints on a GPU: our loop against plain `generate` in bf16, 8 and 4 bits, and the roofline.

    python bench/gpu.py [--shape starcoder|starcoderbase-1b] [--tokens N] [--folder FOLDER]

The architecture of StarCoder is built with random weights, saved and loaded like any checkpoint, so
that nothing is fetched, in the number formats that the program itself would choose. For each form
it prints the memory of the weights, the most that was allocated on the GPU while they were loaded
or a loop ran, the seconds to the first token after a short and a long prompt, and the tokens per
second after it; medians of three turns, in each of which both loops run. The roofline is the rate
at which this device can read the weights once per token, at the bandwidth of a large copy. Without
a GPU it does the same with a small shape on the CPU, and says so. Drafts are switched off: what
random weights write says nothing about them.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import torch
from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, GPTBigCodeConfig, PreTrainedModel

from starcoder_cli.engines.decoding.loop import SpeculativeDecoder
from starcoder_cli.engines.decoding.sampler import TorchSampler
from starcoder_cli.engines.load import choose_window
from starcoder_cli.engines.machine import detect_machine
from starcoder_cli.engines.transformers.architectures import SHAPES
from starcoder_cli.engines.transformers.loading import load_transformer, translate_load_errors
from starcoder_cli.engines.transformers.model import KERNEL_INSTALLERS
from starcoder_cli.engines.transformers.placement import (
    ModelSize,
    PlacementPlan,
    Quantization,
    plan_placement,
)
from starcoder_cli.engines.transformers.steps import (
    CachedForward,
    CudaGraphForward,
    DynamicCacheForward,
    decode_tokens,
    prefill,
    supports_cuda_graphs,
)
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Sampling
from starcoder_cli.weights.checkpoint import Checkpoint, inspect_checkpoint

RUNS = 3
FORMS: tuple[Quantization, ...] = ("none", "8bit", "4bit")
GIGA = 10**9
LOOPS = ("generate", "starcoder")
Done = TypeVar("Done")
Loop: TypeAlias = Callable[[Sequence[int], int], object]


@dataclass(frozen=True)
class Row:
    """What one loop did with one form of the weights; seconds, tokens per second, bytes.

    `peak` is 0 if there is no GPU to report it.
    """

    form: str
    loop: str
    weights: int
    peak: int
    short: float
    long: float
    rate: float
    roofline: float

    def cells(self) -> list[str]:
        """The cells of the table's row."""
        return [
            self.form,
            self.loop,
            f"{self.weights / GIGA:.1f}",
            f"{self.peak / GIGA:.1f}" if self.peak else "",
            f"{self.short:.3f}",
            f"{self.long:.3f}",
            f"{self.rate:.1f}",
            f"{self.roofline:.0f}",
            f"{self.rate / self.roofline:.0%}",
        ]


def main() -> None:
    """Build, measure, print."""
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(description=__doc__)
    gpu = device != "cpu"
    parser.add_argument("--shape", default="starcoder" if gpu else "starcoderbase-1b")
    parser.add_argument("--tokens", type=int, default=128 if gpu else 8)
    parser.add_argument("--prompts", type=int, nargs=2, default=(512, 4096) if gpu else (32, 128))
    parser.add_argument("--folder", help="where the checkpoint is written; it is left there")
    options = parser.parse_args()
    speed = bandwidth(device)
    name = torch.cuda.get_device_name(0) if gpu else "the processor, for want of a GPU"
    print(f"{options.shape} on {name}; a copy moves {speed / GIGA:.0f} GB/s\n")
    short, long = options.prompts
    heads = ["form", "loop", "weights GB", "peak GB", f"first of {short} s", f"first of {long} s"]
    print(f"| {' | '.join([*heads, 'tok/s', 'roofline tok/s', 'of it'])} |\n|{'---|' * 9}")
    place = nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory()
    with place as folder:
        if not (Path(folder) / "config.json").exists():
            build(Path(folder), options.shape, device)
        for row in rows(Path(folder), device, options.tokens, (short, long), speed):
            print(f"| {' | '.join(row.cells())} |", flush=True)


def build(folder: Path, shape: str, device: str) -> None:
    """Save the architecture with random weights and a tokenizer of single bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(make_config(shape), dtype=torch.bfloat16)
    model.save_pretrained(folder)
    save_tokenizer(folder)


def make_config(shape: str) -> GPTBigCodeConfig:
    """The configuration of a shape."""
    known = SHAPES[shape]
    return GPTBigCodeConfig(
        vocab_size=known.vocabulary_size,
        n_positions=known.position_count,
        n_embd=known.width,
        n_layer=known.layers,
        n_head=known.width // known.key_width,
        multi_query=True,
        activation_function="gelu_pytorch_tanh",
        bos_token_id=0,
        eos_token_id=0,
    )


def save_tokenizer(folder: Path) -> None:
    """Write a tokenizer of single bytes."""
    names = ["<|endoftext|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({name: at for at, name in enumerate(names)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({}))


def bandwidth(device: str) -> float:
    """Bytes per second, read and written, of a copy too large for any cache."""
    source = torch.empty(GIGA if device != "cpu" else GIGA // 8, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    moved: int = 2 * source.numel()
    (seconds,) = timed(partial(target.copy_, source))
    return moved / seconds


def timed(*works: Callable[[], object]) -> list[float]:
    """The median seconds of each piece of work, in turns, after a turn that does not count."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(RUNS + 1):
        for work, found in zip(works, seconds, strict=True):
            wait()
            begin = time.perf_counter()
            work()
            wait()
            found.append(time.perf_counter() - begin)
    return [statistics.median(found[1:]) for found in seconds]


def wait() -> None:
    """Wait until the device has finished its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def rows(
    folder: Path, device: str, tokens: int, prompts: tuple[int, int], speed: float
) -> Iterator[Row]:
    """Yield each form's rows, for plain `generate` and for our loop."""
    checkpoint = inspect_checkpoint(folder)
    asked = ((prompts[0], 1), (prompts[1], 1), (prompts[0], tokens + 1))
    for form in FORMS:
        if device != "cpu":
            torch.cuda.empty_cache()  # what was built or loaded before counts as free
        chosen = planned(checkpoint, form, device, prompts[1] + tokens)
        peaks = dict.fromkeys(LOOPS, 0)
        with translate_load_errors(checkpoint):
            model = watched(peaks, LOOPS, partial(load_transformer, checkpoint, chosen))
        weights = int(model.get_memory_footprint(return_buffers=False))
        fixed = supports_cuda_graphs(chosen.device)
        install = KERNEL_INSTALLERS.get(form) if fixed else None
        if install and (failure := install(model)):
            fixed = form != "8bit"
            print(failure)
        found = [measured(model, length, most, peaks, fixed=fixed) for length, most in asked]
        for name, short, long, whole in zip(LOOPS, *found, strict=True):
            rate = tokens / (whole - short)
            title = chosen.dtype if form == "none" else f"{form[0]} bit, {chosen.dtype}"
            yield Row(title, name, weights, peaks[name], short, long, rate, speed / weights)
        del model


def planned(checkpoint: Checkpoint, form: Quantization, device: str, room: int) -> PlacementPlan:
    """The plan by which the program would load a checkpoint; MachineError if it does not fit."""
    size = ModelSize(
        checkpoint.parameters, checkpoint.embedding_parameters, checkpoint.cache_numbers
    )
    return plan_placement(
        str(checkpoint.folder), size, room, LoadOptions(form, device), detect_machine()
    )


def measured(
    model: PreTrainedModel, length: int, most: int, peaks: dict[str, int], *, fixed: bool
) -> list[float]:
    """The seconds that each loop takes for an answer of `most` tokens; records peak memory.

    Our cache has the size that the program would give it for this prompt.
    """
    window = choose_window(model.config.max_position_embeddings, length + most)
    steps = CudaGraphForward(model, window) if fixed else DynamicCacheForward(model)
    loops: dict[str, Loop] = {
        "generate": partial(generate, model),
        "starcoder": partial(ours, steps),
    }
    ids = prompt(length)
    return timed(
        *(
            partial(watched, peaks, (name,), partial(loop, ids, most))
            for name, loop in loops.items()
        )
    )


def watched(peaks: dict[str, int], names: Sequence[str], work: Callable[[], Done]) -> Done:
    """Do some work, and record its peak of allocated GPU memory under the given names."""
    if not torch.cuda.is_available():
        return work()
    torch.cuda.reset_peak_memory_stats()
    done = work()
    for name in names:
        peaks[name] = max(peaks[name], torch.cuda.max_memory_allocated())
    return done


def prompt(length: int) -> list[int]:
    """This many ids of a text that does not repeat itself soon."""
    return [1 + (at * at + 7 * at) % 255 for at in range(length)]


def generate(model: PreTrainedModel, ids: Sequence[int], most: int) -> None:
    """Generate as the model cards do."""
    given = torch.tensor([list(ids)], device=model.device)
    with as_loaded(model), torch.inference_mode():
        model.generate(
            given,
            attention_mask=torch.ones_like(given),
            max_new_tokens=most,
            min_new_tokens=most,
            do_sample=False,
            pad_token_id=0,
        )


@contextmanager
def as_loaded(model: PreTrainedModel) -> Iterator[None]:
    """Make the quantized layers compute as bitsandbytes does while the body runs."""
    ours = {
        layer: layer.__dict__.pop("forward")
        for layer in model.modules()
        if isinstance(layer, Linear4bit | Linear8bitLt) and "forward" in layer.__dict__
    }
    try:
        yield
    finally:
        for layer, forward in ours.items():
            layer.__dict__["forward"] = forward


def ours(steps: CachedForward, ids: Sequence[int], most: int) -> None:
    """Generate as the backend does, with steps that were recorded for an earlier answer."""
    steps.crop(0)
    sampling = Sampling(most)
    decoding = SpeculativeDecoder(sampling, frozenset(), TorchSampler(sampling), None)
    for _ in decode_tokens(steps, decoding, prefill(steps, ids)):
        pass


if __name__ == "__main__":
    main()

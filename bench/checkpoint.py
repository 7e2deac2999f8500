"""A checkpoint on a CPU: our own graph compared with transformers and llama.cpp, in turns.

    python bench/checkpoint.py FOLDER [--shape NAME] [--read N] [--write N] [--turns N]

FOLDER is a checkpoint; if there is none, one of the shape with random weights is written there and
kept, along with the same weights as GGUF files. Prints the tokens per second that each way reads
and writes, medians of the turns.
"""

import argparse
import random
import statistics
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

from gguf import GGMLQuantizationType

from gpu import build
from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import load_model
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Model, Prompt, Sampling

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from gguf_checkpoints import write_gguf  # noqa: E402

WAYS = {
    "a graph of our own, 8 bit": LoadOptions(device="cpu"),
    "a graph of our own, 4 bit": LoadOptions(device="cpu", quantize="4bit"),
    "a graph of our own, as the files are": LoadOptions(device="cpu", quantize="none"),
    "transformers, bf16": LoadOptions(device="cpu", dtype="bf16"),
    "transformers, fp32": LoadOptions(device="cpu", dtype="fp32"),
}
GGUF_WAYS = {"llama.cpp, Q8_0": "Q8_0", "llama.cpp, Q4_0": "Q4_0", "llama.cpp, Q4_1": "Q4_1"}


def main() -> None:
    """Load each way, measure in turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shape", default="starcoderbase-1b")
    parser.add_argument("--read", type=int, default=512)
    parser.add_argument("--write", type=int, default=24)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    if not (options.folder / "config.json").exists():
        build(options.folder, options.shape, "cpu")
    window = options.read + options.write + 256
    files = {name: (options.folder, loading) for name, loading in WAYS.items()}
    for name, kind in GGUF_WAYS.items():
        path = options.folder / f"{kind}.gguf"
        if not path.exists():
            write_gguf(options.folder, path, GGMLQuantizationType[kind])
        files[name] = path, LoadOptions(engine="llamacpp")
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in files}
    with ExitStack() as stack:
        models, load_seconds = {}, {}
        for name, (path, loading) in files.items():
            start = time.perf_counter()
            model = load_model(find_model(str(path)), path, window, loading)
            models[name] = stack.enter_context(closing(model))
            load_seconds[name] = time.perf_counter() - start
            measure(model, -1, 16, 2)
        for turn in range(options.turns):
            for name, model in models.items():
                rates[name].append(measure(model, turn, options.read, options.write))
    print(f"| way | loads, s | reads {options.read} | writes |\n|---|---|---|---|")
    for name, pairs in rates.items():
        read, write = (statistics.median(each) for each in zip(*pairs, strict=True))
        print(f"| {name} | {load_seconds[name]:.1f} | {read:.1f} | {write:.2f} |")


def measure(model: Model, turn: int, read: int, write: int) -> tuple[float, float]:
    """Tokens per second for reading a text that is new to a model, and for writing after it.

    The tokenizer of the made-up checkpoint has a token for each byte.
    """
    letters = random.Random(turn)
    text = "".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=read))
    moments = [time.perf_counter()]
    with closing(model.stream(Prompt((text,)), Sampling(write))) as chunks:
        for chunk in chunks:
            moments += [time.perf_counter()] * chunk.tokens
    first, last = moments[1] - moments[0], moments[-1] - moments[1]
    return read / first, (len(moments) - 2) / last


if __name__ == "__main__":
    main()

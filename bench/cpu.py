"""A Qwen model on a CPU: each engine as the program runs it, compared with a bare script.

    python bench/cpu.py [--model NAME] [--runs N] [--picture FILE]

Prints how fast each reads prompts of several lengths and writes after them, beside what memory and
multipliers of this machine allow; then whole commands. All engines are loaded at the same time and
asked in turns, each prompt is new to them; figures are medians.
"""

import argparse
import json
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tokenizers import Tokenizer

from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.engines.openvino.prepared import Prepared, find_prepared
from starcoder_cli.models.store import locate_model
from timed import interleaved, median, ratio

ENGINE = Path(__file__).with_name("cpu_engine.py")
LLAMACPP, OPENVINO = "llamacpp", "openvino"
ENGINES = LLAMACPP, "bare llama.cpp", OPENVINO
LENGTHS = 64, 256, 1024, 4096
RATES = 100, 200, 500, 1000, 2000  # where the picture has numbers
WRITE = 48
FILL = 600
WINDOW = 4608
BEGUN = "\n\n\ndef mean(values):\n"
"""The end of a file, so that every engine has something to add."""

MATRIX = 2048
"""Rows of the matrices multiplied to find the limit."""

VOCABULARY = 151_936
BODIES = {896: 358e6, 1536: 1.31e9}
"""By the size of a hidden state, the weights that each token of a prompt passes through."""


@dataclass(frozen=True)
class Limits:
    """What the machine can do: bytes per second from memory, matrix operations per second.

    The operations are in bf16, or in fp32 if the processor multiplies that faster.
    """

    bandwidth: float
    operations: float

    @classmethod
    def measured(cls) -> "Limits":
        """Measure the best of several sums over a gigabyte, and of several products."""
        import torch

        numbers = torch.ones(1 << 28)
        small = [torch.ones(256, 256, dtype=dtype) for dtype in (torch.bfloat16, torch.float32)]
        faster = min(small, key=lambda each: min(timed(lambda: each @ each) for _ in range(3)))
        matrix = torch.ones(MATRIX, MATRIX, dtype=faster.dtype)
        moments = [timed(lambda: numbers.sum()) for _ in range(10)]
        products = [timed(lambda: matrix @ matrix) for _ in range(20)]
        return cls(numbers.numel() * 4 / min(moments), 2 * MATRIX**3 / min(products))


def timed(run: Callable[[], object]) -> float:
    """The seconds that a call takes."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


class Engine:
    """A process that holds one engine."""

    def __init__(self, name: str, path: Path, folder: Path) -> None:
        words = [sys.executable, str(ENGINE), name, str(path), str(folder), str(WINDOW)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.load = self._told()["load"]

    def ask(self, ids: Sequence[int], write: int) -> Mapping[str, float]:
        """Seconds to the first and to the last token, how many there were, and the peak memory."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"ids": list(ids), "write": write}) + "\n")
        self._process.stdin.flush()
        return self._told()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _told(self) -> Mapping[str, float]:
        assert self._process.stdout
        found: Mapping[str, float] = json.loads(self._process.stdout.readline())
        return found


def main() -> None:
    """Measure, print the tables, and draw the picture if one is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=SMALL_MODEL)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    path = locate_model(find_model(options.model))
    prepared = find_prepared(path) if path else None
    if not path or not prepared:
        sys.exit(f"{options.model} is not prepared: starcoder models pull {options.model}")
    text = Tokenizer.from_file(str(prepared.folder / "tokenizer.json"))
    # What this process once held would count towards the peak of the processes it starts.
    with ProcessPoolExecutor(1, get_context("spawn")) as apart:
        limits = apart.submit(Limits.measured).result()
    found = rates(path, prepared, code(text), options.runs)
    bounds = bounded(limits, path, prepared)
    report(found, limits, bounds)
    if options.picture:
        draw(found, bounds, options.picture)
    commands(text, options.model, options.runs)


def code(text: Tokenizer) -> list[int]:
    """Token ids of more code than is ever asked for."""
    library = Path(sysconfig.get_path("stdlib"))
    files = (path.read_text(encoding="utf-8") for path in sorted(library.glob("*.py"))[:40])
    ids: list[int] = text.encode("".join(files), add_special_tokens=False).ids
    return ids


def rates(
    path: Path, prepared: Prepared, ids: Sequence[int], runs: int
) -> Mapping[tuple[str, int], list[Mapping[str, float]]]:
    """What each engine did with each prompt length, once per turn, dropping the first turn."""
    engines = {name: Engine(name, path, prepared.folder) for name in ENGINES}
    found: dict[tuple[str, int], list[Mapping[str, float]]] = {}
    at = 0
    try:
        for turn in range(runs + 1):
            for length in (*LENGTHS, FILL):
                at += length
                for name, engine in engines.items():
                    answer = engine.ask(ids[at : at + length], WRITE)
                    if turn:
                        found.setdefault((name, length), []).append(answer)
    finally:
        for engine in engines.values():
            engine.close()
    return found


def read_rate(length: int, answers: Sequence[Mapping[str, float]]) -> float:
    """Tokens read per second, up to the first one written."""
    return statistics.median(length / answer["first"] for answer in answers)


def write_rate(answers: Sequence[Mapping[str, float]]) -> float:
    """Tokens written per second after the first."""
    return statistics.median(
        (answer["tokens"] - 1) / (answer["last"] - answer["first"])
        for answer in answers
        if answer["tokens"] > WRITE // 2
    )


def bounded(limits: Limits, path: Path, prepared: Prepared) -> Mapping[str, tuple[float, float]]:
    """What the machine allows each form of the weights: tokens read and written per second.

    OpenVINO's form holds the embedding twice, and a token needs only one row of it.
    """
    config = json.loads((prepared.folder / "config.json").read_text(encoding="utf-8"))
    embedding = VOCABULARY * config["hidden_size"] * 8.5 / 8
    read = limits.operations / (2 * BODIES[config["hidden_size"]])
    return {
        LLAMACPP: (read, limits.bandwidth / path.stat().st_size),
        OPENVINO: (read, limits.bandwidth / (sum(prepared.files.values()) - embedding)),
    }


def report(
    found: Mapping[tuple[str, int], list[Mapping[str, float]]],
    limits: Limits,
    bounds: Mapping[str, tuple[float, float]],
) -> None:
    """Print the rates beside the limits."""
    memory, matrices = limits.bandwidth / 1e9, limits.operations / 1e9
    print(f"memory {memory:.0f} GB/s, matrices {matrices:.0f} GFLOP/s\n")
    print("| engine | " + " | ".join(f"reads {n}" for n in LENGTHS) + " | writes | peak MiB |")
    print("|---" * (len(LENGTHS) + 3) + "|")
    for name in ENGINES:
        reads = [f"{read_rate(n, found[name, n]):.0f}" for n in LENGTHS]
        writes = statistics.median(write_rate(found[name, n]) for n in LENGTHS[:3])
        peak = found[name, LENGTHS[-1]][-1]["peak"]
        print(f"| {name} | {' | '.join(reads)} | {writes:.1f} | {peak:.0f} |")
    for name, (read, write) in bounds.items():
        print(
            f"| limit for {name} | {' | '.join([f'{read:.0f}'] * len(LENGTHS))} | {write:.1f} | |"
        )
    whole = {
        name: [answer["last"] for answer in found[name, FILL]] for name in (LLAMACPP, OPENVINO)
    }
    share = statistics.median(
        ours / theirs for ours, theirs in zip(whole[OPENVINO], whole[LLAMACPP], strict=True)
    )
    print(f"\nloaded, {FILL} tokens read and {WRITE} written: {share:.2f} of llama.cpp's time")


def commands(text: Tokenizer, model: str, runs: int) -> None:
    """Print what whole cold commands take on each engine."""
    ids = code(text)
    for read, write in ((64, 1), (FILL, WRITE)):
        with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as file:
            file.write(text.decode(ids[1000 : 1000 + read]) + BEGUN)
            file.flush()
            words = [sys.executable, "-m", "starcoder_cli", "complete", "-q", "--raw"]
            words += ["-m", model, file.name, "--no-server"]
            words += ["--max-tokens", str(write), "--engine"]
            chosen = {engine: [*words, engine] for engine in (LLAMACPP, OPENVINO, "auto")}
            results = interleaved(chosen, b"", runs)
        print(f"\n## Cold commands, {read} tokens read and {write} written\n")
        print("| --engine | seconds | / llamacpp | peak MiB |\n|---|---|---|---|")
        for name, done in results.items():
            seconds, peak = median(done, lambda r: r.end), median(done, lambda r: r.peak)
            against = ratio(done, results[LLAMACPP], lambda r: r.end)
            print(f"| {name} | {seconds:.2f} | {against:.2f} | {peak:.0f} |")


def draw(
    found: Mapping[tuple[str, int], list[Mapping[str, float]]],
    bounds: Mapping[str, tuple[float, float]],
    to: Path,
) -> None:
    """Draw the rates of reading and writing, and the limits as lines."""
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name in ENGINES:
        left.plot(LENGTHS, [read_rate(n, found[name, n]) for n in LENGTHS], "o-", label=name)
    left.axhline(bounds[OPENVINO][0], color="grey", linestyle="--", label="limit")
    left.set(xscale="log", yscale="log", xlabel="tokens of the prompt", ylabel="tokens read / s")
    left.set_xticks(LENGTHS, [str(n) for n in LENGTHS])
    left.set_yticks(RATES, [str(rate) for rate in RATES])
    left.minorticks_off()
    left.legend()
    writes = [
        statistics.median(write_rate(found[name, n]) for n in LENGTHS[:3]) for name in ENGINES
    ]
    right.bar(ENGINES, writes, color=[f"C{at}" for at in range(len(ENGINES))])
    for at, name in enumerate(ENGINES):
        limit = bounds[LLAMACPP if "llama" in name else OPENVINO][1]
        right.plot([at - 0.4, at + 0.4], [limit, limit], color="grey", linestyle="--")
    right.set(ylabel="tokens written / s")
    right.tick_params(axis="x", labelrotation=20)
    figure.savefig(to)


if __name__ == "__main__":
    main()

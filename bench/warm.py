"""What a server costs and saves: the client's start, the second answer, the rate, several at once.

    python bench/warm.py [--runs N] [--engine llamacpp|openvino]

On the default model, with a server of its own. Medians of interleaved runs, and ratios turn by
turn. The context has about 1,500 tokens; between two fills the line before the hole changes. The
peer is llama.cpp's own server in a bare script, which also keeps what it has read.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.engines.load import load_model
from starcoder_cli.engines.server_model import LocalServer, LocalServerModel, connect_to_server
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Hole, Model, Prompt, Sampling
from starcoder_cli.models.store import locate_model
from starcoder_cli.prompts.fim_formats import FIM_FORMATS
from starcoder_cli.settings import EngineChoice
from starcoder_cli.stream import Completion, collect
from starcoder_cli.wire.local_protocol import LoadRequest
from timed import run

HERE = Path(__file__).parent
ROOM, CLIENTS, RATE_TOKENS = 2048, 8, 64
SHORT = Prompt(("def moving_average(values, size):\n",))
AFTER = "    return total\n\n\ndef report(rows):\n    for row in rows:\n        print(row.name)\n"


def main() -> None:
    """Start a server in a folder of its own, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--engine", choices=("llamacpp", "openvino"), default="llamacpp")
    options = parser.parse_args()
    path = locate_model(find_model(SMALL_MODEL))
    if path is None:
        sys.exit(f"{SMALL_MODEL} is not installed: starcoder models pull {SMALL_MODEL}")
    loading = LoadOptions(engine=options.engine)
    opening = LoadRequest(SMALL_MODEL, str(path), ROOM, loading, keep_alive=-1.0)
    with serving() as reach:
        endpoint = reach()
        assert endpoint
        served = LocalServerModel(endpoint, opening, reach)
        print(f"## {SMALL_MODEL}, {served.engine}")
        starts(served, options.engine, options.runs)
        seconds(served, path, options.runs)
        with closing(load_model(find_model(SMALL_MODEL), path, ROOM, loading)) as alone:
            rates(served, alone, options.runs)
        together(served, options.runs)
    os._exit(0)  # engines take seconds to tidy up


@contextmanager
def serving() -> Iterator[Callable[[], LocalServer | None]]:
    """Run a server while the body runs; yields a function that connects to it."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_RUNTIME_DIR"] = name
        try:
            yield partial(connect_to_server, True, lambda: None)
        finally:
            subprocess.run([sys.executable, "-m", "starcoder_cli", "stop"], check=True)


def starts(served: Model, engine: EngineChoice, runs: int) -> None:
    """Print what the client's process adds to what the server takes for one token."""
    words = [
        "complete",
        "-q",
        "-m",
        SMALL_MODEL,
        "--engine",
        engine,
        "--max-tokens",
        "1",
        "--raw",
        "-",
    ]
    ours = [sys.executable, "-m", "starcoder_cli", *words]
    typer = [sys.executable, "-c", "import typer; print()"]
    text = "".join(SHORT.pieces).encode()
    run(ours, text)
    rows = []
    for _ in range(4 * runs):
        inside = answer(served, SHORT, 1).seconds
        rows.append((run(ours, text).end - inside, run(typer, b"").end))
    overhead, base = (statistics.median(column) for column in zip(*rows, strict=True))
    ratio = statistics.median(one / other for one, other in rows)
    print("\n| client's overhead s | import typer s | ratio |\n|---|---|---|")
    print(f"| {overhead:.3f} | {base:.3f} | {ratio:.2f} |")


def seconds(served: Model, path: Path, runs: int) -> None:
    """Print the time to the first token: cold, after an edit, and the peer's."""
    rows = []
    command = [sys.executable, str(HERE / "bare_server.py"), str(path), str(ROOM)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as peer:
        for turn in range(runs):
            cold = answer(served, context(turn, 0), 4)
            told = [answer(served, context(turn, edit), 4) for edit in (1, 2)]
            theirs = [bare(peer, served, context(turn, edit)) for edit in (0, 1, 2)]
            first = statistics.mean(each.first_token_seconds for each in told)
            rows.append((cold.first_token_seconds, first, theirs[0], statistics.mean(theirs[1:])))
        assert peer.stdin
        peer.stdin.close()
        peer.kill()
    read = cold.prompt_tokens - (told[-1].cached_tokens or 0)
    print(f"\n{cold.prompt_tokens} tokens, of which {read} were read again or cannot be told\n")
    print("| way | first token, cold s | after an edit s | ratio |\n|---|---|---|---|")
    for name, at in (("starcoder", 0), ("llama.cpp's server", 2)):
        pairs = [(row[at], row[at + 1]) for row in rows]
        ratio = statistics.median(warm / cold for cold, warm in pairs)
        cold_s, warm_s = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"| {name} | {cold_s:.2f} | {warm_s:.3f} | {ratio:.3f} |")
    against = statistics.median(row[1] / row[3] for row in rows)
    print(f"\nAfter an edit, ours / theirs: {against:.2f}")


def context(turn: int, edit: int) -> Prompt:
    """A file of about 1,500 tokens with a hole near its end, after a line that was edited."""
    lines = [
        f"def step_{turn}_{at}(value):\n    total = value * {at}\n    return total + {at % 7}\n\n\n"
        for at in range(60)
    ]
    prefix = "".join(lines) + f"def last(values):\n    total = {edit}\n"
    return FIM_FORMATS["qwen2.5-coder"].build_prompt(Hole(prefix, AFTER))


def bare(peer: "subprocess.Popen[bytes]", served: Model, prompt: Prompt) -> float:
    """Seconds until the peer has the first token of the answer to a prompt."""
    assert peer.stdin
    assert peer.stdout
    asked = {"prompt": "".join(prompt.pieces), "stream": True, "max_tokens": 4, "temperature": 0}
    peer.stdin.write(json.dumps(asked).encode() + b"\n")
    peer.stdin.flush()
    return float(peer.stdout.readline())


def rates(served: Model, alone: Model, runs: int) -> None:
    """Print the tokens per second after the first one."""
    rows = []
    for _ in range(runs):
        pair = [answer(model, SHORT, RATE_TOKENS) for model in (served, alone)]
        rows.append([each.tokens / (each.seconds - each.first_token_seconds) for each in pair])
    ratio = statistics.median(one / other for one, other in rows)
    through, inside = (statistics.median(column) for column in zip(*rows, strict=True))
    print("\n| rate through the server | in the same process | ratio |\n|---|---|---|")
    print(f"| {through:.1f} | {inside:.1f} | {ratio:.2f} |")


def together(served: Model, runs: int) -> None:
    """Print the table of several clients at once."""
    rows = []
    for turn in range(runs):
        single = answer(served, question(turn, 99), RATE_TOKENS)
        ask = partial(answer, served, tokens=RATE_TOKENS)
        begin = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            found = list(pool.map(ask, [question(turn, at) for at in range(CLIENTS)]))
        throughput = sum(each.tokens for each in found) / (time.perf_counter() - begin)
        alone = single.tokens / single.seconds
        late = [each.seconds for each in found]
        rows.append((alone, throughput, throughput / alone, max(late) / statistics.median(late)))
    figures = [statistics.median(column) for column in zip(*rows, strict=True)]
    print(f"\n| one client, tokens/s | {CLIENTS} clients | ratio | worst / median latency |")
    print("|---|---|---|---|\n| {:.1f} | {:.1f} | {:.2f} | {:.2f} |".format(*figures))


def question(turn: int, at: int) -> Prompt:
    """A short prompt unlike the others."""
    return Prompt((f"def compute_{turn}_{at}(values):\n",))


def answer(model: Model, prompt: Prompt, tokens: int) -> Completion:
    """A greedy answer."""
    return collect(model.stream(prompt, Sampling(max_tokens=tokens)))


if __name__ == "__main__":
    main()

"""One engine in a process of its own, for `cpu.py`: NAME FILE FOLDER WINDOW.

Prints how long it took to load, then answers each line of JSON on standard input (`ids` to read, at
most `write` tokens) with the seconds to the first token and to the last, how many there were, and
the peak memory.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from tokenizers import Tokenizer

Answer: TypeAlias = Callable[[Sequence[int], int], Iterator[int]]
"""Takes ids to read and how many tokens to write; yields how many tokens came at a time."""


def ours(name: str, file: Path, folder: Path, window: int) -> Answer:
    """The program's own backend for an engine."""
    from starcoder_cli.engines.llamacpp import LlamaCppModel
    from starcoder_cli.engines.openvino.model import OpenVinoModel
    from starcoder_cli.engines.openvino.sources import prepared_source
    from starcoder_cli.model import Prompt, Sampling

    model = (
        LlamaCppModel(file, window)
        if name == "llamacpp"
        else OpenVinoModel(prepared_source(folder, file), window)
    )
    text = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def answer(ids: Sequence[int], write: int) -> Iterator[int]:
        with closing(model.stream(Prompt((text.decode(ids),)), Sampling(write))) as chunks:
            yield from (chunk.tokens for chunk in chunks if chunk.tokens)

    return answer


def bare_llamacpp(file: Path, window: int) -> Answer:
    """xllamacpp used as its documentation shows."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_ctx = window
    parameters.n_parallel = 1
    parameters.warmup = False
    parameters.verbosity = 0
    server = xllamacpp.Server(parameters)

    def answer(ids: Sequence[int], write: int) -> Iterator[int]:
        moments: list[float] = []
        asked = {"prompt": list(ids), "stream": True, "max_tokens": write, "temperature": 0.0}

        def note(event: dict[str, list[dict[str, str]]]) -> bool:
            if not event["choices"][0].get("finish_reason"):
                moments.append(time.perf_counter())
            return False

        server.handle_completions(asked, note)
        yield from replayed(moments)

    return answer


MOMENTS: list[float] = []


def replayed(moments: Sequence[float]) -> Iterator[int]:
    """Yield one token for each moment that a callback recorded."""
    MOMENTS.extend(moments)
    return iter([1] * len(moments))


def main() -> None:
    """Load what is named, and answer until there is nothing more to read."""
    name, file, folder, window = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    begin = time.perf_counter()
    if name == "bare llama.cpp":
        answer = bare_llamacpp(file, window)
    else:
        answer = ours(name, file, folder, window)
    print(json.dumps({"load": time.perf_counter() - begin}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        MOMENTS.clear()
        begin, count, moments = time.perf_counter(), 0, list[float]()
        for tokens in answer(asked["ids"], asked["write"]):
            count += tokens
            moments.append(time.perf_counter())
        moments = MOMENTS or moments
        told = {"first": moments[0] - begin, "last": moments[-1] - begin, "tokens": count}
        told["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

"""What the precision of OpenVINO's graphs costs: how far predictions are from those in 32 bits.

    python bench/precision.py [--model NAME] [--texts N]

Reads the beginnings of files of Python's library, and compares the logits of the last tokens of
each with those that the same weights give in 32 bits without any rounding of activations.
"""

import argparse
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy
import openvino
from numpy.typing import NDArray

from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.engines.openvino.graph import PagedGraph, TokenSpan, compile_parts
from starcoder_cli.engines.openvino.kv_cache import BLOCK_TOKENS
from starcoder_cli.engines.openvino.model import OpenVinoModel
from starcoder_cli.engines.openvino.prepared import find_prepared
from starcoder_cli.engines.openvino.sources import prepared_source
from starcoder_cli.models.store import locate_model

EXACT: Mapping[str, Any] = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
}
BFLOAT16 = {"INFERENCE_PRECISION_HINT": "bf16", "KV_CACHE_PRECISION": "bf16"}
WAYS: Mapping[str, Mapping[str, Any]] = {
    "32 bits, activations not rounded": EXACT,
    "bfloat16": BFLOAT16,
    "bfloat16, activations not rounded": {**BFLOAT16, "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0},
    "as it is": {},
}
CHARACTERS, ROWS = 4000, 110


def main() -> None:
    """Print the distance of each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=SMALL_MODEL)
    parser.add_argument("--texts", type=int, default=8)
    options = parser.parse_args()
    print("| graph | KL divergence | same token |\n|---|---|---|")
    exact: NDArray[Any] | None = None
    for title, config in WAYS.items():
        found = predictions(options.model, options.texts, config)
        exact = found if exact is None else exact
        distance = (numpy.exp(exact) * (exact - found)).sum(1).mean()
        same = (exact.argmax(1) == found.argmax(1)).mean()
        print(f"| {title} | {distance:.5f} | {100 * same:.1f} % |", flush=True)


def predictions(name: str, count: int, config: Mapping[str, Any]) -> NDArray[Any]:
    """Log-probabilities, of shape [tokens of all texts, vocabulary]."""
    path = locate_model(find_model(name))
    prepared = find_prepared(path) if path else None
    assert path and prepared, f"run: starcoder models pull {name}"
    source = prepared_source(prepared.folder, path)
    with configured(config):
        model = OpenVinoModel(source, CHARACTERS)
        texts = [model.tokenize(text) for text in library_texts(count)]
        model.close()
        block_count = -(-max(map(len, texts)) // BLOCK_TOKENS)
        with compile_parts(source.read_model) as parts:
            graph = PagedGraph([part.result() for part in parts], block_count)
    rows = []
    for ids in texts:
        span = TokenSpan(ids, 0, range(block_count))
        logits = graph.run([span], range(len(ids) - ROWS, len(ids))).copy()
        logits -= logits.max(1, keepdims=True)
        rows.append(logits - numpy.log(numpy.exp(logits).sum(1, keepdims=True)))
    graph.close()
    return numpy.concatenate(rows)


@contextmanager
def configured(config: Mapping[str, Any]) -> Iterator[None]:
    """Have every graph compiled with a configuration while the body runs."""
    compile_model = openvino.Core.compile_model

    def compile_so(core: Any, model: Any, device: str, own: Mapping[str, Any]) -> Any:
        return compile_model(core, model, device, {**own, **config})

    with mock.patch.object(openvino.Core, "compile_model", compile_so):
        yield


def library_texts(count: int) -> list[str]:
    """The beginnings of `count` files of Python's library."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    texts = (path.read_text(encoding="utf-8")[:CHARACTERS] for path in files)
    return [text for text in texts if len(text) == CHARACTERS][:count]


if __name__ == "__main__":
    main()

"""Graphs of small checkpoints, beside what transformers makes of the same ids."""

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from graphs import EXACT
from starcoder_cli.engines.openvino.graph import PagedGraph, TokenSpan
from starcoder_cli.engines.openvino.sources import build_graph
from starcoder_cli.weights.model_config import read_model_config
from starcoder_cli.weights.tensors import map_tensors

IDS = [5 + number * 37 % 200 for number in range(70)]
PIECES = (0, 50, 51, 70)
BLOCKS = [2, 5, 7]


def difference(folder: Path, of: Path | None = None) -> float:
    """The largest difference of a logit where a text is read in pieces, over the largest logit.

    The checkpoint is as its files have it, or that of another folder of the same model.
    """
    import openvino

    of = of or folder
    tensors = map_tensors([of / "model.safetensors"])
    model = build_graph(read_model_config(of / "config.json"), tensors, bits=16)
    graph = PagedGraph([openvino.Core().compile_model(model, "CPU", dict(EXACT))], 8)
    reference = AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.inference_mode():
        expected = reference(torch.tensor([IDS])).logits[0].float().numpy()
    differences = []
    for start, end in zip(PIECES, PIECES[1:], strict=False):
        rows = graph.run([TokenSpan(IDS[start:end], start, BLOCKS)], range(end - start))
        differences.append(abs(rows - expected[start:end]).max())
    graph.close()
    return float(max(differences) / abs(expected).max())


def change_config(folder: Path, **values: object) -> None:
    """Change what a checkpoint says of itself."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def scale_weights(folder: Path, seed: int = 3) -> None:
    """Give vectors of a checkpoint, which are all 0 or 1 in a new one, other numbers."""
    from safetensors.torch import load_file, save_file

    generator = torch.Generator().manual_seed(seed)
    file = folder / "model.safetensors"
    tensors = {
        name: tensor
        if tensor.dim() > 1
        else tensor + 0.3 * torch.randn(tensor.shape, generator=generator)
        for name, tensor in load_file(file).items()
    }
    save_file(tensors, file, {"format": "pt"})

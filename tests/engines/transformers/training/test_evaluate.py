"""Scores on held-out answers."""

from pathlib import Path

import pytest
import torch

from starcoder_cli.engines.transformers.training.batches import Example
from starcoder_cli.engines.transformers.training.evaluate import HeldOutScores, evaluate
from starcoder_cli.engines.transformers.training.loss import LossWeights
from starcoder_cli.engines.transformers.training.trainer import load_with_adapter
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build
from trainings import OPTIONS, examples


def test_exact_is_what_the_model_writes_greedily(tmp_path: Path) -> None:
    model = load_with_adapter(inspect_checkpoint(build(tmp_path, "qwen2")), OPTIONS).float()
    prompts = [example.ids[: example.answer_start] for example in examples(4)]
    with torch.no_grad():
        written = [
            model.generate(
                input_ids=torch.tensor([prompt]),
                attention_mask=torch.ones((1, len(prompt)), dtype=torch.long),
                max_new_tokens=5,
                do_sample=False,
            )[0].tolist()
            for prompt in prompts
        ]
    pairs = list(zip(prompts, written, strict=True))
    right = [Example(tuple(ids), len(prompt)) for prompt, ids in pairs]
    wrong = [Example((*ids[:-1], ids[-1] ^ 1), len(prompt)) for prompt, ids in pairs]
    assert evaluate(model, right, 64).exact == 1.0
    scores = evaluate(model, [*right, *wrong], 64)
    assert (scores.exact, scores.count) == (0.5, 8)
    assert scores.end > 0 and scores.inside > 0


def test_an_answer_ends_early_where_its_end_is_likeliest_before_it(tmp_path: Path) -> None:
    model = load_with_adapter(inspect_checkpoint(build(tmp_path, "qwen2")), OPTIONS).float()
    prompt = examples(1)[0].ids[:6]
    with torch.no_grad():
        end = int(model(torch.tensor([prompt])).logits[0, -1].argmax())
    early = Example((*prompt, end ^ 1, end ^ 1, end), len(prompt))
    other = Example((*prompt, end ^ 1, end ^ 1, end ^ 1), len(prompt))
    assert evaluate(model, [early], 64).early == 1.0
    assert evaluate(model, [other], 64).early == 0.0


def test_words_and_loss() -> None:
    scores = HeldOutScores(1.25, 0.5, 0.3, 0.4, 10)
    assert scores.loss(LossWeights(0.5, 1.0)) == pytest.approx(1.125)
    assert scores.describe() == (
        "loss inside 1.250, at the end 0.500; of 10 answers 30.0 % end too early, 40.0 % are exact"
    )

"""What is learnt from an answer: mostly where it ends, and a little of its inside.

A short training on the inside alone made a model forget what it could do. So the end token has
most of the weight, and the inside is kept close to the frozen model's distribution there.

A weight alone would teach that answers end too early: it makes the end more likely everywhere, in
proportion. So the end's logit is raised by the logarithm of its weight while the loss is computed
(logit adjustment, Menon et al. 2021), and the likelihoods that are learnt are the true ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING

from starcoder_cli.engines.transformers.training.batches import Example

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

CHUNK_POSITIONS = 128
"""How many rows of logits are in memory at once: a row of a large vocabulary takes 600 kB."""

IGNORED, INSIDE, END = 0, 1, 2

DIVERGENCE_PERIOD = 3
"""The base reads one batch of so many: to read all of them takes a fifth of the time."""


@dataclass(frozen=True)
class LossWeights:
    """How much each part of the loss counts; `divergence` is of the base from what is trained."""

    inside: float = 0.5
    end: float = 1.0
    divergence: float = 0.2

    def for_batch(self, number: int) -> "LossWeights":
        """The weights for a batch: the divergence counts in some, and there for the others too."""
        is_compared = number % DIVERGENCE_PERIOD == 0
        return replace(self, divergence=self.divergence * DIVERGENCE_PERIOD * is_compared)


@dataclass(frozen=True)
class Totals:
    """How many tokens of a step are inside answers, how many end one, and which token that is."""

    inside: int
    ends: int
    end_id: int | None

    @classmethod
    def of(cls, batches: Sequence[Sequence[Example]]) -> "Totals":
        """The totals of the given batches."""
        examples = [example for batch in batches for example in batch]
        end_ids = [example.ids[-1] for example in examples if example.has_end]
        answers = sum(len(example) - example.answer_start for example in examples)
        inside, ends = answers - len(end_ids), len(end_ids)
        return cls(max(inside, 1), max(ends, 1), end_ids[0] if end_ids else None)


@dataclass(frozen=True)
class AnswerStates:
    """The last hidden state before each token of the answers in a batch, and these tokens.

    `kinds` says for each token whether it is inside or the end, `rows` whose answer it is in.
    """

    hidden: "torch.Tensor"
    labels: "torch.Tensor"
    kinds: "torch.Tensor"
    rows: "torch.Tensor"


def read_answers(model: "PeftModel", batch: Sequence[Example]) -> AnswerStates:
    """The states of a batch, with its examples padded at their ends."""
    import torch

    device = model.device
    width = max(map(len, batch))
    ids = torch.zeros((len(batch), width), dtype=torch.long)
    mask, kinds = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, example in enumerate(batch):
        ids[row, : len(example)] = torch.tensor(example.ids)
        mask[row, : len(example)] = 1
        kinds[row, example.answer_start : len(example)] = INSIDE
        if example.has_end:
            kinds[row, len(example) - 1] = END
    causal = model.get_base_model()
    output = causal.base_model(input_ids=ids.to(device), attention_mask=mask.to(device))
    rows, columns = torch.nonzero(kinds, as_tuple=True)
    hidden = output.last_hidden_state[rows.to(device), columns.to(device) - 1]
    return AnswerStates(hidden, ids[rows, columns].to(device), kinds[rows, columns], rows)


def head_logits(model: "PeftModel", hidden: "torch.Tensor") -> "torch.Tensor":
    """The logits of some states, scaled or bounded as the model's family does."""
    import torch

    causal = model.get_base_model()
    logits: torch.Tensor = causal.get_output_embeddings()(hidden).float()
    config = causal.config
    if scaling := getattr(config, "logits_scaling", None):
        logits = logits / scaling
    if bound := getattr(config, "final_logit_softcapping", None):
        logits = torch.tanh(logits / bound) * bound
    return logits


def backward(
    model: "PeftModel", batch: Sequence[Example], totals: Totals, weights: LossWeights
) -> float:
    """Add a batch's gradients to those of its step; return its part of the step's loss."""
    import torch

    states = read_answers(model, batch)
    base = None
    if weights.divergence:
        with torch.no_grad(), model.disable_adapter():
            base = read_answers(model, batch).hidden
    hidden = states.hidden.detach().requires_grad_()
    sum_of_parts = 0.0
    factors = torch.tensor([0.0, weights.inside / totals.inside, weights.end / totals.ends])
    ratio = float(factors[END] / factors[INSIDE]) if weights.inside and weights.end else 1.0
    for start in range(0, len(hidden), CHUNK_POSITIONS):
        part = slice(start, start + CHUNK_POSITIONS)
        kinds = states.kinds[part]
        scores = head_logits(model, hidden[part]).log_softmax(-1)
        chosen = scores.gather(1, states.labels[part, None]).squeeze(1)
        if totals.end_id is not None:
            raised = log(ratio) * (kinds == END).to(chosen)
            chosen = chosen + raised - torch.log1p((ratio - 1) * scores[:, totals.end_id].exp())
        loss = -(chosen * factors[kinds].to(chosen)).sum()
        if base is not None:
            with torch.no_grad():
                wanted = head_logits(model, base[part]).log_softmax(-1)
            each = (wanted.exp() * (wanted - scores)).sum(-1)
            factor = (kinds == INSIDE) * (weights.divergence / totals.inside)
            loss = loss + (each * factor.to(each)).sum()
        loss.backward()
        sum_of_parts += loss.item()
    states.hidden.backward(hidden.grad)
    return sum_of_parts

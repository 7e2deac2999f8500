"""How well a model fills holes in files that it did not see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starcoder_cli.engines.transformers.training.batches import Example, make_batches
from starcoder_cli.engines.transformers.training.loss import (
    CHUNK_POSITIONS,
    END,
    LossWeights,
    head_logits,
    read_answers,
)

if TYPE_CHECKING:
    from peft import PeftModel


@dataclass(frozen=True)
class HeldOutScores:
    """The mean loss of a token inside an answer and of its end, and the share that is exact.

    An answer is exact if the likeliest token is the right one each time, including the end: that is
    what the model writes by itself, greedily and without the program's rules.
    """

    inside: float
    end: float
    exact: float
    count: int

    def loss(self, weights: LossWeights) -> float:
        """The loss that training lowers, without the part that keeps it close to the base."""
        return weights.inside * self.inside + weights.end * self.end

    def describe(self) -> str:
        """Format the scores for the user."""
        return (
            f"loss inside {self.inside:.3f}, at the end {self.end:.3f}, "
            f"exact {100 * self.exact:.1f} % of {self.count}"
        )


def evaluate(model: "PeftModel", examples: Sequence[Example], max_tokens: int) -> HeldOutScores:
    """Score the model in its current state."""
    import torch

    inside, ends, exact, answers = 0.0, 0.0, 0, 0
    with torch.no_grad():
        for batch in make_batches(examples, max_tokens):
            states = read_answers(model, batch)
            wrong_rows: set[int] = set()
            for start in range(0, len(states.labels), CHUNK_POSITIONS):
                part = slice(start, start + CHUNK_POSITIONS)
                scores = head_logits(model, states.hidden[part]).log_softmax(-1)
                labels = states.labels[part]
                losses = -scores.gather(1, labels[:, None]).squeeze(1).cpu()
                is_end = states.kinds[part] == END
                ends += losses[is_end].sum().item()
                inside += losses[~is_end].sum().item()
                answers += int((~is_end).sum())
                wrong = (scores.argmax(-1) != labels).cpu()
                wrong_rows |= set(states.rows[part][wrong].tolist())
            exact += len(batch) - len(wrong_rows)
    count = max(len(examples), 1)
    return HeldOutScores(inside / max(answers, 1), ends / count, exact / count, len(examples))

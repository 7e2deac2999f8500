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
    """The mean loss of a token inside an answer and of its end, and shares of the answers.

    An answer ends early if the end is the likeliest token anywhere before it. It is exact if the
    likeliest token is the right one each time, including the end: that is what the model writes by
    itself, greedily and without the program's rules.
    """

    inside: float
    end: float
    early: float
    exact: float
    count: int

    def loss(self, weights: LossWeights) -> float:
        """The loss that training lowers, without the part that keeps it close to the base."""
        return weights.inside * self.inside + weights.end * self.end

    def describe(self) -> str:
        """Format the scores for the user."""
        return (
            f"loss inside {self.inside:.3f}, at the end {self.end:.3f}; "
            f"of {self.count} answers {100 * self.early:.1f} % end too early, "
            f"{100 * self.exact:.1f} % are exact"
        )


def evaluate(model: "PeftModel", examples: Sequence[Example], max_tokens: int) -> HeldOutScores:
    """Score the model in its current state."""
    import torch

    inside, ends, early, exact, answers = 0.0, 0.0, 0, 0, 0
    with torch.no_grad():
        for batch in make_batches(examples, max_tokens):
            states = read_answers(model, batch)
            wrong_rows, early_rows = set[int](), set[int]()
            end_ids = states.labels[states.kinds == END]
            for start in range(0, len(states.labels), CHUNK_POSITIONS):
                part = slice(start, start + CHUNK_POSITIONS)
                scores = head_logits(model, states.hidden[part]).log_softmax(-1)
                labels = states.labels[part]
                losses = -scores.gather(1, labels[:, None]).squeeze(1).cpu()
                is_end = states.kinds[part] == END
                ends += losses[is_end].sum().item()
                inside += losses[~is_end].sum().item()
                answers += int((~is_end).sum())
                likeliest, rows = scores.argmax(-1), states.rows[part]
                wrong = (likeliest != labels).cpu()
                is_early = wrong & torch.isin(likeliest, end_ids).cpu()
                wrong_rows |= set(rows[wrong].tolist())
                early_rows |= set(rows[is_early].tolist())
            exact += len(batch) - len(wrong_rows)
            early += len(early_rows)
    count = max(len(examples), 1)
    mean_inside = inside / max(answers, 1)
    return HeldOutScores(mean_inside, ends / count, early / count, exact / count, len(examples))

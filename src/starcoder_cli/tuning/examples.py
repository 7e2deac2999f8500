"""Turns holes into examples in tokens: in the format of the model's family, with its end token.

A prompt is built as `fill` builds it, so that the model learns what it will be asked.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starcoder_cli.engines.transformers.training.batches import Example
from starcoder_cli.errors import DataError
from starcoder_cli.files.source import FileMetadata
from starcoder_cli.model import Hole
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS, PromptContext, build_fim_prompt
from starcoder_cli.prompts.fim import FimFormat
from starcoder_cli.prompts.window import fit_hole
from starcoder_cli.settings import FimOrder
from starcoder_cli.tuning.holes import CutHole

if TYPE_CHECKING:
    from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer

MAX_ANSWER_TOKENS = 192
MIN_PROMPT_TOKENS = 32
CONTINUATION_CHARACTERS = 400
"""How many characters after a place are learnt when no hole is asked for."""


@dataclass(frozen=True)
class ExampleOptions:
    """How holes become examples of at most `max_length` tokens.

    `fim_rate` is the share that is asked as holes, `fim_spm_rate` the share of these that has the
    suffix first; the others continue a text.
    """

    max_length: int = 1024
    fim_rate: float = 0.9
    fim_spm_rate: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class ExampleBuilder:
    """Builds examples for a model: its tokenizer, its format, and whether it gets file names."""

    tokenizer: "CheckpointTokenizer"
    form: FimFormat
    wants_metadata: bool
    options: ExampleOptions
    counts: dict[str, int] = field(default_factory=dict)

    def build(self, holes: Sequence[CutHole]) -> list[Example]:
        """The examples of some holes to train on."""
        return list(self._examples(holes, self.options))

    def build_held_out(self, holes: Sequence[CutHole]) -> list[Example]:
        """The examples of some holes to evaluate on: each as a hole, prefix first."""
        always = ExampleOptions(self.options.max_length, 1.0, 0.0, self.options.seed)
        return list(self._examples(holes, always))

    def _examples(self, holes: Sequence[CutHole], options: ExampleOptions) -> Iterator[Example]:
        rng = random.Random(f"{options.seed} examples")
        for cut in holes:
            is_hole = rng.random() < options.fim_rate
            order: FimOrder = "spm" if rng.random() < options.fim_spm_rate else "psm"
            example = self._example(cut, order if is_hole else None)
            if example:
                yield example

    def _example(self, cut: CutHole, order: FimOrder | None) -> Example | None:
        """Build one example; None if it or its answer is too long."""
        middle, hole = cut.middle, cut.hole
        if order is None:
            middle, hole = (middle + hole.suffix)[:CONTINUATION_CHARACTERS], Hole(hole.prefix)
        budget = self.options.max_length - PROMPT_OVERHEAD_TOKENS - self._count(middle)
        budget -= sum(self._count(document.text) for document in cut.documents)
        if self._count(middle) > MAX_ANSWER_TOKENS or budget < MIN_PROMPT_TOKENS:
            return None
        metadata = FileMetadata(cut.source.path, cut.source.repository)
        context = PromptContext(metadata, self.wants_metadata, cut.documents, cut.source.language)
        fitted = fit_hole(hole, budget, self._count)
        prompt = build_fim_prompt(self.form, fitted, context, order)
        prompt_ids = self.tokenizer.encode(prompt)
        answer = self.tokenizer.encode_text(prompt.forced_prefix + middle, first=False)
        end = [] if order is None else [self._end_id()]
        ids = (*prompt_ids, *answer, *end)
        if len(ids) > self.options.max_length:
            return None
        return Example(ids, len(prompt_ids), order is not None)

    def _count(self, text: str) -> int:
        """An upper bound of a text's tokens: each line is counted by itself, once."""
        return sum(map(self._count_line, text.splitlines(keepends=True)))

    def _count_line(self, line: str) -> int:
        if line not in self.counts:
            self.counts[line] = len(self.tokenizer.encode_text(line))
        return self.counts[line]

    def _end_id(self) -> int:
        """The token that ends an answer in the model's family."""
        token = self.tokenizer.control_token_id(self.form.stop[0])
        if token is None:
            raise DataError(
                f"the model's tokenizer has no token {self.form.stop[0]!r}", "choose another model"
            )
        return token

"""Excludes files with problems of the evaluation sets, exact or nearly so, from training."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from starcoder_cli.errors import StarcoderError
from starcoder_cli.evaluation.benchmarks import BENCHMARKS
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.selection import find_humaneval_file, parse_problems
from starcoder_cli.models.datasets import dataset_file_path
from starcoder_cli.tuning.near_duplicates import shingles
from starcoder_cli.tuning.sources import SourceFile

MIN_EXACT_CHARACTERS = 60
"""A shorter solution, such as `return a + b`, could be anybody's."""

MIN_SHINGLES = 12
NEAR_SHARE = 0.6
"""A file with this share of a problem's five-grams contains the problem."""

IN_EVALUATION_SET = "with a problem of an evaluation set"


@dataclass(frozen=True)
class EvaluationTexts:
    """The problems of evaluation sets, each as texts and five-grams to look for in a file.

    `sets` are the titles of those whose data are here, `missing` of those whose data are not.
    """

    exact: tuple[str, ...] = ()
    near: tuple[frozenset[str], ...] = ()
    sets: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @classmethod
    def of(cls, problems: Mapping[str, Sequence[Problem]]) -> "EvaluationTexts":
        """Create the texts from each set's problems by title; a set without data has none."""
        everything = [problem for each in problems.values() for problem in each]
        parts = (part for each in everything for part in (each.prefix, each.reference))
        exact = (squeeze(part) for part in parts)
        near = (frozenset(shingles(each.prefix + each.reference)) for each in everything)
        return cls(
            tuple(text for text in exact if len(text) >= MIN_EXACT_CHARACTERS),
            tuple(grams for grams in near if len(grams) >= MIN_SHINGLES),
            tuple(title for title, found in problems.items() if found),
            tuple(title for title, found in problems.items() if not found),
        )

    def drop_from(self, sources: Iterable[SourceFile]) -> list[SourceFile]:
        """The files that contain none of the problems."""
        numbers: dict[str, list[int]] = {}
        for number, grams in enumerate(self.near):
            for gram in grams:
                numbers.setdefault(gram, []).append(number)
        return [source for source in sources if not self._is_in(source, numbers)]

    def _is_in(self, source: SourceFile, numbers: Mapping[str, Sequence[int]]) -> bool:
        squeezed = squeeze(source.text)
        if any(text in squeezed for text in self.exact):
            return True
        shared: Counter[int] = Counter()
        for gram in shingles(source.text):
            shared.update(numbers.get(gram, ()))
        return any(count >= NEAR_SHARE * len(self.near[each]) for each, count in shared.items())


def load_evaluation_texts() -> EvaluationTexts:
    """HumanEval and MBPP, if their data are on this machine."""
    humaneval, mbpp = BENCHMARKS["humaneval"], BENCHMARKS["mbpp"]
    problems: dict[str, list[Problem]] = {humaneval.title: [], mbpp.title: []}
    with suppress(StarcoderError):
        problems[humaneval.title] = parse_problems([str(find_humaneval_file())], humaneval)
    file = mbpp.dataset_file
    path = file and dataset_file_path(file.repository, file.file)
    if path and path.is_file():
        with suppress(StarcoderError):
            problems[mbpp.title] = parse_problems([str(path)], mbpp)
    return EvaluationTexts.of(problems)


def squeeze(text: str) -> str:
    """A text without white space."""
    return re.sub(r"\s+", "", text)

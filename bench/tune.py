"""What a training is worth: held-out holes of a repository, filled before and after it.

    python bench/tune.py REPOSITORY --before qwen2.5-coder-0.5b --after NAME [--limit 60] [--seed 0]

The holes are cut into the files that `starcoder tune` holds out with the same seed, and filled by
each model through the program with all its rules, greedily. Intervals are those of 95 % of 2,000
draws of files, each with all its holes; p is McNemar's exact test on pairs that differ.
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path

import starcoder_cli
from starcoder_cli.candidates.syntax import count_syntax_errors
from starcoder_cli.evaluation.metrics import edit_similarity, is_exact_match, mean
from starcoder_cli.settings import LineMode
from starcoder_cli.tuning.data_set import build_data_set
from starcoder_cli.tuning.holes import CutHole, cut_holes
from starcoder_cli.tuning.syntax_holes import HoleKind

KINDS: dict[HoleKind, LineMode] = {
    "line": "one", "span": "one", "argument": "auto", "block": "block", "body": "block",
}  # fmt: skip
MAX_TOKENS = 96
RESAMPLES = 2000


@dataclass(frozen=True)
class Filled:
    """How a hole was filled."""

    path: str
    kind: str
    exact: bool
    similarity: float
    sound: bool


def choose_holes(repository: Path, limit: int, seed: int) -> list[CutHole]:
    """Up to `limit` holes of each kind in the files that are held out."""
    data = build_data_set([repository], None, seed)
    return [hole for kind in KINDS for hole in cut_holes(data.held_out, seed, (kind,))[:limit]]


def fill_all(model: str, chosen: Sequence[CutHole]) -> list[Filled]:
    """How a model fills the holes."""
    filled = []
    with starcoder_cli.load(model) as loaded:
        for cut in chosen:
            answer = loaded.fill(
                cut.hole.prefix,
                cut.hole.suffix,
                filename=cut.source.path,
                lines=KINDS[cut.kind],
                max_tokens=MAX_TOKENS,
            ).text
            text = cut.hole.prefix + answer + cut.hole.suffix
            original = cut.hole.prefix + cut.middle + cut.hole.suffix
            errors, usual = (
                count_syntax_errors(t, cut.source.language.name) for t in (text, original)
            )
            filled.append(
                Filled(
                    cut.source.path,
                    cut.kind,
                    is_exact_match(answer, cut.middle),
                    edit_similarity(answer, cut.middle),
                    (errors or 0) <= (usual or 0),
                )
            )
    return filled


def interval(
    before: Sequence[Filled], after: Sequence[Filled], value: Callable[[Filled], float]
) -> tuple[float, float, float]:
    """A mean difference, and the range that contains it in 95 % of draws of files."""
    by_file: dict[str, list[float]] = {}
    for first, second in zip(before, after, strict=True):
        by_file.setdefault(first.path, []).append(value(second) - value(first))
    files, rng = list(by_file.values()), random.Random(0)
    draws = sorted(
        mean([each for file in rng.choices(files, k=len(files)) for each in file])
        for _ in range(RESAMPLES)
    )
    everything = [each for file in files for each in file]
    return mean(everything), draws[RESAMPLES // 40], draws[-RESAMPLES // 40]


def mcnemar(before: Sequence[Filled], after: Sequence[Filled]) -> float:
    """The chance of a difference this large or larger if both models were equally often right."""
    gained = sum(b.exact and not a.exact for a, b in zip(before, after, strict=True))
    lost = sum(a.exact and not b.exact for a, b in zip(before, after, strict=True))
    total, least = gained + lost, min(gained, lost)
    chance = sum(comb(total, each) for each in range(least + 1)) / float(2**total)
    return min(1.0, 2 * chance)


def print_table(before: Sequence[Filled], after: Sequence[Filled]) -> None:
    """Print a row for each kind of hole, and one for all."""
    print("| holes | n | exact before | after | difference | p | similarity | sound |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in (*KINDS, "all"):
        pairs = [(a, b) for a, b in zip(before, after, strict=True) if kind in (a.kind, "all")]
        if not pairs:
            continue
        first, second = [a for a, _ in pairs], [b for _, b in pairs]
        exact = interval(first, second, lambda each: 100 * each.exact)
        cells = (
            f"{100 * mean([each.exact for each in first]):.1f}",
            f"{100 * mean([each.exact for each in second]):.1f}",
            f"{exact[0]:+.1f} ({exact[1]:+.1f} to {exact[2]:+.1f})",
            f"{mcnemar(first, second):.3f}",
            ", ".join(
                f"{mean([each.similarity for each in part]):.3f}" for part in (first, second)
            ),
            ", ".join(f"{mean([each.sound for each in part]):.0%}" for part in (first, second)),
        )
        print(f"| {kind} | {len(pairs)} | {' | '.join(cells)} |")


def main() -> None:
    """Fill all holes with both models and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--before", required=True)
    parser.add_argument("--after", required=True)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a file for every result, in JSON")
    options = parser.parse_args()
    chosen = choose_holes(options.repository, options.limit, options.seed)
    before, after = fill_all(options.before, chosen), fill_all(options.after, chosen)
    if options.out:
        rows = [[asdict(a), asdict(b)] for a, b in zip(before, after, strict=True)]
        options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print_table(before, after)


if __name__ == "__main__":
    main()

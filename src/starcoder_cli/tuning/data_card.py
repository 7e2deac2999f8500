"""The data card of a tuned model: what it read, what was left out, and what was replaced."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from starcoder_cli.tuning.data_set import DataSet
from starcoder_cli.tuning.holes import CutHole
from starcoder_cli.tuning.plan import TuningPlan

REPLACED_KINDS = ("e-mail address", "IP address", "key")


def format_card(
    title: str, data: DataSet, holes: Sequence[CutHole], plan: TuningPlan | None = None
) -> str:
    """The card in Markdown."""
    return "\n".join(card_lines(title, data, holes, plan)) + "\n"


def card_lines(
    title: str, data: DataSet, holes: Sequence[CutHole], plan: TuningPlan | None
) -> Iterator[str]:
    """The lines of a card."""
    sources = data.sources
    yield f"# Data of {title}"
    yield ""
    yield f"Repositories: {', '.join(data.repositories)}"
    characters = sum(len(source.text) for source in sources)
    yield (
        f"Files: {data.tracked:,} tracked by git, {len(sources):,} read ({characters:,} "
        f"characters): {len(data.training):,} to train on, {len(data.held_out):,} held out"
    )
    yield from section("Licences", data.licences())
    yield from section("Languages", data.languages())
    yield from section("Left out", data.left_out)
    replaced = {kind: data.replaced.get(kind, 0) for kind in REPLACED_KINDS}
    yield from section("Replaced by placeholders", replaced)
    yield from section("Gaps", Counter(hole.kind for hole in holes))
    with_files = sum(bool(hole.documents) for hole in holes)
    yield f"| with another file included | {with_files:,} |"
    yield ""
    yield f"Compared with evaluation sets: {', '.join(data.checked) or 'none'}"
    if data.unchecked:
        yield f"Not compared, as the data are not on this machine: {', '.join(data.unchecked)}"
    if plan:
        yield from section("Plan", dict(plan.rows()))
    yield ""
    yield "## Held out"
    yield ""
    yield from (f"- {source.repository}/{source.path}" for source in data.held_out)


def section(title: str, counts: Mapping[str, int | str]) -> Iterable[str]:
    """A table of counts under a heading."""
    yield ""
    yield f"## {title}"
    yield ""
    yield "| | |"
    yield "|---|---:|"
    for name, count in counts.items():
        yield f"| {name} | {count if isinstance(count, str) else f'{count:,}'} |"
    if not counts:
        yield "| nothing | 0 |"

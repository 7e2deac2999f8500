"""Selects the files of repositories to train on, and those to hold out."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.attribution.index import (
    index_file,
    is_opted_out,
    open_index_readonly,
    require_index,
)
from starcoder_cli.attribution.licences import LicenceAllowList
from starcoder_cli.errors import DataError, InputError
from starcoder_cli.tuning.decontamination import (
    IN_EVALUATION_SET,
    EvaluationTexts,
    load_evaluation_texts,
)
from starcoder_cli.tuning.near_duplicates import drop_near_duplicates
from starcoder_cli.tuning.sources import Ledger, Rules, SourceFile, read_sources

HELD_OUT_SHARE, MAX_HELD_OUT_FILES = 0.1, 40
NEAR_DUPLICATE = "nearly the same as another"


@dataclass(frozen=True)
class DataSet:
    """Files to train on and files to evaluate on, and the counts of everything else.

    `tracked` is how many files git tracks, `left_out` why files are in neither part. `checked` are
    the evaluation sets that files were compared with, `unchecked` those whose data are not here.
    """

    training: tuple[SourceFile, ...]
    held_out: tuple[SourceFile, ...]
    tracked: int
    left_out: Mapping[str, int]
    replaced: Mapping[str, int]
    checked: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[SourceFile, ...]:
        """All files that are read."""
        return self.training + self.held_out

    @property
    def repositories(self) -> tuple[str, ...]:
        """The names of the repositories that they come from."""
        return tuple(dict.fromkeys(source.repository for source in self.sources))

    def licences(self) -> Mapping[str, int]:
        """The number of files under each licence, most common first."""
        return dict(Counter(source.licence for source in self.sources).most_common())

    def languages(self) -> Mapping[str, int]:
        """The number of files in each language, most common first."""
        return dict(Counter(source.language.title for source in self.sources).most_common())


def build_data_set(
    paths: Sequence[Path],
    allowed: LicenceAllowList | None,
    seed: int,
    note: Callable[[str], None] = lambda text: None,
    index: str | None = None,
    evaluation_texts: EvaluationTexts | None = None,
) -> DataSet:
    """Build the data set from some folders; `index` is the index that knows who opted out.

    Raises DataError if there are fewer than two files to learn from.
    """
    ledger = Ledger()
    with opted_out_projects(index_file(index)) as is_out:
        sources = read_sources(paths, Rules(allowed, is_out, note), ledger)
    distinct = drop_near_duplicates(sources, seed)
    ledger.left_out[NEAR_DUPLICATE] += len(sources) - len(distinct)
    texts = load_evaluation_texts() if evaluation_texts is None else evaluation_texts
    clean = texts.drop_from(distinct)
    ledger.left_out[IN_EVALUATION_SET] += len(distinct) - len(clean)
    if len(clean) < 2:
        raise DataError(
            f"there is one file to learn from: {clean[0].path}"
            if clean
            else "every file has a problem of an evaluation set",
            "tune needs two files or more: one of them is kept to evaluate on",
        )
    training, held_out = split(clean, seed)
    return DataSet(
        training,
        held_out,
        ledger.tracked,
        dict((+ledger.left_out).most_common()),
        dict(ledger.replaced),
        texts.sets,
        texts.missing,
    )


def split(
    sources: Sequence[SourceFile], seed: int
) -> tuple[tuple[SourceFile, ...], tuple[SourceFile, ...]]:
    """Split files at random into those to train on and those to hold out."""
    count = min(max(round(HELD_OUT_SHARE * len(sources)), 1), MAX_HELD_OUT_FILES)
    chosen = set(random.Random(f"{seed} split").sample(range(len(sources)), count))
    return (
        tuple(source for at, source in enumerate(sources) if at not in chosen),
        tuple(source for at, source in enumerate(sources) if at in chosen),
    )


@contextmanager
def opted_out_projects(path: Path) -> Iterator[Callable[[str], bool]]:
    """A function saying whether a project opted out, by the index; none did if there is none."""
    try:
        require_index(path)
    except InputError:
        yield lambda name: False
        return
    with open_index_readonly(path) as connection:
        yield lambda name: is_opted_out(connection, name)

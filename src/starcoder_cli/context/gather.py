"""What is worth reading beside the file at work, the best first.

Definitions of the names that are used near the hole count most, then what imported files have to
offer, then the parts of recently changed files that are most like the code around the hole.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from starcoder_cli.context.definitions import Definition, definitions, head, outline
from starcoder_cli.context.imports import imported
from starcoder_cli.context.project import Project, nearest
from starcoder_cli.context.similarity import closest, near
from starcoder_cli.context.snippets import Snippet
from starcoder_cli.files import git
from starcoder_cli.files.source import Hole
from starcoder_cli.languages import Language, languages

MOST_SCANNED = 200
MOST_DEFINITIONS = 24
MOST_OUTLINES = 6
COMMON = 3
"""A name that more files than these define says little, unless one of them is imported."""

# Languages that use each other's files.
KIN = (
    {"javascript", "typescript", "svelte", "vue"},
    {"c", "cpp", "cuda", "objective-c"},
    {"java", "kotlin", "scala", "groovy"},
)


def gather(project: Project, hole: Hole, language: Language) -> tuple[Snippet, ...]:
    """Snippets of other files of a project, the best first; none has lines of one before it."""
    names = near(hole)
    text = hole.prefix + hole.suffix
    imports = [path for path in imported(text, language.name, project) if project.read(path)]
    paths = alike(project, language)
    changed = [path for path in recent(project, paths, time.time()) if path not in imports]
    own = {definition.name for definition in definitions(text, language.name)}
    wanted = {name: weight for name, weight in names.items() if name not in own}
    scanned = list(dict.fromkeys([*imports, *changed, *paths]))[:MOST_SCANNED]
    found = [
        *used(project, scanned, language.name, wanted, frozenset(imports)),
        *offered(project, imports[:MOST_OUTLINES], language.name),
        *(closest(path, project.read(path) or "", names) for path in changed),
    ]
    return without_overlap(snippet for snippet in found if snippet)


def alike(project: Project, language: Language) -> list[str]:
    """The files in the same language or one of its kin, the nearest first."""
    if language.name == "text":
        return []
    kin = next((each for each in KIN if language.name in each), {language.name})
    known = languages()
    endings = tuple(ending for name in kin for ending in known[name].extensions)
    same = [path for path in project.files if path.endswith(endings) and path != project.own]
    return nearest(same, project.own)


def used(
    project: Project,
    paths: Iterable[str],
    language: str,
    wanted: Mapping[str, float],
    imports: frozenset[str],
) -> Iterator[Snippet]:
    """The definitions of names that are wanted: near the hole, and in few files or imported."""
    places: dict[str, list[tuple[str, Definition]]] = {}
    starts: dict[str, frozenset[int]] = {}
    for path in paths:
        text = project.read(path)
        if text and any(name in text for name in wanted):
            here = definitions(text, language)
            starts[path] = frozenset(each.line for each in here)
            for each in here:
                if each.name in wanted:
                    places.setdefault(each.name, []).append((path, each))
    scored = [
        (-wanted[name] * (2 if path in imports else 1), path, each.line)
        for name, known in places.items()
        for path, each in known
        if path in imports or len({other for other, _ in known}) <= COMMON
    ]
    for _, path, line in sorted(scored)[:MOST_DEFINITIONS]:
        yield head(path, project.read(path) or "", line, starts[path])


def offered(project: Project, imports: Iterable[str], language: str) -> Iterator[Snippet | None]:
    """What imported files define, in outline."""
    return (outline(path, project.read(path) or "", language) for path in imports)


def without_overlap(ranked: Iterable[Snippet]) -> tuple[Snippet, ...]:
    """The snippets that have no line in common with a better one."""
    kept: list[Snippet] = []
    for snippet in ranked:
        if not any(snippet.meets(other) for other in kept):
            kept.append(snippet)
    return tuple(kept)


DAY = 24 * 60 * 60
MOST = 4
MOST_ASKED = 500
BULK = 4
"""More files than these that changed in the same second were not changed by hand."""


def recent(project: Project, paths: Sequence[str], now: float) -> tuple[str, ...]:
    """Those of some files that changed lately: the edited ones, then those of the last commits.

    The clock of the file system tells the first; comparing contents could start filters that the
    repository names.
    """
    times = {path: project.modified(path) for path in paths[:MOST_ASKED]}
    at_once = Counter(int(when) for when in times.values())
    by_hand = [
        path
        for path, when in times.items()
        if 0 <= now - when <= DAY and at_once[int(when)] <= BULK
    ]
    edited = sorted(by_hand, key=lambda path: -times[path])[:MOST]
    commits = git.committed(project.root, project.seconds_left) if project.repository else ()
    known = [path for path in commits if path in times and path not in edited]
    return (*edited, *known[:MOST])

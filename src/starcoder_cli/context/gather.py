"""Gather what is worth reading with the current file, best first.

Definitions of names used near the hole come first, then outlines of imported files, then the parts
of recently changed files most similar to the code around the hole.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from starcoder_cli.context.definitions import (
    Definition,
    excerpt_definition,
    find_definitions,
    outline_file,
)
from starcoder_cli.context.imports import find_imported_files
from starcoder_cli.context.project import ProjectFiles, sort_by_distance
from starcoder_cli.context.similarity import find_most_similar, weigh_nearby_names
from starcoder_cli.context.snippets import ContextSnippet
from starcoder_cli.files import git
from starcoder_cli.languages import Language, languages_by_name
from starcoder_cli.model import Hole

MAX_SCANNED_FILES = 200
MAX_DEFINITIONS = 24
MAX_REFERENCE_CHARACTERS = 60_000
"""About 16,000 tokens, which take 0.05 s to search."""

MAX_OUTLINES = 6
MAX_DEFINING_FILES = 3
"""A name defined in more files than this says little, unless one of them is imported."""

# Languages that use each other's files.
LANGUAGE_FAMILIES = (
    {"javascript", "typescript", "svelte", "vue"},
    {"c", "cpp", "cuda", "objective-c"},
    {"java", "kotlin", "scala", "groovy"},
)


def gather_snippets(
    project: ProjectFiles, hole: Hole, language: Language
) -> tuple[ContextSnippet, ...]:
    """Snippets of a project's other files, best first; none overlaps an earlier one."""
    name_weights = weigh_nearby_names(hole)
    text = hole.prefix + hole.suffix
    imports = [
        path
        for path in find_imported_files(text, language.name, project)
        if project.read_text(path)
    ]
    paths = find_related_files(project, language)
    recent_paths = [
        path for path in find_recent_files(project, paths, time.time()) if path not in imports
    ]
    own_names = {definition.name for definition in find_definitions(text, language.name)}
    undefined_name_weights = {
        name: weight for name, weight in name_weights.items() if name not in own_names
    }
    scanned_paths = list(dict.fromkeys([*imports, *recent_paths, *paths]))[:MAX_SCANNED_FILES]
    snippets = [
        *find_used_definitions(
            project, scanned_paths, language.name, undefined_name_weights, frozenset(imports)
        ),
        *outline_imports(project, imports[:MAX_OUTLINES], language.name),
        *(
            find_most_similar(path, project.read_text(path) or "", name_weights)
            for path in recent_paths
        ),
    ]
    return remove_overlaps(snippet for snippet in snippets if snippet)


def read_references(project: ProjectFiles, snippets: Iterable[ContextSnippet]) -> tuple[str, ...]:
    """The files that snippets come from, up to a total size."""
    references, characters = list[str](), 0
    for path in dict.fromkeys(snippet.path for snippet in snippets):
        text = project.read_text(path) or ""
        if text and characters + len(text) <= MAX_REFERENCE_CHARACTERS:
            references.append(text)
            characters += len(text)
    return tuple(references)


def find_related_files(project: ProjectFiles, language: Language) -> list[str]:
    """The files in the same language or its family, nearest first."""
    if language.name == "text":
        return []
    family = next(
        (members for members in LANGUAGE_FAMILIES if language.name in members), {language.name}
    )
    all_languages = languages_by_name()
    extensions = tuple(extension for name in family for extension in all_languages[name].extensions)
    paths = [
        path for path in project.paths if path.endswith(extensions) and path != project.own_path
    ]
    return sort_by_distance(paths, project.own_path)


def find_used_definitions(
    project: ProjectFiles,
    paths: Iterable[str],
    language: str,
    name_weights: Mapping[str, float],
    imports: frozenset[str],
) -> Iterator[ContextSnippet]:
    """The definitions of these names that are imported, or occur in few files."""
    occurrences: dict[str, list[tuple[str, Definition]]] = {}
    definition_lines: dict[str, frozenset[int]] = {}
    for path in paths:
        text = project.read_text(path)
        if text and any(name in text for name in name_weights):
            file_definitions = find_definitions(text, language)
            definition_lines[path] = frozenset(definition.line for definition in file_definitions)
            for definition in file_definitions:
                if definition.name in name_weights:
                    occurrences.setdefault(definition.name, []).append((path, definition))
    ranked = []
    for name, name_occurrences in occurrences.items():
        is_rare = len({path for path, _ in name_occurrences}) <= MAX_DEFINING_FILES
        ranked += [
            (-name_weights[name] * (2 if path in imports else 1), path, definition.line)
            for path, definition in name_occurrences
            if is_rare or path in imports
        ]
    for _, path, line in sorted(ranked)[:MAX_DEFINITIONS]:
        yield excerpt_definition(path, project.read_text(path) or "", line, definition_lines[path])


def outline_imports(
    project: ProjectFiles, imports: Iterable[str], language: str
) -> Iterator[ContextSnippet | None]:
    """Outline what imported files define."""
    return (outline_file(path, project.read_text(path) or "", language) for path in imports)


def remove_overlaps(ranked: Iterable[ContextSnippet]) -> tuple[ContextSnippet, ...]:
    """Drop snippets that share a line with a better one."""
    kept: list[ContextSnippet] = []
    for snippet in ranked:
        if not any(snippet.overlaps(other) for other in kept):
            kept.append(snippet)
    return tuple(kept)


DAY_SECONDS = 24 * 60 * 60
MAX_RECENT_FILES = 4
MAX_STAT_CALLS = 500
MAX_SIMULTANEOUS_CHANGES = 4
"""More files than this changed in the same second were not changed by hand."""


def find_recent_files(project: ProjectFiles, paths: Sequence[str], now: float) -> tuple[str, ...]:
    """The recently changed files among some: edited ones, then those of the last commits.

    Edits are detected by modification time; comparing contents could start filters that the
    repository names.
    """
    mtimes = {path: project.modified_at(path) for path in paths[:MAX_STAT_CALLS]}
    changes_per_second = Counter(int(mtime) for mtime in mtimes.values())
    hand_edited = [
        path
        for path, mtime in mtimes.items()
        if 0 <= now - mtime <= DAY_SECONDS
        and changes_per_second[int(mtime)] <= MAX_SIMULTANEOUS_CHANGES
    ]
    edited = sorted(hand_edited, key=lambda path: -mtimes[path])[:MAX_RECENT_FILES]
    commits = (
        git.list_recently_committed(project.root, project.seconds_left)
        if project.is_repository
        else ()
    )
    committed = [path for path in commits if path in mtimes and path not in edited]
    return (*edited, *committed[:MAX_RECENT_FILES])

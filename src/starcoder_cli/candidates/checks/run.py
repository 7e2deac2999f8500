"""Runs candidates for a range of a file in the sandbox, each in a copy of the file's project."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from starcoder_cli.candidates.checks import javascript, python
from starcoder_cli.candidates.checks.agreement import Check, compute_agreement
from starcoder_cli.candidates.checks.evidence import Evidence
from starcoder_cli.candidates.ranking import Candidate
from starcoder_cli.errors import UsageError
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, Span
from starcoder_cli.files.worktree import WorkTree
from starcoder_cli.sandbox.behaviour import (
    LOAD_SECONDS,
    Behaviour,
    Trials,
    observe,
    require_interpreter,
)
from starcoder_cli.system.temporary import temporary_folder

FindEvidence = Callable[[str, int, int], Evidence | None]

FINDERS: Mapping[str, FindEvidence] = {
    "python": python.find_evidence,
    "javascript": javascript.find_evidence,
}
FILENAMES = {"python": "answer.py", "javascript": "answer.js"}
MAX_TEST_FILES = 3
MAX_CHECKED_CHARACTERS = 1 << 20
TOO_SLOW, SHORT_LOAD_SECONDS = "TooSlowError", 2.0
"""The error of a file that does not finish loading, and the time limit from then on."""

PACKAGE_FILE = "__init__.py"


@dataclass(frozen=True)
class CheckedFile:
    """A file that answers are tried in: its language, its project, and its name there.

    Without a project the file is on its own.
    """

    language: str
    tree: WorkTree | None
    file: str

    @classmethod
    def of(cls, source: Source, language: str) -> "CheckedFile":
        """The file of a source; UsageError if its language is not run, or its project too large.

        Raises InputError if the language's interpreter is not here, MachineError if there is no
        sandbox.
        """
        if language not in FINDERS:
            raise UsageError(
                f"--check does not run {language}", f"it runs {' and '.join(FINDERS)}; omit it here"
            )
        require_interpreter(language)
        if source.name == STANDARD_INPUT:
            return cls(language, None, FILENAMES[language])
        tree = WorkTree.containing(source.name)
        return cls(language, tree, tree.file)

    @property
    def test_files(self) -> Sequence[str]:
        """The test files that belong to the file."""
        return find_test_files(PurePosixPath(self.file), self.tree.names if self.tree else ())

    def trials(self, root: Path, evidence: Evidence, load_seconds: float) -> Trials:
        """What to run of the file below a folder."""
        path = PurePosixPath(self.file)
        names = self.tree.names if self.tree else ()
        packages = []
        for folder in path.parents:
            if str(folder / PACKAGE_FILE) not in names:
                break
            packages.append(folder)
        import_folder = packages[-1].parent if packages else path.parent
        stem = path.stem.replace(".", "_")
        module = ".".join((*(folder.name for folder in reversed(packages)), stem))
        module = module.removesuffix(".__init__")
        folders = dict.fromkeys((import_folder, PurePosixPath("src"), PurePosixPath()))
        return Trials(
            file=str(root / path),
            module=module,
            folder=str(root),
            paths=tuple(str(root / each) for each in folders),
            sessions=evidence.sessions,
            statements=evidence.statements,
            calls=evidence.calls,
            tests=tuple(str(root / each) for each in self.test_files),
            load_seconds=load_seconds,
        )

    def observe(self, text: str, evidence: Evidence, load_seconds: float) -> Behaviour:
        """Run the file with another text and return what it does."""
        data = text.encode("utf-8", "surrogateescape")
        with temporary_folder() as folder:
            root = folder / "copy"
            if self.tree:
                self.tree.copy_to(root, data)
            else:
                root.mkdir()
                (root / self.file).write_bytes(data)
            let_others_read(root)
            return observe(self.language, root, self.trials(root, evidence, load_seconds))


def let_others_read(root: Path) -> None:
    """Let every user read a folder: if root asks, the sandbox runs as another user."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def find_test_files(path: PurePosixPath, names: Sequence[str]) -> list[str]:
    """The test files for a Python file, by their names, nearest first."""
    if path.suffix != ".py":
        return []
    wanted = (f"test_{path.stem.lstrip('_')}.py", f"{path.stem}_test.py")
    found = [name for name in names if PurePosixPath(name).name in wanted and name != str(path)]

    def distance(name: str) -> tuple[int, str]:
        parents = set(PurePosixPath(name).parents)
        return -len(parents & set(path.parents)), name

    return sorted(found, key=distance)[:MAX_TEST_FILES]


@dataclass(frozen=True)
class Outcome:
    """The candidates with their results, or why there are none; tests that could not run."""

    candidates: Sequence[Candidate]
    reason: str = ""
    unusable_tests: Sequence[str] = ()


def rank_by_running(
    candidates: Sequence[Candidate],
    file: CheckedFile,
    source: Source,
    span: Span,
    show_status: Callable[[str], None],
) -> Outcome:
    """Re-rank candidates by what they do, keeping the order of those that do the same.

    The first of them whose file can be parsed determines what is run: the same for all.
    """
    find, before = FINDERS[file.language], source.raw[: span.start]
    if len(source.raw) > MAX_CHECKED_CHARACTERS:
        return Outcome(candidates, "the file is too long to be run again and again")
    texts = [source.replaced(span, candidate.text) for candidate in candidates]
    ends = [len(text) - (len(source.raw) - span.end) for text in texts]
    evidence = next(
        (
            found
            for text, end in zip(texts, ends, strict=True)
            if (found := find(text, len(before), end))
        ),
        None,
    )
    if not evidence:
        return Outcome(candidates, "it is in no function that can be run")
    if file.language == javascript.LANGUAGE:
        texts = [
            javascript.without_assertions(text, len(before), end)
            for text, end in zip(texts, ends, strict=True)
        ]
    behaviours: list[Behaviour] = []
    for number, text in enumerate(texts, 1):
        show_status(f"running candidate {number} of {len(texts)} …")
        hangs = any(TOO_SLOW in behaviour.detail for behaviour in behaviours)
        seconds = SHORT_LOAD_SECONDS if hangs else LOAD_SECONDS
        behaviours.append(file.observe(text, evidence, seconds))
    show_status("")
    agreement = compute_agreement(
        [behaviour.outcomes for behaviour in behaviours],
        [candidate.draw_count for candidate in candidates],
    )
    checked = [
        replace(candidate, check=Check(each.loaded, each.passed, each.failed, share))
        for candidate, each, share in zip(candidates, behaviours, agreement, strict=True)
    ]
    if not any(behaviour.loaded for behaviour in behaviours):
        detail = behaviours[0].detail
        reason = "it takes too long" if TOO_SLOW in detail else detail
        return Outcome(checked, f"the file cannot be run here: {reason}")
    ran_tests = any(behaviour.tests_run for behaviour in behaviours)
    return Outcome(checked, "", () if ran_tests else file.test_files)

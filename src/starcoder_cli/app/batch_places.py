"""Which files a file of holes may have sent to an endpoint: those beside it, and no others.

A file of holes that comes from somebody else, such as with a repository, may name any of its
user's files: one outside the folder, ignored by git, or apparently holding a secret.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from starcoder_cli.errors import RefusedError, StarcoderError, UsageError
from starcoder_cli.files.batch import BatchLine, BatchTask
from starcoder_cli.files.git import list_files
from starcoder_cli.files.notebook import find_place_file
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.secrets import may_hold_secret
from starcoder_cli.files.source import Source
from starcoder_cli.files.worktree import real_path

OUTSIDE_HINT = "pipe the gaps in, from the folder of the files that they name"
ALONE_HINT = "name it on the command line, without --batch"


@dataclass(frozen=True)
class SendableFiles:
    """The files of one folder that may be sent, and some others; all paths have links resolved.

    `listings` are the files of the repositories looked at so far, None if git does not list them,
    and `problems` what was decided about paths.
    """

    folder: Path
    others: frozenset[Path] = frozenset()
    listings: dict[Path, frozenset[str] | None] = field(default_factory=dict)
    problems: dict[str, RefusedError | None] = field(default_factory=dict)

    @classmethod
    def for_batch(cls, path: str, named: Iterable[str]) -> "SendableFiles":
        """The named files, and those in the repository or else the folder of a file of holes.

        Standard input, and a pipe opened by the shell, count as a file in the current folder.
        """
        is_piped = path == STANDARD_INPUT or path.startswith(("/dev/", "/proc/"))
        folder = Path.cwd() if is_piped else real_path((Path.cwd() / path).parent)
        repository = next(find_repositories(folder / "any"), folder)
        return cls(repository, frozenset(map(real_path, named)))

    def refuse(self, path: str) -> RefusedError | None:
        """Why the file at a path may not be sent; None if it may, or does not exist."""
        if path not in self.problems:
            self.problems[path] = self._find_problem(path)
        return self.problems[path]

    def _find_problem(self, path: str) -> RefusedError | None:
        file = real_path(path)
        if file in self.others:
            return None
        if not file.is_relative_to(self.folder) or ".git" in file.relative_to(self.folder).parts:
            why, hint = f"is not in {self.folder}", OUTSIDE_HINT
        elif not file.is_file():
            return None
        elif why := self._find_neglect(file):
            hint = ALONE_HINT
        elif may_hold_secret(str(file), read_if_possible(path)):
            why, hint = "looks as if it held a secret", ALONE_HINT
        else:
            return None
        return RefusedError(f"{path} {why}, and the endpoint would read it", hint)

    def refuse_others(self, lines: Sequence[BatchLine]) -> list[BatchLine]:
        """The lines, with a RefusedError as the task of those whose file may not be sent."""
        return [self._refuse_other(line) for line in lines]

    def _find_neglect(self, file: Path) -> str:
        """How git leaves a file out of a repository, or the repository that has it out of another.

        Empty if it does not.
        """
        listed = file
        for repository in find_repositories(file):
            if listed != file and not repository.is_relative_to(self.folder):
                break
            if repository not in self.listings:
                names = list_files(repository)
                known = None if names is None else frozenset(name.rstrip("/") for name in names)
                self.listings[repository] = known
            listing = self.listings[repository]
            if listing is None:
                return f"is in {repository}, whose files git does not list"
            if listed.relative_to(repository).as_posix() not in listing:
                return "is ignored by git"
            listed = repository
        return ""

    def _refuse_other(self, line: BatchLine) -> BatchLine:
        place = line.task.place if isinstance(line.task, BatchTask) else None
        if place is None:
            return line
        try:
            path = find_place_file(place)
            problem = self.refuse(path)
        except (UsageError, OSError, ValueError):  # no such file: reported when its turn comes
            return line
        return replace(line, task=problem) if problem else line


def find_repositories(file: Path) -> Iterator[Path]:
    """The folders around a file that are repositories, the innermost first."""
    return (folder for folder in file.parents if (folder / ".git").exists())


def read_if_possible(path: str) -> str:
    """The text of a file, or nothing: errors are reported when it is the line's turn."""
    try:
        return Source.read(path).raw
    except StarcoderError:
        return ""

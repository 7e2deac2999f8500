"""Which files a file of holes may have sent to an endpoint: those beside it, and no others.

Whoever brings a file of holes along, such as a repository, may name any file of its user in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from starcoder_cli.errors import RefusedError, UsageError
from starcoder_cli.files.batch import BatchLine, BatchTask
from starcoder_cli.files.notebook import find_place_file
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.worktree import real_path

OUTSIDE_HINT = "pipe the holes in, from the folder of the files that they name"


@dataclass(frozen=True)
class SendableFiles:
    """The files of one folder but for git's own, and some others; all paths are without links."""

    folder: Path
    others: frozenset[Path] = frozenset()

    @classmethod
    def for_batch(cls, path: str, named: Iterable[str]) -> "SendableFiles":
        """The files in the repository of a file of holes, or else in its folder, and named ones.

        Standard input, and a pipe that the shell opens, count as one in the current folder.
        """
        is_piped = path == STANDARD_INPUT or path.startswith(("/dev/", "/proc/"))
        folder = Path.cwd() if is_piped else real_path((Path.cwd() / path).parent)
        above = (folder, *folder.parents)
        repository = next((each for each in above if (each / ".git").exists()), None)
        return cls(repository or folder, frozenset(map(real_path, named)))

    def has(self, path: str) -> bool:
        """Whether the file that a path leads to is among them."""
        file = real_path(path)
        is_inside = file.is_relative_to(self.folder)
        is_of_git = is_inside and ".git" in file.relative_to(self.folder).parts
        return file in self.others or (is_inside and not is_of_git)

    def refuse_others(self, lines: Sequence[BatchLine]) -> list[BatchLine]:
        """The lines, with a RefusedError for the task of those whose place is in another file."""
        return [self._refuse_other(line) for line in lines]

    def _refuse_other(self, line: BatchLine) -> BatchLine:
        place = line.task.place if isinstance(line.task, BatchTask) else None
        if place is None:
            return line
        try:
            path = find_place_file(place)
        except UsageError:  # which is told when it is the line's turn
            return line
        if self.has(path):
            return line
        what = f"{path} is not in {self.folder}, and the endpoint would read it"
        return replace(line, task=RefusedError(what, OUTSIDE_HINT))

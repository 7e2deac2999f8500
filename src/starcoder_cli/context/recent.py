"""Which files of a project somebody works on: changed in the last day, or by the last commits."""

from collections import Counter
from collections.abc import Sequence

from starcoder_cli.context import git
from starcoder_cli.context.project import Project

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

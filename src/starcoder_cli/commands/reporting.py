"""The file that `starcoder trace --report` writes."""

from starcoder_cli.commands.delivery import is_same_file
from starcoder_cli.commands.tracing import Traced
from starcoder_cli.errors import UsageError
from starcoder_cli.saving import Target
from starcoder_cli.source import Source


def report_target(path: str, source: Source) -> Target:
    """The file of a notice, found out before anything is looked up.

    Raises UsageError where it is the code itself, and whatever keeps it from being written.
    """
    if is_same_file(path, source.name):
        raise UsageError(f"--report would replace {source.name}", "name another file")
    return Target.output(path)


def save(target: Target, traced: Traced, start: int) -> None:
    """Write the notice for what was found from a character of the source on."""
    from starcoder_cli.attribution.notices import Notice, written

    target.save(written(Notice.of(traced.source, start, traced.matches), target.path))

"""The packages that this installation runs on, each as pip can fetch it again."""

from collections.abc import Iterator
from dataclasses import dataclass

PROJECT = "starcoder-cli"
TORCH_INDEX = "https://download.pytorch.org/whl/"
"""Builds of torch for one kind of machine: the label of the version names the folder.

https://pytorch.org/get-started/locally/
"""


@dataclass(frozen=True)
class InstalledPackage:
    """A package as it is installed here; `url` is its source if it did not come from an index."""

    name: str
    version: str
    url: str = ""

    @property
    def requirement(self) -> str:
        """What pip is asked for: the source, or exactly this version."""
        return f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"

    @property
    def index(self) -> str:
        """A further index that has this build; empty if the user's index is enough."""
        label = self.version.partition("+")[2]
        return f"{TORCH_INDEX}{label}" if label and self.name == "torch" else ""


def find_installed_packages(project: str = PROJECT) -> tuple[InstalledPackage, ...]:
    """The project and everything installed that it requires, directly or not, by name.

    What is required and not installed is left out, as are the project's own extras.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, InstalledPackage] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(project, "")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        found[name] = InstalledPackage(
            name, package.version, source_url(package.read_text("direct_url.json"))
        )
        for line in package.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                wanted = canonicalize_name(needed.name)
                waiting += [(wanted, each) for each in ("", *sorted(needed.extras))]
    return tuple(found[name] for name in sorted(found))


def source_url(direct_url: str | None) -> str:
    """The source in a `direct_url.json` (PEP 610); empty if the package came from an index."""
    import json

    if direct_url is None:
        return ""
    return "".join(_source_urls(json.loads(direct_url)))


def _source_urls(record: object) -> Iterator[str]:
    """The URL in a record, as a requirement spells it (PEP 440)."""
    if isinstance(record, dict) and isinstance(record.get("url"), str):
        origin = record.get("vcs_info")
        if isinstance(origin, dict):
            yield f"{origin.get('vcs')}+{record['url']}@{origin.get('commit_id')}"
        else:
            yield record["url"]

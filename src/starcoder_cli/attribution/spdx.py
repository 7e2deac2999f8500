"""What a file shares with other projects as an SPDX 2.3 document: tag-value, or JSON.

https://spdx.github.io/spdx-spec/v2.3 has both forms. Whether something is a copy, and what of, is
for people to say: licences are concluded nowhere, and declared where a project declares one.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from uuid import NAMESPACE_URL, uuid5

from starcoder_cli import __version__
from starcoder_cli.attribution.licences import normal
from starcoder_cli.attribution.matches import Match, Origin
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source
from starcoder_cli.system.timing import now
from starcoder_cli.terminal.output import encode
from starcoder_cli.terminal.sanitize import one_line

NOBODY_SAYS = "NOASSERTION"
DOCUMENT, FILE = "SPDXRef-DOCUMENT", "SPDXRef-File"
NAMESPACE = "https://spdx.org/spdxdocs/starcoder"
OWN_LICENCE = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
ELSEWHERE = "The text of this licence is in the files of the project that names it."
CREATOR = f"Tool: starcoder-{__version__}"


@dataclass(frozen=True)
class Snippet:
    """A part of the file: bytes and lines, both from 1 and the last included, and its origins."""

    id: str
    start: int
    end: int
    first: int
    last: int
    origins: tuple[Origin, ...]
    more: int


@dataclass(frozen=True)
class Package:
    """A project that has some of the same code."""

    id: str
    name: str
    version: str
    licence: str

    def has(self, origin: Origin) -> bool:
        """Whether an origin is in this project, under this licence."""
        return (self.name, self.version, self.licence) == described(origin)


@dataclass(frozen=True)
class Notice:
    """A file, its parts that others have too, and the projects of those others."""

    name: str
    data: bytes
    snippets: tuple[Snippet, ...]
    packages: tuple[Package, ...]
    created: str

    @classmethod
    def of(cls, source: Source, start: int, matches: Sequence[Match]) -> "Notice":
        """The notice for matches in a source, whose places count from a character of it."""
        snippets = tuple(
            Snippet(
                f"SPDXRef-Snippet-{number}",
                len(encode(source.raw[: start + match.start])) + 1,
                len(encode(source.raw[: start + match.end])),
                source.raw.count("\n", 0, start + match.start) + 1,
                source.raw.count("\n", 0, start + match.end - 1) + 1,
                match.origins,
                match.more,
            )
            for number, match in enumerate(matches, 1)
        )
        projects = dict.fromkeys(described(each) for match in matches for each in match.origins)
        packages = tuple(
            Package(f"SPDXRef-Package-{number}", *project)
            for number, project in enumerate(projects, 1)
        )
        created = f"{now():%Y-%m-%dT%H:%M:%SZ}"
        return cls(file_name(source.name), encode(source.raw), snippets, packages, created)

    @property
    def namespace(self) -> str:
        """The document's own name; the same for the same file, matches and time."""
        seen = repr((self.name, self.sums, self.snippets, self.created))
        return f"{NAMESPACE}-{uuid5(NAMESPACE_URL, seen)}"

    @property
    def sums(self) -> Mapping[str, str]:
        """The file's checksums."""
        sha1 = hashlib.sha1(self.data, usedforsecurity=False)
        return {"SHA1": sha1.hexdigest(), "SHA256": hashlib.sha256(self.data).hexdigest()}

    @property
    def own_licences(self) -> list[str]:
        """Licences that are in no list of SPDX's."""
        found = (OWN_LICENCE.findall(package.licence) for package in self.packages)
        return sorted({licence for each in found for licence in each})

    def alike(self) -> Iterator[tuple[Snippet, Package, str]]:
        """Each part with each project that has it, and where."""
        for snippet in self.snippets:
            for package in self.packages:
                places = [place(origin) for origin in snippet.origins if package.has(origin)]
                if places:
                    yield snippet, package, ", ".join(places)


def described(origin: Origin) -> tuple[str, str, str]:
    """The project of an origin: its name, version and licence."""
    licence = normal(origin.licence) or NOBODY_SAYS  # an index may say anything
    return plain(origin.project) or "unnamed", plain(origin.version), licence


def place(origin: Origin) -> str:
    """Where in its project an origin is."""
    return f"{plain(origin.path)}:{origin.first}-{origin.last}"


def plain(text: str) -> str:
    """A text in one line, which begins and ends no text of several lines."""
    return one_line(re.sub(r"</?text>", "", text, flags=re.IGNORECASE))


def file_name(name: str) -> str:
    """What the document calls the file: by a path from here, or else without its folders."""
    if name == STANDARD_INPUT:
        return "./standard-input"
    path = PurePath(name)
    below = not path.is_absolute() and ".." not in path.parts
    return f"./{plain(path.as_posix() if below else path.name)}"


def comment(snippet: Snippet) -> str:
    """What a part's comment says."""
    more = f", and {snippet.more} places that are not named" if snippet.more else ""
    return f"Other code has the same tokens in a row{more}."


def written(notice: Notice, path: str) -> bytes:
    """The document for a file of that name: JSON where it ends in `.json`, else tag-value."""
    json_form = Path(path).suffix.lower() == ".json"
    text = as_json(notice) if json_form else "\n".join(as_tags(notice)) + "\n"
    return encode(text)


def as_json(notice: Notice) -> str:
    """The document as JSON."""
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": notice.name,
        "documentNamespace": notice.namespace,
        "creationInfo": {"created": notice.created, "creators": [CREATOR]},
        "files": [
            {
                "fileName": notice.name,
                "SPDXID": FILE,
                "checksums": [
                    {"algorithm": name, "checksumValue": value}
                    for name, value in notice.sums.items()
                ],
                "licenseConcluded": NOBODY_SAYS,
                "copyrightText": NOBODY_SAYS,
            }
        ],
        "snippets": [json_snippet(snippet) for snippet in notice.snippets],
        "packages": [
            {
                "SPDXID": package.id,
                "name": package.name,
                **({"versionInfo": package.version} if package.version else {}),
                "downloadLocation": NOBODY_SAYS,
                "filesAnalyzed": False,
                "licenseConcluded": NOBODY_SAYS,
                "licenseDeclared": package.licence,
                "copyrightText": NOBODY_SAYS,
            }
            for package in notice.packages
        ],
        "hasExtractedLicensingInfos": [
            {"licenseId": licence, "extractedText": ELSEWHERE} for licence in notice.own_licences
        ],
        "relationships": [
            relationship(DOCUMENT, "DESCRIBES", FILE),
            *(
                {**relationship(snippet.id, "VARIANT_OF", package.id), "comment": places}
                for snippet, package, places in notice.alike()
            ),
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def json_snippet(snippet: Snippet) -> Mapping[str, object]:
    """A part of the file, in JSON's form."""
    ranges = [
        {
            "startPointer": {"reference": FILE, unit: start},
            "endPointer": {"reference": FILE, unit: end},
        }
        for unit, start, end in (
            ("offset", snippet.start, snippet.end),
            ("lineNumber", snippet.first, snippet.last),
        )
    ]
    return {
        "SPDXID": snippet.id,
        "snippetFromFile": FILE,
        "ranges": ranges,
        "licenseConcluded": NOBODY_SAYS,
        "copyrightText": NOBODY_SAYS,
        "comment": comment(snippet),
    }


def relationship(one: str, how: str, other: str) -> Mapping[str, str]:
    """How two elements of the document belong together."""
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}


def as_tags(notice: Notice) -> Iterator[str]:
    """The lines of the document in tag-value form."""
    yield from (
        "SPDXVersion: SPDX-2.3",
        "DataLicense: CC0-1.0",
        f"SPDXID: {DOCUMENT}",
        f"DocumentName: {notice.name}",
        f"DocumentNamespace: {notice.namespace}",
        f"Creator: {CREATOR}",
        f"Created: {notice.created}",
        "",
        f"FileName: {notice.name}",
        f"SPDXID: {FILE}",
        *(f"FileChecksum: {name}: {value}" for name, value in notice.sums.items()),
        f"LicenseConcluded: {NOBODY_SAYS}",
        f"FileCopyrightText: {NOBODY_SAYS}",
    )
    for snippet in notice.snippets:
        yield from (
            "",
            f"SnippetSPDXID: {snippet.id}",
            f"SnippetFromFileSPDXID: {FILE}",
            f"SnippetByteRange: {snippet.start}:{snippet.end}",
            f"SnippetLineRange: {snippet.first}:{snippet.last}",
            f"SnippetComment: <text>{comment(snippet)}</text>",
            f"SnippetLicenseConcluded: {NOBODY_SAYS}",
            f"SnippetCopyrightText: {NOBODY_SAYS}",
        )
    for package in notice.packages:
        yield from (
            "",
            f"PackageName: {package.name}",
            f"SPDXID: {package.id}",
            *([f"PackageVersion: {package.version}"] if package.version else []),
            f"PackageDownloadLocation: {NOBODY_SAYS}",
            "FilesAnalyzed: false",
            f"PackageLicenseConcluded: {NOBODY_SAYS}",
            f"PackageLicenseDeclared: {package.licence}",
            f"PackageCopyrightText: {NOBODY_SAYS}",
        )
    for licence in notice.own_licences:
        yield from ("", f"LicenseID: {licence}", f"ExtractedText: <text>{ELSEWHERE}</text>")
    yield from ("", f"Relationship: {DOCUMENT} DESCRIBES {FILE}")
    for snippet, package, places in notice.alike():
        yield f"Relationship: {snippet.id} VARIANT_OF {package.id}"
        yield f"RelationshipComment: <text>{places}</text>"

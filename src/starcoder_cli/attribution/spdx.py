"""What a file shares with other projects as an SPDX 2.3 document, in tag-value form or JSON.

https://spdx.github.io/spdx-spec/v2.3 describes both. Whether something is a copy, and of what, is
for people to decide: no licence is concluded, and only those that a project declares are given.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from uuid import NAMESPACE_URL, uuid5

from starcoder_cli import __version__
from starcoder_cli.attribution.licences import normalize_licence
from starcoder_cli.attribution.matches import Match, Origin, line_at
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source
from starcoder_cli.system.counting import counted
from starcoder_cli.system.timing import current_time
from starcoder_cli.terminal.output import encode_text
from starcoder_cli.terminal.sanitize import to_one_line

NOASSERTION = "NOASSERTION"
DOCUMENT_ID, FILE_ID = "SPDXRef-DOCUMENT", "SPDXRef-File"
DOCUMENT_NAMESPACE = "https://spdx.org/spdxdocs/starcoder"
CUSTOM_LICENCE = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
EXTRACTED_TEXT = "The text of this licence is in the files of the project that names it."
CREATOR = f"Tool: starcoder-{__version__}"


@dataclass(frozen=True)
class Snippet:
    """A part of the file: bytes and lines, from 1 with the last included, and its origins."""

    id: str
    start: int
    end: int
    first: int
    last: int
    origins: tuple[Origin, ...]
    more: int


@dataclass(frozen=True)
class SpdxPackage:
    """A project that shares some of the code."""

    id: str
    name: str
    version: str
    licence: str

    def contains(self, origin: Origin) -> bool:
        """Whether an origin is in this project, under this licence."""
        return (self.name, self.version, self.licence) == project_fields(origin)


@dataclass(frozen=True)
class SpdxDocument:
    """A file, its parts that occur elsewhere, and the projects they occur in."""

    name: str
    data: bytes
    snippets: tuple[Snippet, ...]
    packages: tuple[SpdxPackage, ...]
    created: str

    @classmethod
    def from_matches(cls, source: Source, start: int, matches: Sequence[Match]) -> "SpdxDocument":
        """The document for matches in a source, whose offsets count from `start`."""
        snippets = tuple(
            Snippet(
                f"SPDXRef-Snippet-{number}",
                len(encode_text(source.raw[: start + match.start])) + 1,
                len(encode_text(source.raw[: start + match.end])),
                line_at(source.raw, start + match.start),
                line_at(source.raw, start + match.end - 1),
                match.origins,
                match.more,
            )
            for number, match in enumerate(matches, 1)
        )
        projects = dict.fromkeys(
            project_fields(origin) for match in matches for origin in match.origins
        )
        packages = tuple(
            SpdxPackage(f"SPDXRef-Package-{number}", *project)
            for number, project in enumerate(projects, 1)
        )
        created = f"{current_time():%Y-%m-%dT%H:%M:%SZ}"
        return cls(
            spdx_file_name(source.name), encode_text(source.raw), snippets, packages, created
        )

    @property
    def namespace(self) -> str:
        """The document's own URI; the same for the same file, matches and time."""
        content = repr((self.name, self.checksums, self.snippets, self.created))
        return f"{DOCUMENT_NAMESPACE}-{uuid5(NAMESPACE_URL, content)}"

    @property
    def checksums(self) -> Mapping[str, str]:
        """The file's checksums."""
        sha1 = hashlib.sha1(self.data, usedforsecurity=False)
        return {"SHA1": sha1.hexdigest(), "SHA256": hashlib.sha256(self.data).hexdigest()}

    @property
    def custom_licences(self) -> list[str]:
        """Licences that are not in SPDX's list."""
        found_licences = (CUSTOM_LICENCE.findall(package.licence) for package in self.packages)
        return sorted({licence for licences in found_licences for licence in licences})

    def variants(self) -> Iterator[tuple[Snippet, SpdxPackage, str]]:
        """Each part with each project that has it, and where."""
        for snippet in self.snippets:
            for package in self.packages:
                locations = [
                    format_location(origin)
                    for origin in snippet.origins
                    if package.contains(origin)
                ]
                if locations:
                    yield snippet, package, ", ".join(locations)


def project_fields(origin: Origin) -> tuple[str, str, str]:
    """An origin's project: its name, version and licence."""
    licence = normalize_licence(origin.licence) or NOASSERTION  # an index may contain anything
    return clean_tag_text(origin.project) or "unnamed", clean_tag_text(origin.version), licence


def format_location(origin: Origin) -> str:
    """The position of an origin in its project."""
    return f"{clean_tag_text(origin.path)}:{origin.first}-{origin.last}"


def clean_tag_text(text: str) -> str:
    """A text on one line, without the tags of a multi-line text."""
    return to_one_line(re.sub(r"</?text>", "", text, flags=re.IGNORECASE))


def spdx_file_name(name: str) -> str:
    """The document's name for the file: relative to here, or else without its folders."""
    if name == STANDARD_INPUT:
        return "./standard-input"
    path = PurePath(name)
    is_relative = not path.is_absolute() and ".." not in path.parts
    return f"./{clean_tag_text(path.as_posix() if is_relative else path.name)}"


def snippet_comment(snippet: Snippet) -> str:
    """The text of a snippet's comment."""
    more = f", and {counted(snippet.more, 'place')} not named" if snippet.more else ""
    return f"Other code has the same tokens in a row{more}."


def serialize_document(document: SpdxDocument, path: str) -> bytes:
    """Serialize the document: as JSON if the path ends in `.json`, else as tag-value."""
    is_json = Path(path).suffix.lower() == ".json"
    text = render_json(document) if is_json else "\n".join(render_tag_value(document)) + "\n"
    return encode_text(text)


def render_json(document: SpdxDocument) -> str:
    """Render the document as JSON."""
    content = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT_ID,
        "name": document.name,
        "documentNamespace": document.namespace,
        "creationInfo": {"created": document.created, "creators": [CREATOR]},
        "files": [
            {
                "fileName": document.name,
                "SPDXID": FILE_ID,
                "checksums": [
                    {"algorithm": name, "checksumValue": value}
                    for name, value in document.checksums.items()
                ],
                "licenseConcluded": NOASSERTION,
                "copyrightText": NOASSERTION,
            }
        ],
        "snippets": [render_json_snippet(snippet) for snippet in document.snippets],
        "packages": [
            {
                "SPDXID": package.id,
                "name": package.name,
                **({"versionInfo": package.version} if package.version else {}),
                "downloadLocation": NOASSERTION,
                "filesAnalyzed": False,
                "licenseConcluded": NOASSERTION,
                "licenseDeclared": package.licence,
                "copyrightText": NOASSERTION,
            }
            for package in document.packages
        ],
        "hasExtractedLicensingInfos": [
            {"licenseId": licence, "extractedText": EXTRACTED_TEXT}
            for licence in document.custom_licences
        ],
        "relationships": [
            build_relationship(DOCUMENT_ID, "DESCRIBES", FILE_ID),
            *(
                {**build_relationship(snippet.id, "VARIANT_OF", package.id), "comment": locations}
                for snippet, package, locations in document.variants()
            ),
        ],
    }
    return json.dumps(content, indent=2) + "\n"


def render_json_snippet(snippet: Snippet) -> Mapping[str, object]:
    """Render a part of the file as a JSON object."""
    ranges = [
        {
            "startPointer": {"reference": FILE_ID, unit: start},
            "endPointer": {"reference": FILE_ID, unit: end},
        }
        for unit, start, end in (
            ("offset", snippet.start, snippet.end),
            ("lineNumber", snippet.first, snippet.last),
        )
    ]
    return {
        "SPDXID": snippet.id,
        "snippetFromFile": FILE_ID,
        "ranges": ranges,
        "licenseConcluded": NOASSERTION,
        "copyrightText": NOASSERTION,
        "comment": snippet_comment(snippet),
    }


def build_relationship(element: str, relation: str, related: str) -> Mapping[str, str]:
    """A relationship between two elements of the document."""
    return {"spdxElementId": element, "relationshipType": relation, "relatedSpdxElement": related}


def render_tag_value(document: SpdxDocument) -> Iterator[str]:
    """The lines of the document in tag-value form."""
    yield from (
        "SPDXVersion: SPDX-2.3",
        "DataLicense: CC0-1.0",
        f"SPDXID: {DOCUMENT_ID}",
        f"DocumentName: {document.name}",
        f"DocumentNamespace: {document.namespace}",
        f"Creator: {CREATOR}",
        f"Created: {document.created}",
        "",
        f"FileName: {document.name}",
        f"SPDXID: {FILE_ID}",
        *(f"FileChecksum: {name}: {value}" for name, value in document.checksums.items()),
        f"LicenseConcluded: {NOASSERTION}",
        f"FileCopyrightText: {NOASSERTION}",
    )
    for snippet in document.snippets:
        yield from (
            "",
            f"SnippetSPDXID: {snippet.id}",
            f"SnippetFromFileSPDXID: {FILE_ID}",
            f"SnippetByteRange: {snippet.start}:{snippet.end}",
            f"SnippetLineRange: {snippet.first}:{snippet.last}",
            f"SnippetComment: <text>{snippet_comment(snippet)}</text>",
            f"SnippetLicenseConcluded: {NOASSERTION}",
            f"SnippetCopyrightText: {NOASSERTION}",
        )
    for package in document.packages:
        yield from (
            "",
            f"PackageName: {package.name}",
            f"SPDXID: {package.id}",
            *([f"PackageVersion: {package.version}"] if package.version else []),
            f"PackageDownloadLocation: {NOASSERTION}",
            "FilesAnalyzed: false",
            f"PackageLicenseConcluded: {NOASSERTION}",
            f"PackageLicenseDeclared: {package.licence}",
            f"PackageCopyrightText: {NOASSERTION}",
        )
    for licence in document.custom_licences:
        yield from ("", f"LicenseID: {licence}", f"ExtractedText: <text>{EXTRACTED_TEXT}</text>")
    yield from ("", f"Relationship: {DOCUMENT_ID} DESCRIBES {FILE_ID}")
    for snippet, package, locations in document.variants():
        yield f"Relationship: {snippet.id} VARIANT_OF {package.id}"
        yield f"RelationshipComment: <text>{locations}</text>"

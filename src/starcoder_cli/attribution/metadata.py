"""A project's own name, version and licence, from its packaging metadata."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from starcoder_cli.attribution.licences import normalize_licence
from starcoder_cli.errors import MalformedError
from starcoder_cli.system.bounded_toml import parse_toml

MAX_VALUE_CHARACTERS = 200
MAX_HEADER_BYTES = 256 << 10
MAX_JSON_BYTES = 1 << 20


@dataclass(frozen=True)
class ProjectMetadata:
    """A project's name, version and licence (an SPDX expression); empty if it does not say."""

    name: str
    version: str = ""
    licence: str = ""


_LICENCE_BY_CLASSIFIER = {
    "Apache Software License": "Apache-2.0",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
"""Classifiers of the Python package index that mean one licence; `BSD License` does not."""


def parse_core_metadata(data: bytes) -> ProjectMetadata:
    """Parse METADATA or PKG-INFO (Python's core metadata): an expression, else the classifiers."""
    from email.parser import BytesHeaderParser

    headers = BytesHeaderParser().parsebytes(data[:MAX_HEADER_BYTES])
    declared = normalize_licence(str(headers["License-Expression"] or "")) or normalize_licence(
        str(headers["License"] or "")
    )
    classifiers = [str(line).rpartition(" :: ")[2] for line in headers.get_all("Classifier", [])]
    classified = dict.fromkeys(
        _LICENCE_BY_CLASSIFIER[name] for name in classifiers if name in _LICENCE_BY_CLASSIFIER
    )
    licence = declared or normalize_licence(" OR ".join(classified))
    return ProjectMetadata(_clean_text(headers["Name"]), _clean_text(headers["Version"]), licence)


def parse_package_json(data: bytes) -> ProjectMetadata:
    """Parse package.json."""
    if len(data) > MAX_JSON_BYTES:
        raise MalformedError(f"it is larger than {MAX_JSON_BYTES >> 20} MiB")
    try:
        content = json.loads(data)
    except RecursionError:
        raise MalformedError("it is nested too deeply") from None
    except ValueError:
        raise MalformedError("its JSON is broken") from None
    return _metadata_from(content if isinstance(content, dict) else {})


def parse_pyproject(data: bytes) -> ProjectMetadata:
    """Parse the `project` table of pyproject.toml."""
    return _metadata_from(_get_table(parse_toml(data), "project"))


def parse_cargo_toml(data: bytes) -> ProjectMetadata:
    """Parse the `package` table of Cargo.toml."""
    return _metadata_from(_get_table(parse_toml(data), "package"))


METADATA_PARSERS: Mapping[str, Callable[[bytes], ProjectMetadata]] = {
    "METADATA": parse_core_metadata,
    "PKG-INFO": parse_core_metadata,
    "pyproject.toml": parse_pyproject,
    "package.json": parse_package_json,
    "Cargo.toml": parse_cargo_toml,
}
"""Metadata files, the most informative first."""


def parse_metadata(
    path: str, data: bytes | None, note: Callable[[str], None] = lambda _: None
) -> ProjectMetadata:
    """Parse a metadata file; empty if it is malformed, which is reported to `note`.

    None stands for a file that cannot be read.
    """
    try:
        if data is None:
            raise MalformedError("it is not a regular file, or it is too large")
        return METADATA_PARSERS[PurePosixPath(path).name](data)
    except MalformedError as error:
        note(f"{path} does not count: {error}")
        return ProjectMetadata("")


def _metadata_from(fields: Mapping[str, object]) -> ProjectMetadata:
    licence = fields.get("license")
    return ProjectMetadata(
        _clean_text(fields.get("name")),
        _clean_text(fields.get("version")),
        normalize_licence(licence) if isinstance(licence, str) else "",
    )


def _get_table(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = document.get(name)
    return table if isinstance(table, dict) else {}


def _clean_text(value: object) -> str:
    """A text as one short line, without lone surrogates, which JSON may contain."""
    text = value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
    return " ".join(text.split())[:MAX_VALUE_CHARACTERS]

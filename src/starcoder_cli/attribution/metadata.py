"""What a project says of itself: its name, version and licence, as packagers write them down."""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starcoder_cli.attribution.licences import normalize_licence

MAX_VALUE_CHARACTERS = 200


@dataclass(frozen=True)
class ProjectMetadata:
    """A project's name, version and licence, an SPDX expression; empty where it does not say."""

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
"""The classifiers of the Python package index that mean one licence; `BSD License` does not."""


def parse_core_metadata(data: bytes) -> ProjectMetadata:
    """From METADATA or PKG-INFO (Python's core metadata): an expression, else the classifiers."""
    from email.parser import BytesHeaderParser

    headers = BytesHeaderParser().parsebytes(data)
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
    """From package.json."""
    content = json.loads(data)
    return _metadata_from(content if isinstance(content, dict) else {})


def parse_pyproject(data: bytes) -> ProjectMetadata:
    """From pyproject.toml: its table `project`."""
    return _metadata_from(_get_table(tomllib.loads(data.decode()), "project"))


def parse_cargo_toml(data: bytes) -> ProjectMetadata:
    """From Cargo.toml: its table `package`."""
    return _metadata_from(_get_table(tomllib.loads(data.decode()), "package"))


METADATA_PARSERS: Mapping[str, Callable[[bytes], ProjectMetadata]] = {
    "METADATA": parse_core_metadata,
    "PKG-INFO": parse_core_metadata,
    "pyproject.toml": parse_pyproject,
    "package.json": parse_package_json,
    "Cargo.toml": parse_cargo_toml,
}
"""Files with metadata, the most telling first."""


def parse_metadata(name: str, data: bytes | None) -> ProjectMetadata:
    """What a file says of its project; nothing where it is not well-formed."""
    try:
        return METADATA_PARSERS[name](data or b"")
    except (ValueError, RecursionError):
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
    return " ".join(str(value).split())[:MAX_VALUE_CHARACTERS] if isinstance(value, str) else ""

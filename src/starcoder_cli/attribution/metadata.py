"""What a project says of itself: its name, version and licence, as packagers write them down."""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starcoder_cli.attribution.licences import normal

MOST_CHARACTERS = 200


@dataclass(frozen=True)
class Metadata:
    """A project's name, version and licence, an SPDX expression; empty where it does not say."""

    name: str
    version: str = ""
    licence: str = ""


_CLASSIFIERS = {
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


def python(data: bytes) -> Metadata:
    """From METADATA or PKG-INFO (Python's core metadata): an expression, else the classifiers."""
    from email.parser import BytesHeaderParser

    told = BytesHeaderParser().parsebytes(data)
    stated = normal(str(told["License-Expression"] or "")) or normal(str(told["License"] or ""))
    names = [str(line).rpartition(" :: ")[2] for line in told.get_all("Classifier", [])]
    meant = dict.fromkeys(_CLASSIFIERS[name] for name in names if name in _CLASSIFIERS)
    licence = stated or normal(" OR ".join(meant))
    return Metadata(_text(told["Name"]), _text(told["Version"]), licence)


def node(data: bytes) -> Metadata:
    """From package.json."""
    told = json.loads(data)
    return _from(told if isinstance(told, dict) else {})


def pyproject(data: bytes) -> Metadata:
    """From pyproject.toml: its table `project`."""
    return _from(_table(tomllib.loads(data.decode()), "project"))


def cargo(data: bytes) -> Metadata:
    """From Cargo.toml: its table `package`."""
    return _from(_table(tomllib.loads(data.decode()), "package"))


READERS: Mapping[str, Callable[[bytes], Metadata]] = {
    "METADATA": python,
    "PKG-INFO": python,
    "pyproject.toml": pyproject,
    "package.json": node,
    "Cargo.toml": cargo,
}
"""Files with metadata, the most telling first."""


def read(name: str, data: bytes | None) -> Metadata:
    """What a file says of its project; nothing where it is not well-formed."""
    try:
        return READERS[name](data or b"")
    except (ValueError, RecursionError):
        return Metadata("")


def _from(told: Mapping[str, object]) -> Metadata:
    licence = told.get("license")
    return Metadata(
        _text(told.get("name")),
        _text(told.get("version")),
        normal(licence) if isinstance(licence, str) else "",
    )


def _table(told: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = told.get(name)
    return table if isinstance(table, dict) else {}


def _text(value: object) -> str:
    return " ".join(str(value).split())[:MOST_CHARACTERS] if isinstance(value, str) else ""

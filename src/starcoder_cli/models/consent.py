"""The licences that the user has agreed to or been reminded of, stored in one file."""

import json
from pathlib import Path

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import CreateError
from starcoder_cli.files.small import replace_text
from starcoder_cli.models import licences
from starcoder_cli.models.licences import Licence
from starcoder_cli.settings import data_dir

AGREED, REMINDED = "agreed", "reminded"


def find_unaccepted_licence(spec: ModelSpec) -> Licence | None:
    """The licence the user must agree to before a model is fetched, or None."""
    licence = licences.find_licence(spec.licence, spec.repository)
    return licence if licence and licence.needs_consent and not has_agreed(licence) else None


def has_agreed(licence: Licence) -> bool:
    """Whether the user agreed to a licence; a malformed file counts as no."""
    return licence.id in _read_licence_ids()[AGREED]


def record_agreement(licence: Licence) -> None:
    """Record that the user agreed; raises CreateError if that cannot be written."""
    _add_licence_id(AGREED, licence)


def has_been_reminded(licence: Licence) -> bool:
    """Whether the user was reminded of a licence that was not agreed to here."""
    return licence.id in _read_licence_ids()[REMINDED]


def record_reminder(licence: Licence) -> None:
    """Record that a reminder was shown; raises CreateError if that cannot be written."""
    _add_licence_id(REMINDED, licence)


def consent_path() -> Path:
    """The file with the ids of licences."""
    return data_dir() / "licences.json"


def _read_licence_ids() -> dict[str, list[str]]:
    """The contents of the file; empty if it is missing or damaged."""
    try:
        values = json.loads(consent_path().read_bytes())
        return {key: [str(name) for name in values.get(key, [])] for key in (AGREED, REMINDED)}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {AGREED: [], REMINDED: []}


def _add_licence_id(key: str, licence: Licence) -> None:
    """Add a licence's id to the file, replacing it atomically."""
    values = _read_licence_ids()
    if licence.id in values[key]:
        return
    values[key].append(licence.id)
    path = consent_path()
    try:
        replace_text(path, json.dumps(values, indent=1) + "\n")
    except OSError as error:
        raise CreateError(
            f"cannot create {path}: {error.strerror}", "set STARCODER_DATA_DIR to another folder"
        ) from error

"""Write the JSON Schema of the configuration file from the program, and publish both schemas.

`python tools/schemas.py` writes `src/starcoder_cli/schemas/config.schema.json`, and copies it and
that of `--json` to `docs/schemas/`; with a folder as argument it writes only the first, and there.
Run it after changing an option: a test compares.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starcoder_cli.commands.defaults import configurable_options
from starcoder_cli.net.endpoints import ENDPOINTS_TABLE, EndpointProfile
from starcoder_cli.prompts.fim_formats import FIM_FORMATS, SERVER

if TYPE_CHECKING:
    from typer.core import TyperOption

ROOT = Path(__file__).parents[1]
PACKAGED, PUBLISHED = ROOT / "src" / "starcoder_cli" / "schemas", ROOT / "docs" / "schemas"
CONFIG_NAME, ANSWER_NAME = "config.schema.json", "answer.schema.json"
TYPES: Mapping[object, Mapping[str, object]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    list[str]: {"type": "array", "items": {"type": "string"}},
}


def main() -> None:
    """Write the schemas, or only the first into the folder given as argument."""
    if len(sys.argv) > 1:
        (Path(sys.argv[1]) / CONFIG_NAME).write_text(render_config_schema(), encoding="utf-8")
        return
    (PACKAGED / CONFIG_NAME).write_text(render_config_schema(), encoding="utf-8")
    PUBLISHED.mkdir(exist_ok=True)
    for name in (CONFIG_NAME, ANSWER_NAME):
        (PUBLISHED / name).write_bytes((PACKAGED / name).read_bytes())


def render_config_schema() -> str:
    """The schema of the configuration file: options at the top level, and in commands' tables."""
    tables = configurable_options()
    everywhere = {
        name: option_schema(option)
        for options in tables.values()
        for name, option in options.items()
    }
    properties: dict[str, Any] = dict(sorted(everywhere.items()))
    for command, options in tables.items():
        own = {name: option_schema(option) for name, option in sorted(options.items())}
        table = {"type": "object", "additionalProperties": False, "properties": own}
        properties[command] = (
            {"anyOf": [properties[command], table]} if command in properties else table
        )
    properties[ENDPOINTS_TABLE] = {
        "type": "object",
        "description": "Endpoints by name.",
        "additionalProperties": {
            "type": "object",
            "required": ["url"],
            "additionalProperties": False,
            "properties": {
                field.name: {"enum": [*FIM_FORMATS, SERVER]} if field.name == "fim" else TYPES[str]
                for field in fields(EndpointProfile)
            },
        },
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration file of starcoder",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def option_schema(option: "TyperOption") -> Mapping[str, object]:
    """The schema of an option's value."""
    descriptor = getattr(option, "type_descriptor", None)
    choices = getattr(descriptor, "choices", None)
    kind = {"enum": list(choices)} if choices else TYPES[getattr(descriptor, "annotation", None)]
    return {**kind, "description": option.help or ""}


if __name__ == "__main__":
    main()

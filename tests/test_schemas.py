"""The JSON Schemas: as new as the program, and true of what it prints and reads."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from starcoder_cli.cli import main

ROOT = Path(__file__).parents[1]
PACKAGED, PUBLISHED = ROOT / "src" / "starcoder_cli" / "schemas", ROOT / "docs" / "schemas"
CONFIG_NAME, ANSWER_NAME = "config.schema.json", "answer.schema.json"


def validator(name: str) -> Draft202012Validator:
    """The validator of a schema in the package, which is one itself."""
    schema = json.loads((PACKAGED / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[Mapping[str, Any]]:
    """The lines of JSON that a command prints."""
    main([*words, "-m", "echo", "-q"])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_schemas_are_as_new_as_the_program(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "schemas.py", tmp_path], check=True)
    written = (tmp_path / CONFIG_NAME).read_text(encoding="utf-8")
    assert written == (PACKAGED / CONFIG_NAME).read_text(encoding="utf-8"), "tools/schemas.py"
    for name in (CONFIG_NAME, ANSWER_NAME):
        published = (PUBLISHED / name).read_text(encoding="utf-8")
        assert published == (PACKAGED / name).read_text(encoding="utf-8"), "tools/schemas.py"


@pytest.mark.parametrize(
    "words",
    [
        ("complete", "--json", "examples/averages.py:5"),
        ("complete", "--json", "--provenance", "examples/averages.py:5"),
        ("fill", "--json", "-n", "2", "examples/unique.go:13"),
        ("fill", "--json", "-I", "examples/groups.js", "examples/unique.go:13"),
        ("fill", "--batch", "examples/holes.jsonl"),
        ("chat", "--json", "What is this?"),
    ],
)
def test_what_commands_print(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    records = printed(capsys, *words)
    assert records
    for record in records:
        validator(ANSWER_NAME).validate(record)


def test_a_line_without_an_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("holes.jsonl").write_text('{"place": "gone.py:1"}\n')
    (record,) = printed(capsys, "fill", "--batch", "holes.jsonl")
    validator(ANSWER_NAME).validate(record)
    assert record["code"] == 66


@pytest.mark.parametrize(
    "changes",
    [{"text": None}, {"reason": "done"}, {"tokens": {"prompt": 1}}, {"seconds": 1}, {"seed": "7"}],
)
def test_what_is_not_an_answer(
    changes: Mapping[str, object],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    (record,) = printed(capsys, "complete", "--json", "examples/averages.py:5")
    assert not validator(ANSWER_NAME).is_valid({**record, **changes})


def test_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    check = Draft202012Validator(schema)
    check.validate(
        {
            "max_tokens": 128,
            "trace": True,
            "fill": {"candidates": 3, "verify": "pytest -q"},
            "endpoints": {"lab": {"url": "http://127.0.0.1:8000", "fim": "server"}},
        }
    )
    check.validate({"trace": {"fail_on": ["copyleft"]}})
    for wrong in (
        {"max_tokens": "128"},
        {"max-tokens": 128},
        {"fill": {"max_tokenz": 1}},
        {"lines": "three"},
        {"endpoints": {"lab": {"model": "x"}}},
    ):
        assert not check.is_valid(wrong)

"""What `starcoder doctor` says of models."""

from dataclasses import replace
from pathlib import Path

import pytest

from forms import lay_form
from starcoder_cli.app.model_findings import (
    Finding,
    default_model_finding,
    default_model_name,
    fit_findings,
)
from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.engines.openvino import graph_fit
from starcoder_cli.engines.openvino.prepared import mark_unfit, write_prepared
from starcoder_cli.engines.transformers.architectures import SHAPES
from starcoder_cli.engines.transformers.placement import Accelerator, Machine
from starcoder_cli.settings import config_file
from tinies import SPEC, pulled
from tiny import build

GB = 10**9
PULL = f"starcoder models pull {SPEC.name}"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the tiny model, which is the default one."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("STARCODER_MODEL", SPEC.name)
    return pulled()


def test_the_default_model_is_what_the_user_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_model_name() == DEFAULT_MODEL
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text('model = "echo"\n')
    assert default_model_name() == "echo"
    assert default_model_finding() == Finding("default", "ok", "echo is built in", subject="echo")
    monkeypatch.setenv("STARCODER_MODEL", "starcoder2-3b")
    assert default_model_name() == "starcoder2-3b"
    config_file().write_text("=")
    monkeypatch.delenv("STARCODER_MODEL")
    assert default_model_finding().state == "fail"


def test_a_default_model_that_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path))
    found = default_model_finding()
    assert (found.state, found.subject) == ("no", DEFAULT_MODEL)
    assert found.text.startswith(f"not installed: {DEFAULT_MODEL} (1.1 GB) from ")
    monkeypatch.setenv("STARCODER_MODEL", str(tmp_path / "none.gguf"))
    assert default_model_finding().state == "fail"


def test_a_model_that_is_not_prepared(path: Path) -> None:
    assert default_model_finding() == Finding(
        "default",
        "ok",
        f"{SPEC.name} is here, and runs on llama.cpp; not prepared for OpenVINO",
        f"OpenVINO reads faster, once it is prepared: {PULL}",
        SPEC.name,
    )


def test_a_model_that_cannot_be_prepared(path: Path) -> None:
    mark_unfit(path)
    text = f"{SPEC.name} is here, and runs on llama.cpp: it cannot be prepared for OpenVINO"
    assert default_model_finding() == Finding("default", "ok", text, subject=SPEC.name)


def test_a_model_that_is_prepared(path: Path) -> None:
    prepared = lay_form(path)
    assert default_model_finding() == Finding(
        "default",
        "ok",
        f"{SPEC.name} is here, prepared for OpenVINO, and runs there",
        subject=SPEC.name,
    )
    write_prepared(replace(prepared, versions={**prepared.versions, "form": "0"}))
    found = default_model_finding()
    assert (found.state, found.remedy) == ("warn", f"prepare it again: {PULL}")


def test_a_damaged_model(path: Path) -> None:
    path.write_bytes(b"<html>")
    assert default_model_finding() == Finding(
        "default",
        "fail",
        f"{path} is not the file that was verified",
        f"repair it with: {PULL}",
        SPEC.name,
    )


def test_models_that_fit_and_those_that_do_not() -> None:
    there = Machine((Accelerator("cuda:0", "RTX", 5 * GB, 8 * GB),), 11 * GB)
    found = {each.subject: each for each in fit_findings(there)}
    assert list(found) == list(SHAPES)
    assert found["starcoder2-3b"] == Finding(
        "model",
        "ok",
        "starcoder2-3b: 8 bit on cuda:0 (RTX), needs 4.1 GB of 5.0 GB free; bf16 would need 7.0 GB",
        subject="starcoder2-3b",
    )
    assert found["starcoder"] == Finding(
        "model",
        "no",
        "starcoder needs 32.1 GB in bf16, 17.0 GB in 8 bit or 10.3 GB in 4 bit, but there is only "
        "5.0 GB free on cuda:0 and 11.0 GB of free memory",
        "`--quantize 4bit` fits in memory, but is slow",
        subject="starcoder",
    )
    assert found["starcoder2-15b"].remedy == "starcoderbase-3b fits here"
    assert all(each.remedy for each in found.values() if each.state == "no")


def test_on_a_processor_a_model_runs_as_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was a bug that they were planned as transformers would load them."""
    monkeypatch.setattr(graph_fit, "may_have_accelerator", lambda: False)
    found = {each.subject: each for each in fit_findings(Machine((), 20 * GB))}
    assert found["starcoder2-7b"] == Finding(
        "model",
        "ok",
        "starcoder2-7b: 8 bit on cpu (OpenVINO), needs 8.2 GB of 20.0 GB free",
        subject="starcoder2-7b",
    )
    assert "starcoder: 8 bit on cpu (OpenVINO), needs 17.7 GB of" in found["starcoder"].text
    few = {each.subject: each for each in fit_findings(Machine((), 14 * GB))}
    assert few["starcoder"].text.startswith("starcoder: 4 bit on cpu (OpenVINO), needs 13.2 GB of")
    none = {each.subject: each for each in fit_findings(Machine((), 9 * GB))}
    assert none["starcoder"].state == "no"


@pytest.mark.parametrize(("has_gpu", "engine"), [(False, "OpenVINO, in 8 bit"), (True, "transfor")])
def test_a_checkpoint_names_what_runs_it(
    has_gpu: bool, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_fit, "may_have_accelerator", lambda: has_gpu)
    monkeypatch.setenv("STARCODER_MODEL", str(build(tmp_path / "model")))
    found = default_model_finding()
    assert found.state == "ok" and f"is here, and runs on {engine}" in found.text
    (tmp_path / "model" / "config.json").write_text("{")
    assert default_model_finding().state == "fail"


def test_where_no_starcoder_fits_the_default_model_does() -> None:
    found = list(fit_findings(Machine((), GB // 16)))
    assert {(each.state, each.remedy) for each in found} == {("no", f"{DEFAULT_MODEL} fits here")}

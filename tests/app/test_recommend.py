"""Which models a machine can run, and which of them it had better."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from starcoder_cli.app import recommend
from starcoder_cli.app.recommend import (
    LEAST_MEMORY,
    Rates,
    choose_offer,
    describe_choice,
    find_offers,
    find_score,
    measure_rates,
)
from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.engines.transformers.placement import Accelerator, Machine

GB = 10**9
QUICK = Rates(GB // 2, find_model(SMALL_MODEL).size, 1000, 50)
SLOW = Rates(GB // 2, find_model(SMALL_MODEL).size, 200, 20)


class Usage(NamedTuple):
    """What `shutil.disk_usage` tells."""

    total: int
    used: int
    free: int


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """How much of the disk is free; there are no models on it."""
    free = [1000 * GB]
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "none" / "yet"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2 * free[0], free[0], free[0]))
    return free


def offered(machine: Machine, rates: Rates = QUICK) -> dict[str, str]:
    """The names of the models that fit, and the form of each."""
    return {offer.spec.name: offer.form for offer in find_offers(machine, rates)}


def recommended(machine: Machine, rates: Rates = QUICK) -> str:
    """The name of the model that is recommended, empty for none."""
    chosen = choose_offer(find_offers(machine, rates), machine)
    return chosen.spec.name if chosen else ""


def test_a_fill_takes_longer_with_more_numbers_and_more_bytes() -> None:
    one = QUICK.fill_seconds(QUICK.parameters, QUICK.weight_bytes)
    assert one == pytest.approx(850 / 1000 + 48 / 50)
    assert QUICK.fill_seconds(2 * QUICK.parameters, 2 * QUICK.weight_bytes) == pytest.approx(
        2 * one
    )


def test_what_fits_the_memory() -> None:
    small = offered(Machine((), 2 * GB))
    assert {"qwen2.5-coder-0.5b", "smollm2-135m", "santacoder"} <= set(small)
    assert "qwen2.5-coder-1.5b" not in small
    large = offered(Machine((), 40 * GB))
    assert large["starcoder"] == "cpu, 8 bit" and large["qwen2.5-coder-1.5b"] == "cpu"
    assert offered(Machine((), 14 * GB))["starcoder"] == "cpu, 4 bit"
    assert "echo" not in large
    assert offered(Machine((), LEAST_MEMORY)) == {}


def test_what_fits_the_disk(disk: list[int]) -> None:
    disk[0] = 2 * GB
    assert set(offered(Machine((), 40 * GB))) == {
        "qwen2.5-coder-0.5b",
        "qwen2.5-coder-0.5b-base",
        "smollm2-135m",
        "tiny_starcoder_py",
    }


def test_the_best_that_is_quick_enough() -> None:
    assert recommended(Machine((), 8 * GB)) == "qwen2.5-coder-1.5b"
    assert recommended(Machine((), 8 * GB), SLOW) == "qwen2.5-coder-0.5b"
    assert recommended(Machine((), 2 * GB)) == "qwen2.5-coder-0.5b"
    assert recommended(Machine((), LEAST_MEMORY)) == ""


def test_a_gpu_gets_a_starcoder() -> None:
    large = Machine((Accelerator("cuda:0", "H200", 140 * GB, 141 * GB),), 100 * GB)
    assert recommended(large) == "starcoder"
    small = Machine((Accelerator("cuda:0", "RTX", 10 * GB, 12 * GB),), 20 * GB)
    assert recommended(small).startswith("starcoderbase-")
    assert offered(large)["starcoder"] == "cuda:0"


def test_scores_have_a_source() -> None:
    assert find_score("starcoder") == 0.336
    assert find_score(SMALL_MODEL) == 0.439
    assert find_score("codestral-22b") is None


def test_rates_are_typical_where_there_is_no_model() -> None:
    plain, quick = (measure_rates(Machine((), GB, has_bf16)) for has_bf16 in (False, True))
    assert not plain.is_measured and plain.read < quick.read
    assert (quick.read, quick.write) == recommend.TYPICAL_RATES[True]


def test_a_row_and_a_record() -> None:
    offers = find_offers(Machine((), 40 * GB), QUICK)
    found = {offer.spec.name: offer for offer in offers}
    assert found["starcoder"].row() == (
        *("starcoder", "63 GB", "18 GB", "58.8 s", "33.6", "cpu, 8 bit"),
    )
    record = found["qwen2.5-coder-7b"].record()
    assert record["humaneval"] is None and record["size"] == 4680 * 10**6
    assert [offer.score or 0 for offer in offers] == sorted(
        (offer.score or 0 for offer in offers), reverse=True
    )


@pytest.mark.model
def test_rates_are_measured_where_the_default_model_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    rates = measure_rates(Machine((), GB))
    assert rates.is_measured and rates.read > 0 and rates.write > 0


def test_the_default_model_is_described_beside_what_else_there_is() -> None:
    roomy = describe_choice(Machine((), 8 * GB))
    assert roomy.startswith("on two cores a fill takes qwen2.5-coder-1.5b about ")
    assert "and qwen2.5-coder-0.5b about " in roomy
    assert roomy.endswith("`starcoder models recommend` lists what else this machine can run")
    assert describe_choice(Machine((), 2 * GB)) == (
        "qwen2.5-coder-1.5b takes 3.2 GB of memory, but only 2.0 GB is free: "
        "qwen2.5-coder-0.5b takes 1.6 GB, and "
        "`starcoder models use qwen2.5-coder-0.5b` makes it the default"
    )
    assert describe_choice(Machine((Accelerator("cuda", "a GPU", 80 * GB, 80 * GB),), 8 * GB)) == (
        "this machine has a GPU, for which there are better models: "
        "`starcoder models recommend` lists what else this machine can run"
    )


def test_it_is_slower_where_the_processor_is() -> None:
    quick, slow = (
        describe_choice(Machine((), 8 * GB, has_bf16=has_bf16)) for has_bf16 in (True, False)
    )
    assert quick != slow

"""Which engine is expected to be done first."""

import pytest

from starcoder_cli.loading import EngineSpeed, EngineWorkload, fastest_engine

PACES = {
    "llamacpp": EngineSpeed(load=1.5, warm_up=0.0, read=100.0, write=30.0),
    "openvino": EngineSpeed(load=2.0, warm_up=0.5, read=500.0, write=27.0),
}


@pytest.mark.parametrize(
    ("work", "name"),
    [
        (EngineWorkload(0, 0), "llamacpp"),
        (EngineWorkload(64, 32), "llamacpp"),
        (EngineWorkload(64, 640), "llamacpp"),
        (EngineWorkload(600, 48), "openvino"),
        (EngineWorkload(20 * 64, 20 * 16), "openvino"),
    ],
)
def test_what_reads_slowly_is_sooner_where_there_is_little_to_read(
    work: EngineWorkload, name: str
) -> None:
    assert fastest_engine(PACES, work) == name


def test_the_seconds_are_those_of_all_parts() -> None:
    assert PACES["openvino"].seconds_for(EngineWorkload(1000, 54)) == pytest.approx(
        2.0 + 0.5 + 2.0 + 2.0
    )


def test_work_is_what_fits_the_rooms() -> None:
    """A room counts bytes and the tokens of the answer, of which most use few."""
    assert EngineWorkload.estimate([256 + 700], 256) == EngineWorkload(200, 64)
    assert EngineWorkload.estimate([16 + 350, 16 + 700], 16, answers=5, slots=2) == EngineWorkload(
        300, 160, 2
    )
    assert EngineWorkload.estimate([1], 256) == EngineWorkload(0, 64)

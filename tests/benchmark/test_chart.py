"""Results as a picture."""

import sys

import pytest

from starcoder_cli.benchmark.chart import check, draw
from starcoder_cli.benchmark.measure import Figure, Trial
from starcoder_cli.benchmark.results import Result
from starcoder_cli.errors import MachineError, UsageError


def trial(pace: float) -> Trial:
    """The figures of a model of some speed."""
    first = {Figure("first_token", length): length / pace for length in (64, 256)}
    return {**first, Figure("write"): pace / 4, Figure("memory"): 1e9}


RESULTS = [
    Result.of("quick $x_1$", "llamacpp", [trial(200), trial(210)]),
    Result.of("slow", "openvino", [trial(20), trial(30)]),
]


def test_svg_has_text_for_what_it_shows() -> None:
    pytest.importorskip("matplotlib")
    drawn = draw(RESULTS, "a.svg")
    assert drawn == draw(RESULTS, "a.svg")
    text = drawn.decode()
    assert text.startswith("<?xml")
    for said in ("quick $x_1$, llama.cpp", "slow, OpenVINO", "seconds to the first token", "256"):
        assert f"<!-- {said} -->" in text


@pytest.mark.parametrize(("path", "begin"), [("a.PNG", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_other_forms(path: str, begin: bytes) -> None:
    pytest.importorskip("matplotlib")
    assert draw(RESULTS, path).startswith(begin)


def test_what_no_result_has_is_not_drawn() -> None:
    pytest.importorskip("matplotlib")
    remote = Result.of("far", "endpoint", [{Figure("first_token", 64): 0.5}])
    text = draw([remote], "a.svg").decode()
    assert "seconds to the first token" in text
    assert "memory" not in text


@pytest.mark.parametrize("path", ["a", "a.jpeg", ".svg"])
def test_a_name_that_no_picture_has(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(path)
    assert str(caught.value) == (
        f"no picture can be drawn into {path}; let its name end in .svg, .png, .pdf"
    )


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MachineError) as caught:
        check("a.svg")
    assert str(caught.value) == (
        "a picture needs matplotlib, which is not here; run: pip install 'starcoder-cli[eval]'"
    )

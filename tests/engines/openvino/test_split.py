"""Models cut in two, or left whole where they cannot be."""

from typing import TYPE_CHECKING, Any

import numpy
import pytest

from graphs import compute
from starcoder_cli.engines.openvino.split import HIDDEN_TENSOR, split_model

if TYPE_CHECKING:
    from openvino import Model

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")

LAYERS = 6
ATTENTION_OP = "Sin"  # a sine stands for attention


def layered(layers: int, skip: bool = False) -> "Model":
    """Layers that each multiply by a cache of their own and add; with `skip`, around the middle."""
    from openvino import Model, opset13

    given = opset13.parameter([2], numpy.float32, name="given")
    parameters, total, around = [given], given, None
    for number in range(layers):
        cache = opset13.parameter([2], numpy.float32, name=f"key_cache.{number}")
        cache.output(0).get_tensor().set_names({f"key_cache.{number}"})
        parameters.append(cache)
        # In place of attention, of which only its being there is looked at.
        attended = opset13.sin(opset13.multiply(total, cache))
        around = attended if number == layers // 2 - 2 else around
        total = opset13.add(total, attended)
    if skip:
        total = opset13.add(total, around)
    return Model([opset13.result(total)], parameters, "layers")


def computed(parts: "list[Model]", values: dict[str, Any]) -> list[float]:
    """What the parts give, one after the other."""
    for part in parts:
        named = [port.get_any_name() if port.get_names() else "given" for port in part.inputs]
        values[HIDDEN_TENSOR] = compute(part, [values[name] for name in named])
    return list(map(float, values[HIDDEN_TENSOR]))


def values() -> dict[str, Any]:
    """Numbers for everything that is given."""
    caches = {f"key_cache.{number}": [0.5 + number, 1.5 - number] for number in range(LAYERS)}
    return {
        name: numpy.array(each, "float32") for name, each in {"given": [1, 2], **caches}.items()
    }


def test_two_halves_compute_what_the_whole_does() -> None:
    whole = computed([layered(LAYERS)], values())
    parts = split_model(layered(LAYERS), ATTENTION_OP)
    assert len(parts) == 2
    sizes = [len(part.get_parameters()) for part in parts]
    assert sum(sizes) == LAYERS + 2 and min(sizes) >= LAYERS // 2
    assert computed(parts, values()) == pytest.approx(whole)


@pytest.mark.parametrize("model", [(LAYERS, True), (3, False), (0, False)])
def test_what_has_no_waist_stays_whole(model: tuple[int, bool]) -> None:
    """Where something goes around the middle, and where there are too few layers."""
    made = layered(*model)
    assert split_model(made, ATTENTION_OP) == [made]
    if model[0] == LAYERS:
        assert computed([made], values()) == computed([layered(*model)], values())

"""Groups of flags: what each becomes, by default and where it is given."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.request import CandidateOptions, EndpointOptions, NoticeOptions, Request
from starcoder_cli.commands import groups
from starcoder_cli.commands.groups import (
    CandidateFlags,
    ChoiceFlags,
    ContextFlags,
    DeliveryFlags,
    EndingFlags,
    EndpointFlags,
    FimEndpointFlags,
    LoadingFlags,
    MessageFlags,
    ModelFlags,
    NoticeFlags,
    SamplingFlags,
    TextFlags,
)
from starcoder_cli.context.selection import ContextOptions
from starcoder_cli.errors import UsageError
from starcoder_cli.infill import InfillOptions
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Sampling

GROUPS = [
    group
    for group in vars(groups).values()
    if is_dataclass(group) and group.__module__ == groups.__name__
]


def options(group: Any) -> dict[str, object]:
    """The options of a group with their defaults, those of groups in it among them."""
    found: dict[str, object] = {}
    for field in fields(group):
        inner = is_dataclass(field.type)
        found |= options(field.type) if inner else {field.name: field.default}
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SamplingFlags().values(), Sampling()),
        (ChoiceFlags().values(7), Sampling(7)),
        (LoadingFlags().values(), LoadOptions()),
        (EndpointFlags().values(), EndpointOptions()),
        (FimEndpointFlags().values(), EndpointOptions()),
        (ContextFlags().values(None), ContextOptions()),
        (NoticeFlags().values(), NoticeOptions()),
        (CandidateFlags().values(None), CandidateOptions()),
        (MessageFlags().values(DeliveryFlags()), OutputOptions()),
        (EndingFlags().stops, InfillOptions().stop),
        (EndingFlags().lines, InfillOptions().lines),
        (EndingFlags().raw, InfillOptions().raw),
        (TextFlags().order, InfillOptions().order),
        (Request("echo", Sampling(), **ModelFlags().values()), Request("echo", Sampling())),
    ],
)
def test_without_a_flag_everything_is_as_the_values_have_it(
    value: object, expected: object
) -> None:
    assert value == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SamplingFlags(9, ChoiceFlags(0.5, 0.9, 7)).values(), Sampling(9, 0.5, 0.9, 7)),
        (
            LoadingFlags("8bit", "cuda:1", "bf16", "lora", "huggingface").values(),
            LoadOptions("8bit", "cuda:1", "bf16", "lora", "huggingface"),
        ),
        (
            ModelFlags(True, 5.0, LoadingFlags(engine="openvino"), "5m").values(),
            {"offline": True, "loading": LoadOptions(engine="openvino"), "keep_alive": 300.0},
        ),
        (
            ModelFlags(keep_alive="5m", no_server=True).values(),
            {"offline": False, "loading": LoadOptions(), "keep_alive": 0.0},
        ),
        (EndpointFlags("here", "key").values(), EndpointOptions("here", "", "key")),
        (
            FimEndpointFlags("here", "server", "key").values(),
            EndpointOptions("here", "server", "key"),
        ),
        (
            ContextFlags(["a.py", "b.py:2"], 1.5).values("c.py"),
            ContextOptions(("a.py", "b.py:2"), 1.5, "c.py"),
        ),
        (
            ContextFlags(["a.py"], 1.5, no_context=True).values(None),
            ContextOptions(("a.py",), 0.0, None),
        ),
        (NoticeFlags(True, True, "code.index").values(), NoticeOptions(True, True, "code.index")),
        (
            CandidateFlags(3, True, "make").values(5.0),
            CandidateOptions(3, "make", False, 5.0, check=True),
        ),
        (EndingFlags(["a", "b"]).stops, ("a", "b")),
        (
            MessageFlags("never", True, True).values(
                DeliveryFlags(json=True, output="out"), between=True, show_prompt=True
            ),
            OutputOptions(
                between=True,
                json=True,
                show_prompt=True,
                color="never",
                quiet=True,
                verbose=True,
                output="out",
            ),
        ),
    ],
)
def test_each_flag_finds_its_place(value: object, expected: object) -> None:
    assert value == expected


@pytest.mark.parametrize(
    ("values", "given", "told"),
    [
        (ChoiceFlags(temperature=3.0).values, (9,), "temperature cannot be 3.0"),
        (LoadingFlags(device="gpu").values, (), "'gpu' is not a device"),
        (FimEndpointFlags(fim="klingon").values, (), "there is no family 'klingon'"),
        (CandidateFlags(0).values, (None,), "candidates cannot be 0"),
        (ModelFlags(keep_alive="soon").values, (), "'soon' is not a time"),
        (
            MessageFlags().values,
            (DeliveryFlags(json=True, diff=True),),
            "--diff and --json cannot be used together",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(
    values: Callable[..., object], given: tuple[object, ...], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        values(*given)


def test_an_option_that_is_in_two_groups_is_the_same_in_both() -> None:
    """A command that has both would have it twice: only the two endpoints share any."""
    shared = [
        (one, other, options(one).keys() & options(other).keys())
        for at, one in enumerate(GROUPS)
        for other in GROUPS[at + 1 :]
    ]
    assert [(one, other, names) for one, other, names in shared if names] == [
        (ChoiceFlags, SamplingFlags, {"temperature", "top_p", "seed"}),
        (LoadingFlags, ModelFlags, options(LoadingFlags).keys()),
        (EndpointFlags, FimEndpointFlags, {"endpoint", "api_key_file"}),
    ]
    assert options(EndpointFlags).items() <= options(FimEndpointFlags).items()

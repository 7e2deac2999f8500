"""How a model can be asked to be loaded."""

import pytest

from starcoder_cli.errors import UsageError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.settings import DtypeChoice, QuantizeChoice


@pytest.mark.parametrize(
    ("quantize", "device", "dtype", "problem"),
    [
        ("auto", "gpu", "auto", "'gpu' is not a device"),
        ("auto", "cuda:", "auto", "'cuda:' is not a device"),
        ("8bit", "auto", "fp32", "8bit and fp32 cannot be used together"),
        ("4bit", "mps", "auto", "mps cannot compute in 4bit"),
    ],
)
def test_what_no_machine_could_do(
    quantize: QuantizeChoice, device: str, dtype: DtypeChoice, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        LoadOptions(quantize, device, dtype)


def test_the_flags_that_leave_less_to_choose_from() -> None:
    assert LoadOptions().restricting_flags() == []
    assert LoadOptions("none", "cuda:1").restricting_flags() == ["--quantize", "--device"]

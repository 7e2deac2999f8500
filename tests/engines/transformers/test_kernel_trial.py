"""What a trial of a kernel tells."""

import pytest

from starcoder_cli.engines.transformers.kernel_trial import kernel_failure
from starcoder_cli.errors import InputError


def test_a_trial_that_goes_well_has_no_failure() -> None:
    tried: list[int] = []
    assert kernel_failure(lambda: tried.append(1)) == ""
    assert tried == [1]


def test_what_a_library_raises_is_told_on_one_short_line() -> None:
    def trial() -> None:
        raise AttributeError(f"no\n  compiler {'x' * 300}")

    assert kernel_failure(trial) == f"no compiler {'x' * 188}"


def test_an_error_of_ours_is_no_failure_of_a_kernel() -> None:
    def trial() -> None:
        raise InputError("wrong", "do it right")

    with pytest.raises(InputError, match="wrong"):
        kernel_failure(trial)

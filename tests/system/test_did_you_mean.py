"""What is close to a name is asked for, the closest first; nothing else is."""

import pytest

from starcoder_cli.system.did_you_mean import did_you_mean


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("compleat", "did you mean complete?"),
        ("EDTI", "did you mean edit?"),
        ("stpo", "did you mean stop?"),
        ("modle", "did you mean model or models?"),
        ("xyzzy", ""),
        ("", ""),
    ],
)
def test_a_name_that_is_close(name: str, question: str) -> None:
    assert did_you_mean(name, ("complete", "edit", "model", "models", "stop")) == question

"""What every route asks in the same words."""

from starcoder_cli.model import Sampling
from starcoder_cli.wire.requests import build_sampling


def test_tokens_are_chosen_as_the_command_line_does_unless_a_client_says() -> None:
    assert build_sampling(None, None, None) == Sampling()
    assert build_sampling(0.5, 1.0, 3) == Sampling(256, 0.5, 1.0, 3)

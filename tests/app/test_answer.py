"""What a model is given of a text, and what is said where that is not all of it."""

from dataclasses import replace

import pytest

from starcoder_cli.app.fill import compose, fitted
from starcoder_cli.app.request import Request
from starcoder_cli.catalog import FALLBACK, ModelSpec, find
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.files.source import Hole, Names
from starcoder_cli.model import Sampling
from starcoder_cli.prompts.build import MARGIN
from starcoder_cli.terminal.output import Messages

ECHO = find("echo")
COMPLETE = Request("echo", Sampling(max_tokens=10))
FILL = replace(COMPLETE, fills=True)
LOUD = Messages()


class SmallModel(EchoModel):
    """Reads a hundred characters, answer included, besides the margin for what is around them."""

    window = 100 + MARGIN


class PlainModel(EchoModel):
    """Was not trained to fill gaps: it knows no control token."""

    def token(self, text: str) -> int | None:
        return None


def composed(model: EchoModel, spec: ModelSpec, hole: Hole, request: Request) -> str:
    """The prompt as one text."""
    names = Names("src/a.py", "project")
    return "".join(compose(model, spec, hole, names, request, LOUD).pieces)


@pytest.mark.parametrize(
    ("family", "hole", "prompt"),
    [
        (
            "starcoder",
            Hole("a", "b"),
            "<fim_prefix><reponame>project<filename>src/a.py\na<fim_suffix>b<fim_middle>",
        ),
        ("starcoder", Hole("a"), "<reponame>project<filename>src/a.py\na"),
        (
            "starcoder2",
            Hole("a", "b"),
            "<repo_name>project<file_sep><fim_prefix>src/a.py\na<fim_suffix>b<fim_middle>",
        ),
        ("starcoder2", Hole("a"), "<repo_name>project<file_sep>src/a.py\na"),
        (
            "qwen2.5-coder",
            Hole("a", "b"),
            "<|repo_name|>project\n<|file_sep|>src/a.py\n<|fim_prefix|>a<|fim_suffix|>b"
            "<|fim_middle|>",
        ),
    ],
)
def test_names_are_told_to_models_that_know_them(family: str, hole: Hole, prompt: str) -> None:
    spec = replace(ECHO, fim=family, metadata=True)
    assert composed(EchoModel(), spec, hole, COMPLETE) == prompt
    nameless = composed(EchoModel(), replace(spec, metadata=False), hole, COMPLETE)
    assert "project" not in nameless and "a.py" not in nameless


def test_a_gap_at_the_end_is_a_gap_for_fill_alone() -> None:
    """What is behind a place counts as nothing if it is blank."""
    assert composed(EchoModel(), ECHO, Hole("a", " \n"), COMPLETE) == "a"
    assert composed(EchoModel(), ECHO, Hole("a", " \n"), FILL) == (
        "<fim_prefix>a<fim_suffix> \n<fim_middle>"
    )


def test_a_model_that_fills_no_gaps_continues_and_says_so(
    capfd: pytest.CaptureFixture[str],
) -> None:
    spec = find(FALLBACK)
    for request in (COMPLETE, FILL):
        assert composed(PlainModel(), spec, Hole("a", "b"), request) == "a"
        assert capfd.readouterr() == (
            "",
            "note: smollm2-135m was not trained to fill gaps: it continues what comes before, and "
            "does not read what comes after\n",
        )
    assert composed(PlainModel(), spec, Hole("a"), COMPLETE) == "a"
    assert capfd.readouterr() == ("", "")


def test_what_fits_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    hole = Hole("p" * 45, "s" * 45)
    assert fitted(SmallModel(), hole, COMPLETE, LOUD) == hole
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("hole", "kept", "lost"),
    [
        (
            Hole("123456789\n" * 12),
            Hole("123456789\n" * 9),
            "3 lines at the beginning and 0 characters at the end",
        ),
        (
            Hole("", "123456789\n" * 12),
            Hole("", "123456789\n" * 9),
            "0 characters at the beginning and 3 lines at the end",
        ),
        (
            Hole("123456789\n" * 12, "123456789\n" * 12),
            Hole("123456789\n" * 6, "123456789\n" * 3),
            "6 lines at the beginning and 9 lines at the end",
        ),
        (
            Hole("p" * 200, "s"),
            Hole("p" * 89, "s"),
            "111 characters at the beginning and 0 characters at the end",
        ),
    ],
)
def test_whole_lines_far_from_the_gap_are_left_out(
    hole: Hole, kept: Hole, lost: str, capfd: pytest.CaptureFixture[str]
) -> None:
    what = "the text is longer than the 90 tokens that the model can read"
    assert fitted(SmallModel(), hole, COMPLETE, LOUD) == kept
    assert capfd.readouterr() == ("", f"note: {what}: left out {lost}\n")
    assert fitted(SmallModel(), hole, COMPLETE, Messages(quiet=True)) == kept
    assert capfd.readouterr() == ("", "")
    with pytest.raises(DataError, match=what):
        fitted(SmallModel(), hole, replace(COMPLETE, strict_context=True), LOUD)


def test_an_answer_that_leaves_no_room_to_read() -> None:
    request = replace(COMPLETE, sampling=Sampling(max_tokens=90))
    with pytest.raises(UsageError) as caught:
        fitted(SmallModel(), Hole("p" * 200), request, LOUD)
    assert str(caught.value) == (
        "90 tokens of answer leave no room to read anything; "
        "the model's window is 132: lower --max-tokens"
    )


def test_chance_gets_a_seed_and_certainty_none() -> None:
    assert COMPLETE.sampled() == COMPLETE
    chosen = replace(COMPLETE, sampling=Sampling(temperature=0.5, seed=7))
    assert chosen.sampled() == chosen
    left = replace(COMPLETE, sampling=Sampling(temperature=0.5))
    seeds = {left.sampled().sampling.seed for _ in range(20)}
    assert len(seeds) > 15 and None not in seeds

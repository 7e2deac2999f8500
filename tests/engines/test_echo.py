"""The model that writes its prompt back."""

import pytest

from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.files.source import Hole
from starcoder_cli.model import Model, Prompt, Sampling
from starcoder_cli.prompts.fim_formats import FORMATS, detect
from starcoder_cli.stream import Chunk, join

PROMPT = Prompt(("<fim_prefix>", "a", "<fim_suffix>", "b", "<fim_middle>"))


def test_it_writes_the_pieces_of_its_prompt() -> None:
    assert list(EchoModel().stream(PROMPT, Sampling())) == [
        Chunk("<fim_prefix>", 1, None, 5),
        Chunk("a", 1, None, 5),
        Chunk("<fim_suffix>", 1, None, 5),
        Chunk("b", 1, None, 5),
        Chunk("<fim_middle>", 1, None, 5),
        Chunk("", 0, "stop", 5),
    ]


@pytest.mark.parametrize(
    ("most", "text", "reason"),
    [
        (1, "<fim_prefix>", "length"),
        (4, "<fim_prefix>a<fim_suffix>b", "length"),
        (5, "<fim_prefix>a<fim_suffix>b<fim_middle>", "stop"),
    ],
)
def test_it_stops_after_so_many_pieces(most: int, text: str, reason: str) -> None:
    completion = join(EchoModel().stream(PROMPT, Sampling(max_tokens=most)))
    assert (completion.text, completion.reason, completion.tokens) == (text, reason, most)


def test_nothing_comes_of_nothing() -> None:
    assert list(EchoModel().stream(Prompt(()), Sampling())) == [Chunk("", 0, "stop", 0)]


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "codellama"])
def test_it_speaks_every_family_whose_tokens_look_like_tokens(name: str) -> None:
    model = EchoModel()
    form = FORMATS[name]
    assert all(model.token(token) is not None for token in form.specials())
    text = join(model.stream(form.prompt(Hole("a", "b")), Sampling())).text
    assert text == "".join(form.prompt(Hole("a", "b")).pieces)


def test_a_tokenizer_that_knows_everything_is_taken_for_starcoders() -> None:
    assert detect(EchoModel().token) == FORMATS["starcoder"]


def test_it_counts_characters_and_holds_nothing() -> None:
    model: Model = EchoModel()
    assert (model.count("aé\n"), model.token("a")) == (3, None)
    model.close()
    assert model.count("still") == 5

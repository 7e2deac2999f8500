"""The model that writes its prompt back."""

import pytest

from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.model import Hole, Model, Prompt, Sampling
from starcoder_cli.prompts.fim_formats import FIM_FORMATS, detect_fim_format
from starcoder_cli.stream import Chunk, collect

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
    completion = collect(EchoModel().stream(PROMPT, Sampling(max_tokens=most)))
    assert (completion.text, completion.reason, completion.tokens) == (text, reason, most)


def test_nothing_comes_of_nothing() -> None:
    assert list(EchoModel().stream(Prompt(()), Sampling())) == [Chunk("", 0, "stop", 0)]


@pytest.mark.parametrize(
    "name", [name for name in FIM_FORMATS if name not in ("aixcoder", "codellama")]
)
def test_it_speaks_every_family_whose_tokens_look_like_tokens(name: str) -> None:
    model = EchoModel()
    form = FIM_FORMATS[name]
    assert all(map(model.has_token, form.control_tokens()))
    text = collect(model.stream(form.build_prompt(Hole("a", "b")), Sampling())).text
    assert text == "".join(form.build_prompt(Hole("a", "b")).pieces)


def test_a_tokenizer_that_knows_everything_is_taken_for_starcoders() -> None:
    assert detect_fim_format(EchoModel().has_token) == FIM_FORMATS["starcoder"]


def test_it_counts_characters_and_holds_nothing() -> None:
    model: Model = EchoModel()
    assert (model.count("aé\n"), model.has_token("a")) == (3, False)
    model.close()
    assert model.count("still") == 5

"""From a hole and what is around it to a prompt, whoever asks."""

from dataclasses import replace

import pytest

from starcoder_cli.catalog import find
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.errors import UsageError
from starcoder_cli.files.source import Hole, Names
from starcoder_cli.languages import find as language
from starcoder_cli.prompts.build import MARGIN, Around, fim_format, near, room, spelled
from starcoder_cli.prompts.fim import Document
from starcoder_cli.prompts.fim_formats import FORMATS

ECHO = find("echo")
HOLE = Hole("a = ", "\nb\n")
FILE = Document("b.py", "b = 1\n")


class SmallModel(EchoModel):
    """Reads a hundred characters, besides the margin."""

    window = 100 + MARGIN


class PlainModel(EchoModel):
    """Was not trained to fill gaps: it knows no control token."""

    def token(self, text: str) -> int | None:
        return None


def test_the_tokenizer_has_the_last_word_about_the_format() -> None:
    assert fim_format(EchoModel(), replace(ECHO, fim="starcoder2")) == FORMATS["starcoder2"]
    assert fim_format(PlainModel(), replace(ECHO, fim="starcoder2")) is None
    assert fim_format(EchoModel(), replace(ECHO, fim=None)) == FORMATS["starcoder"]
    assert fim_format(EchoModel(), replace(ECHO, fim="codellama")) == FORMATS["starcoder"]


@pytest.mark.parametrize(
    ("form", "around", "text"),
    [
        (None, Around(), "a ="),
        ("starcoder", Around(), "<fim_prefix>a = <fim_suffix>\nb\n<fim_middle>"),
        (
            "starcoder",
            Around(Names("a.py"), told=True),
            "<fim_prefix><filename>a.py\na = <fim_suffix>\nb\n<fim_middle>",
        ),
        (
            "starcoder",
            Around(Names("a.py"), files=(FILE,), language=language("python")),
            "<fim_prefix># Path: b.py\n# b = 1\n\na = <fim_suffix>\nb\n<fim_middle>",
        ),
        (
            "starcoder2",
            Around(files=(FILE,), language=language("python")),
            "<file_sep>b.py\nb = 1\n<file_sep><fim_prefix>untitled.py\na = "
            "<fim_suffix>\nb\n<fim_middle>",
        ),
    ],
)
def test_a_gap(form: str | None, around: Around, text: str) -> None:
    prompt = spelled(FORMATS[form] if form else None, HOLE, around)
    assert "".join(prompt.pieces) == text
    assert prompt.begun == ("" if form else " ")


def test_a_beginning_is_healed() -> None:
    prompt = spelled(FORMATS["starcoder"], Hole("def f"), order=None)
    assert (prompt.pieces, prompt.begun) == (("def",), " f")


def test_as_much_as_fits() -> None:
    assert near(SmallModel(), Hole("a" * 45, "b" * 45), 10) == (Hole("a" * 45, "b" * 45), 90)
    kept, budget = near(SmallModel(), Hole("a\n" * 100, "b\n" * 100), 10, 20)
    assert len(kept.prefix) + len(kept.suffix) <= budget == 70
    with pytest.raises(UsageError, match="90 tokens of answer leave no room"):
        near(SmallModel(), Hole("a" * 200), 90)


def test_no_text_has_more_tokens_than_bytes() -> None:
    assert room(Hole("é", "b"), 10) == 3 + 10 + MARGIN

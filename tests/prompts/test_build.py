"""From a hole and what is around it to a prompt, whoever asks."""

from dataclasses import replace

import pytest

from starcoder_cli.catalog import find_model
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.errors import UsageError
from starcoder_cli.files.source import FileMetadata
from starcoder_cli.languages import find_language as language
from starcoder_cli.model import Hole
from starcoder_cli.prompts.build import (
    PROMPT_OVERHEAD_TOKENS,
    PromptContext,
    build_fim_prompt,
    fim_format,
    truncate_to_window,
    window_for,
)
from starcoder_cli.prompts.fim import Document
from starcoder_cli.prompts.fim_formats import FIM_FORMATS

ECHO = find_model("echo")
HOLE = Hole("a = ", "\nb\n")
FILE = Document("b.py", "b = 1\n")


class SmallModel(EchoModel):
    """Reads a hundred characters, besides what is around them."""

    window = 100 + PROMPT_OVERHEAD_TOKENS


class PlainModel(EchoModel):
    """Was not trained to fill gaps: it knows no control token."""

    def has_token(self, text: str) -> bool:
        return False


def test_the_tokenizer_has_the_last_word_about_the_format() -> None:
    assert fim_format(EchoModel(), replace(ECHO, fim="starcoder2")) == FIM_FORMATS["starcoder2"]
    assert fim_format(PlainModel(), replace(ECHO, fim="starcoder2")) is None
    assert fim_format(EchoModel(), replace(ECHO, fim=None)) == FIM_FORMATS["starcoder"]
    assert fim_format(EchoModel(), replace(ECHO, fim="codellama")) == FIM_FORMATS["starcoder"]


@pytest.mark.parametrize(
    ("form", "around", "text"),
    [
        (None, PromptContext(), "a ="),
        ("starcoder", PromptContext(), "<fim_prefix>a = <fim_suffix>\nb\n<fim_middle>"),
        (
            "starcoder",
            PromptContext(FileMetadata("a.py"), wants_metadata=True),
            "<fim_prefix><filename>a.py\na = <fim_suffix>\nb\n<fim_middle>",
        ),
        (
            "starcoder",
            PromptContext(FileMetadata("a.py"), documents=(FILE,), language=language("python")),
            "<fim_prefix># Path: b.py\n# b = 1\n\na = <fim_suffix>\nb\n<fim_middle>",
        ),
        (
            "starcoder2",
            PromptContext(documents=(FILE,), language=language("python")),
            "<file_sep>b.py\nb = 1\n<file_sep><fim_prefix>untitled.py\na = "
            "<fim_suffix>\nb\n<fim_middle>",
        ),
    ],
)
def test_a_gap(form: str | None, around: PromptContext, text: str) -> None:
    prompt = build_fim_prompt(FIM_FORMATS[form] if form else None, HOLE, around)
    assert "".join(prompt.pieces) == text
    assert prompt.forced_prefix == ("" if form else " ")


def test_a_beginning_is_healed() -> None:
    prompt = build_fim_prompt(FIM_FORMATS["starcoder"], Hole("def f"), order=None)
    assert (prompt.pieces, prompt.forced_prefix) == (("def",), " f")


def test_as_much_as_fits() -> None:
    hole = Hole("a" * 45, "b" * 45)
    assert truncate_to_window(SmallModel(), hole, 10) == (hole, 90)
    kept, budget = truncate_to_window(SmallModel(), Hole("a\n" * 100, "b\n" * 100), 10, 20)
    assert len(kept.prefix) + len(kept.suffix) <= budget == 70
    assert truncate_to_window(SmallModel(), Hole("a" * 45), 10, most=45) == (Hole("a" * 45), 45)
    assert truncate_to_window(SmallModel(), Hole("a" * 45), 10, most=44) == (Hole("a" * 44), 44)
    assert truncate_to_window(SmallModel(), hole, 10, most=1000) == (hole, 90)
    with pytest.raises(UsageError, match="90 tokens of answer leave no room"):
        truncate_to_window(SmallModel(), Hole("a" * 200), 90)


def test_no_text_has_more_tokens_than_bytes() -> None:
    assert window_for(Hole("é", "b"), 10) == 3 + 10 + PROMPT_OVERHEAD_TOKENS

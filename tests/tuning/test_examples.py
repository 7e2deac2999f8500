"""Examples are what the program will ask, and end as the family ends."""

from collections import Counter
from pathlib import Path

import pytest

from codebases import WORDS, code, source
from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer
from starcoder_cli.engines.transformers.training.batches import Example
from starcoder_cli.model import Hole
from starcoder_cli.prompts.fim import Document
from starcoder_cli.prompts.fim_formats import FIM_FORMATS
from starcoder_cli.tuning.examples import ExampleBuilder, ExampleOptions
from starcoder_cli.tuning.holes import CutHole, cut_holes
from tiny import tokenizer

SOURCES = [source(f"{word}.py", code(word)) for word in WORDS]


@pytest.fixture
def spelled(tmp_path: Path) -> CheckpointTokenizer:
    """A token for each byte, and StarCoder's control tokens."""
    tokenizer().save(str(tmp_path / "tokenizer.json"))
    return CheckpointTokenizer(tmp_path)


def builder(spelled: CheckpointTokenizer, options: ExampleOptions) -> ExampleBuilder:
    """Examples in the frame of models with StarCoder's tokens and no names of files."""
    return ExampleBuilder(spelled, FIM_FORMATS["fim"], False, options)


def test_a_hole_in_its_frame(spelled: CheckpointTokenizer) -> None:
    cut = CutHole("span", SOURCES[0], Hole("a = f(", ")\n"), "1, 2")
    (example,) = builder(spelled, ExampleOptions(256, 1.0, 0.0)).build([cut])
    text = spelled.decode(example.ids)
    assert text == "<fim_prefix>a = f(<fim_suffix>)\n<fim_middle>1, 2<|endoftext|>"
    assert spelled.decode(example.ids[example.answer_start :]) == "1, 2<|endoftext|>"


def test_a_word_that_a_hole_begins_in_is_part_of_the_answer(spelled: CheckpointTokenizer) -> None:
    cut = CutHole("span", SOURCES[0], Hole("x = some_na", "\n"), "me")
    (example,) = builder(spelled, ExampleOptions(256, 1.0, 1.0)).build([cut])
    assert (
        spelled.decode(example.ids)
        == "<fim_prefix><fim_suffix>\n<fim_middle>x = some_name<|endoftext|>"
    )
    assert spelled.decode(example.ids[example.answer_start :]) == " some_name<|endoftext|>"


def test_other_files_stand_before_it(spelled: CheckpointTokenizer) -> None:
    cut = CutHole("span", SOURCES[0], Hole("a = f(", ")\n"), "1", (Document("b.py", "b = 1\n"),))
    (example,) = builder(spelled, ExampleOptions(512, 1.0, 0.0)).build([cut])
    assert "# b = 1\n" in spelled.decode(example.ids)


def test_the_share_of_holes_and_of_orders(spelled: CheckpointTokenizer) -> None:
    def kind(example: Example) -> str:
        text = spelled.decode(example.ids)
        if "<fim_middle>" not in text:
            return "continuation"
        return "spm" if text.startswith("<fim_prefix><fim_suffix>") else "psm"

    holes = cut_holes(SOURCES, 0) * 60
    made = builder(spelled, ExampleOptions(640, fim_rate=0.5, fim_spm_rate=0.5)).build(holes)
    counts = Counter(map(kind, made))
    # Continuations have more tokens here, of a byte each, and fewer of them are short enough.
    assert counts["spm"] == pytest.approx(counts["psm"], rel=0.4) and counts["psm"] > 40
    assert all(example.has_end == (kind(example) != "continuation") for example in made)


@pytest.mark.parametrize("length", [128, 256, 512])
def test_no_example_is_longer_than_allowed(length: int, spelled: CheckpointTokenizer) -> None:
    made = builder(spelled, ExampleOptions(length, 0.5)).build(cut_holes(SOURCES, 0))
    assert made and max(map(len, made)) <= length
    end = spelled.control_token_id("<|endoftext|>")
    assert all(example.ids[-1] == end for example in made if example.has_end)


def test_what_is_held_out_is_always_asked_as_a_hole(spelled: CheckpointTokenizer) -> None:
    made = builder(spelled, ExampleOptions(256, 0.0)).build_held_out(cut_holes(SOURCES, 0))
    assert made and all(example.has_end for example in made)

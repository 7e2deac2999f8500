"""StarCoder and StarCoder2 from a checkpoint folder to the answer that only the right prompt has.

The checkpoints know the answers of `answers.py` by heart, and call wrong prompts mistakes.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from answers import (
    CONTROL,
    DIE,
    FULL,
    GAPS,
    NAMED,
    NAMED_TEXT,
    SPLIT,
    TEXTS,
    Gap,
    Pieces,
    gap_mistakes,
    psm,
)
from processes import start
from starcoder_cli.catalog import find_model
from starcoder_cli.cli import main
from starcoder_cli.engines.load import load_model
from starcoder_cli.files.source import FileMetadata
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Hole, Model, Prompt, Sampling, Special
from starcoder_cli.prompts.fim_formats import FIM_FORMATS
from starcoder_cli.settings import FimOrder
from starcoder_cli.stream import collect

TODO = "TODO"
NAMED_GAPS = {gap.name: gap for gap in GAPS}
ADD, TOKENS, GREEK, UNIQUE = (
    NAMED_GAPS[name] for name in ("add.py", "tokens.py", "greek.py", "unique.go")
)
NAMES = FileMetadata("lib/add.py", "numbers", "10-100")
SPECIALS = {number: Special(name) for name, number in CONTROL.items()}

FAMILIES = ("starcoder", "starcoder2")
ASKED = [
    pytest.param(family, gap, id=f"{family}-{gap.name}")
    for family, gaps in zip(FAMILIES, (GAPS, (ADD, TOKENS, GREEK)), strict=True)
    for gap in gaps
]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """For matrices this small, other threads only get in the way."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def folder(family: str, request: pytest.FixtureRequest) -> Path:
    """The checkpoint of a family."""
    path = request.getfixturevalue(f"{family}_folder")
    assert isinstance(path, Path)
    return path


@pytest.fixture(scope="module", params=FAMILIES)
def opened(request: pytest.FixtureRequest) -> Iterator[tuple[str, Model]]:
    """A family and its checkpoint, open."""
    path = request.getfixturevalue(f"{request.param}_folder")
    with closing(
        load_model(find_model(str(path)), path, 512, LoadOptions(), lambda text: None)
    ) as model:
        yield request.param, model


def lay(gap: Gap, folder: Path, newline: str = "\n") -> str:
    """Write a gap's file with a word in the gap, and the place of that word."""
    path = folder / gap.name
    path.write_text(f"{gap.prefix}{TODO}{gap.suffix}", encoding="utf-8", newline=newline)
    before = gap.prefix.split("\n")
    line, column = len(before), len(before[-1]) + 1
    return f"{path}:{line}:{column}-{line}:{column + len(TODO)}"


def write(text: str, path: Path) -> str:
    """Write a file, and its path."""
    path.write_text(text, encoding="utf-8")
    return str(path)


def prompt(pieces: Pieces) -> Prompt:
    """A prompt from texts and the ids of control tokens."""
    return Prompt(tuple(SPECIALS[piece] if isinstance(piece, int) else piece for piece in pieces))


@pytest.mark.parametrize(("family", "gap"), ASKED)
def test_a_gap_is_filled(
    gap: Gap, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fill", lay(gap, tmp_path), "-m", str(folder)]) == 0
    assert capsys.readouterr() == (gap.middle, "")


@pytest.mark.parametrize(("family", "gap"), ASKED)
def test_a_gap_is_filled_with_the_suffix_first(
    gap: Gap, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fill", lay(gap, tmp_path), "--order", "spm", "-m", str(folder)]) == 0
    assert capsys.readouterr() == (gap.twin, "")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("begin", "rest"), [*TEXTS, SPLIT], ids=range(len(TEXTS) + 1))
def test_a_text_is_completed(
    begin: str, rest: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["complete", write(begin, tmp_path / "text"), "-m", str(folder)]) == 0
    assert capsys.readouterr() == (rest, "")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_an_answer_begins_with_counts(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many tokens as were asked for, those that write half a word anew among them."""
    place = write("SELECT name, co", tmp_path / "text")
    words = ["complete", place, "--json", "-m", str(folder), "--max-tokens"]
    texts = []
    for most in (1, 2):
        assert main([*words, str(most)]) == 0
        record = json.loads(capsys.readouterr().out)
        assert (record["tokens"]["completion"], record["reason"]) == (most, "length")
        texts.append(record["text"])
    first, second = texts
    assert first == "unt"
    assert "unt(*)\nFROM words\n".startswith(second) and len(second) > len(first)


@pytest.mark.parametrize("wrong", [*gap_mistakes(TOKENS)], ids=lambda wrong: wrong[1])
def test_a_wrong_prompt_has_another_answer(
    wrong: tuple[Pieces, str], opened: tuple[str, Model]
) -> None:
    """What the tests around this one rest on."""
    pieces, what = wrong
    answer = collect(opened[1].stream(prompt(pieces), Sampling()))
    assert (answer.text, answer.reason) == (f"mistake: {what}", "stop")


@pytest.mark.parametrize(("order", "answer"), [("psm", NAMED.middle), ("spm", NAMED.twin)])
def test_the_names_of_a_file_are_read(
    order: FimOrder, answer: str, opened: tuple[str, Model]
) -> None:
    family, model = opened
    asked = FIM_FORMATS[family].build_prompt(Hole(NAMED.prefix, NAMED.suffix), NAMES, order)
    assert collect(model.stream(asked, Sampling())).text == answer


def test_the_names_of_a_file_are_read_before_a_text_too(opened: tuple[str, Model]) -> None:
    family, model = opened
    asked = FIM_FORMATS[family].build_prefix_prompt(NAMED_TEXT[0], NAMES)
    assert collect(model.stream(asked, Sampling())).text == NAMED_TEXT[1]


def test_an_answer_that_nobody_reads_to_its_end_leaves_nothing_behind(
    opened: tuple[str, Model],
) -> None:
    model = opened[1]
    first, second = prompt(psm(ADD)), prompt(psm(UNIQUE))
    left = model.stream(second, Sampling())
    begun = "".join(next(left).text for _ in range(3))
    left.close()
    assert begun and UNIQUE.middle.startswith(begun) and begun != UNIQUE.middle
    answers = [collect(model.stream(asked, Sampling())).text for asked in (first, second)]
    assert answers == [ADD.middle, UNIQUE.middle]


def test_a_seed_makes_chance_repeatable(opened: tuple[str, Model]) -> None:
    """The die has been trained to be fair."""

    def throw(seed: int, top_p: float = 1.0) -> str:
        sampling = Sampling(8, temperature=1.0, top_p=top_p, seed=seed)
        return collect(opened[1].stream(Prompt(DIE[:1]), sampling)).text

    throws = [throw(seed) for seed in range(8)]
    assert throws == [throw(seed) for seed in range(8)]
    assert set(throws) <= set(DIE[1]) and len(set(throws)) > 1
    assert len({throw(seed, top_p=0.01) for seed in range(8)}) == 1


@pytest.fixture
def model(starcoder_folder: Path) -> list[str]:
    """The option that names the first checkpoint."""
    return ["--model", str(starcoder_folder)]


def test_a_whole_line_keeps_its_indentation(
    model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(ADD, tmp_path)
    assert main(["fill", f"{tmp_path / ADD.name}:2", *model]) == 0
    assert capsys.readouterr() == (f"    {ADD.middle}", "")


def test_a_file_with_other_line_ends_is_read_as_the_model_was_trained(
    model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = lay(UNIQUE, tmp_path, newline="\r\n")
    assert main(["fill", place, *model]) == 0
    assert capsys.readouterr() == (UNIQUE.middle.replace("\n", "\r\n"), "")


def test_a_completion_inside_a_file_reads_what_is_behind_it(
    model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(ADD.prefix + ADD.suffix, tmp_path / "add.py")
    assert main(["complete", f"{path}:2", *model]) == 0
    assert capsys.readouterr() == (ADD.middle, "")


def test_nothing_may_be_the_answer(
    model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fill", lay(FULL, tmp_path), *model]) == 0
    assert capsys.readouterr() == ("", f"note: {model[1]} returned an empty completion\n")


@pytest.mark.parametrize(
    ("options", "text", "reason", "tokens"),
    [
        ([], "return a + b", "stop", 5),
        (["--max-tokens", "3"], "return a +", "length", 3),
        (["--max-tokens", "4"], "return a + b", "length", 4),
        (["--stop", "+ b"], "return a ", "stop", 4),
        (["--temperature", "1", "--top-p", "0.8", "--seed", "7"], "return a + b", "stop", 5),
    ],
)
def test_an_answer_as_json_says_why_it_ended(
    options: list[str],
    text: str,
    reason: str,
    tokens: int,
    model: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["fill", lay(ADD, tmp_path), "--json", *options, *model]) == 0
    out, err = capsys.readouterr()
    record = json.loads(out)
    seconds = record.pop("seconds")
    assert 0 < seconds["first_token"] < seconds["total"]
    assert (record, err) == (
        {
            "text": text,
            "reason": reason,
            "tokens": {"prompt": 23, "cached": 0, "completion": tokens},
            "model": model[1],
            "engine": "openvino",
            "seed": 7 if "--seed" in options else None,
            "trimmed": [],
            "context": [],
        },
        "",
    )


def test_the_prompt_is_shown_as_the_model_would_read_it(
    model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fill", lay(GREEK, tmp_path), "--show-prompt", *model]) == 0
    assert capsys.readouterr() == (
        f"<fim_prefix>{GREEK.prefix}<fim_suffix>{GREEK.suffix}<fim_middle>",
        "",
    )


def test_a_pipe_gets_the_bytes_of_the_answer_alone(model: list[str], tmp_path: Path) -> None:
    """The tokens of this answer end inside of characters."""
    with start("fill", lay(GREEK, tmp_path), *model) as process:
        assert process.communicate() == (GREEK.middle.encode(), b"")
    assert process.returncode == 0

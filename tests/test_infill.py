"""From a hole to what a model is asked about it, and to the text that belongs in it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.catalog import FALLBACK_MODEL, SMALL_MODEL, ModelSpec, find_model
from starcoder_cli.context.reading_limit import ReadingLimit
from starcoder_cli.context.selection import ContextPool
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.errors import DataError, InputError, UsageError
from starcoder_cli.files.source import FileMetadata, Place, Source, Span
from starcoder_cli.infill import (
    Infill,
    InfillOptions,
    PreparedPrompt,
    language_of,
    metadata_for,
)
from starcoder_cli.languages import find_language
from starcoder_cli.model import Hole, Prompt, Question, Sampling, as_prompt
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS
from starcoder_cli.prompts.fim import Document
from starcoder_cli.prompts.window import left_out
from starcoder_cli.stream import Chunk, Completion, Stream, collect
from starcoder_cli.terminal.output import Messages

ECHO = find_model("echo")
MOST = 10
COMPLETE = InfillOptions()
FILL = InfillOptions(fim=True)
LOUD = Messages()
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=60)


class SmallModel(EchoModel):
    """Reads a hundred characters, answer included, besides what is around them."""

    window = 100 + PROMPT_OVERHEAD_TOKENS


class PlainModel(EchoModel):
    """Was not trained to fill gaps: it knows no control token."""

    def has_token(self, text: str) -> bool:
        return False


def infill_at(hole: Hole, spec: ModelSpec, options: InfillOptions, most: int = MOST) -> Infill:
    """A hole in a source that has no name."""
    source, at = Source("", hole.prefix + hole.suffix), len(hole.prefix)
    language, names = language_of(source, None, None), FileMetadata("src/a.py", "project")
    return Infill(source, Span(at, at), spec, language, names, most, options)


def prepared(
    model: EchoModel, spec: ModelSpec, hole: Hole, options: InfillOptions, messages: Messages = LOUD
) -> PreparedPrompt:
    """What a model is asked about a hole."""
    return infill_at(hole, spec, options).prompt(model, messages)


def composed(model: EchoModel, spec: ModelSpec, hole: Hole, options: InfillOptions) -> str:
    """The prompt as one text."""
    question = prepared(model, spec, hole, options).question
    assert isinstance(question, Prompt)
    return "".join(question.pieces)


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
    spec = replace(ECHO, fim=family, wants_file_metadata=True)
    assert composed(EchoModel(), spec, hole, COMPLETE) == prompt
    nameless = composed(EchoModel(), replace(spec, wants_file_metadata=False), hole, COMPLETE)
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
    spec = find_model(FALLBACK_MODEL)
    for options in (COMPLETE, FILL):
        assert composed(PlainModel(), spec, Hole("a", "b"), options) == "a"
        assert capfd.readouterr() == (
            "",
            "note: smollm2-135m was not trained to fill gaps: it continues what comes before, and "
            "does not read what comes after\n",
        )
    assert composed(PlainModel(), spec, Hole("a"), COMPLETE) == "a"
    assert capfd.readouterr() == ("", "")


def test_what_fits_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    hole = Hole("p" * 45, "s" * 45)
    assert prepared(SmallModel(), ECHO, hole, COMPLETE) == prepared(
        EchoModel(), ECHO, hole, COMPLETE
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("hole", "kept", "lost"),
    [
        (
            Hole("123456789\n" * 12),
            Hole("123456789\n" * 9),
            "3 lines at the beginning",
        ),
        (
            Hole("", "123456789\n" * 12),
            Hole("", "123456789\n" * 9),
            "3 lines at the end",
        ),
        (
            Hole("123456789\n" * 12, "123456789\n" * 12),
            Hole("123456789\n" * 6, "123456789\n" * 3),
            "6 lines at the beginning and 9 lines at the end",
        ),
        (
            Hole("p" * 200, "s"),
            Hole("p" * 89, "s"),
            "111 characters at the beginning",
        ),
    ],
)
def test_whole_lines_far_from_the_gap_are_left_out(
    hole: Hole, kept: Hole, lost: str, capfd: pytest.CaptureFixture[str]
) -> None:
    what = "the text is longer than the 90 tokens that the model can read"
    asked = replace(prepared(EchoModel(), ECHO, kept, FILL), truncated=True)
    assert prepared(SmallModel(), ECHO, hole, FILL) == asked
    assert capfd.readouterr() == ("", f"note: {what}: left out {lost}\n")
    assert prepared(SmallModel(), ECHO, hole, FILL, Messages(quiet=True)) == asked
    assert capfd.readouterr() == ("", "")
    strict = replace(FILL, strict_context=True)
    with pytest.raises(DataError, match=what):
        prepared(SmallModel(), ECHO, hole, strict)


def test_an_answer_that_leaves_no_room_to_read() -> None:
    with pytest.raises(UsageError) as caught:
        infill_at(Hole("p" * 200), ECHO, COMPLETE, 90).prompt(SmallModel(), LOUD)
    assert str(caught.value) == (
        "90 tokens of answer leave no room to read anything; "
        "the model's window is 132: lower --max-tokens"
    )


class Writer(EchoModel):
    """Writes the next of its answers each time that it is asked."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = answers
        self.asked = 0

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        yield from map(Chunk, answer)
        yield Chunk("", 0, "stop")


LIMIT = ReadingLimit(way="; --max-prompt-tokens reads more")
LINES = Hole("123456789\n" * 200)
QWEN = find_model(SMALL_MODEL)


def test_what_takes_long_to_read_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    """800 lines took 80 seconds in silence; now each run of a command makes the same prompt."""
    model, bounded = Writer(("x",)), replace(COMPLETE, reading_limit=LIMIT)
    kept = prepared(model, QWEN, Hole("123456789\n" * 102), COMPLETE).question
    what = "the text is longer than the 1024 tokens that it reads in about ten seconds"
    lost = "left out 98 lines at the beginning"
    note = f"note: {what}: {lost}; --max-prompt-tokens reads more\n"
    for _ in range(2):
        assert prepared(model, QWEN, LINES, bounded).question == kept
        assert capfd.readouterr() == ("", note)
    assert model.asked == 2  # twice for the measurement, once for all
    for spec, options in ((QWEN, COMPLETE), (ECHO, bounded)):
        assert not prepared(model, spec, LINES, options).truncated


def test_a_number_of_tokens_overrides_the_bound(capfd: pytest.CaptureFixture[str]) -> None:
    options = replace(COMPLETE, reading_limit=LIMIT, prompt_tokens=1500)
    prompt = prepared(Writer(), QWEN, LINES, options)
    assert prompt.question == prepared(Writer(), QWEN, Hole("123456789\n" * 150), COMPLETE).question
    what = "the text is longer than the 1500 tokens that --max-prompt-tokens allows"
    lost = "left out 50 lines at the beginning"
    assert capfd.readouterr() == ("", f"note: {what}: {lost}\n")
    options = replace(COMPLETE, prompt_tokens=5000)
    assert not prepared(Writer(), QWEN, LINES, options).truncated
    with pytest.raises(UsageError, match="--max-prompt-tokens cannot be 0"):
        InfillOptions(prompt_tokens=0)


def answered(
    model: EchoModel, text: str, place: str, options: InfillOptions = COMPLETE
) -> Completion:
    """What a model that is not echo writes into a place of `a.py`."""
    source = Source("a.py", text)
    span = source.span_of(Place.parse(f"a.py:{place}"))
    language, spec = find_language("python"), find_model(SMALL_MODEL)
    infill = Infill(source, span, spec, language, FileMetadata("a.py"), MOST, options)
    return collect(infill.stream(model, infill.prompt(model, LOUD), Sampling(MOST)))


class Reluctant(EchoModel):
    """Says nothing unless it has to begin with some text."""

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        forced = as_prompt(question).forced_prefix
        yield Chunk("return sum(values)" if forced == "\n    " else "\n", 1, "stop")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('def f(values):\n    """The sum."""', "\n    return sum(values)"),
        ("def f(values):\n    x = 1", ""),
    ],
)
def test_a_body_that_is_missing_is_asked_for_behind_its_indentation(
    text: str, expected: str
) -> None:
    """The README's first example had no answer on one of two engines."""
    place = f"2:{len(text.splitlines()[1]) + 1}"
    assert answered(Reluctant(), text + "\n\n\nf([1])\n", place, FILL).text == expected


def test_an_answer_has_the_indentation_of_its_range_and_the_line_ends_of_its_file() -> None:
    text = "def f(x):\r\n    return 1\r\n\r\n\r\nf(1)\r\n"
    writer = Writer(
        (
            "if x:\n",
            "        return 2\n    return 3",
        )
    )
    assert answered(writer, text, "2").text == ("    if x:\r\n        return 2\r\n    return 3")


def test_a_raw_answer_is_as_the_model_wrote_it_but_for_its_line_ends() -> None:
    writer = Writer(
        (
            "```\n",
            "return 2 \n",
        )
    )
    raw = InfillOptions(raw=True)
    assert answered(writer, "def f(x):\r\n    return 1\r\n", "2", raw).text == (
        "    ```\r\nreturn 2 \r\n"
    )


def test_a_raw_answer_has_the_indentation_of_its_hole_once() -> None:
    for pieces in (("re", "turn 2"), ("  ", "  return 2"), ("    return 2",)):
        answer = answered(Writer(pieces), "def f(x):\n    pass\n", "2", InfillOptions(raw=True))
        assert answer.text == "    return 2"


@pytest.mark.parametrize(("once", "text", "asked"), [(False, "    return 2", 2), (True, "", 1)])
def test_who_says_nothing_is_asked_again_unless_once(once: bool, text: str, asked: int) -> None:
    writer = Writer(("\n",), ("return 2",))
    options = InfillOptions(once=once)
    assert answered(writer, "def f(x):\n    pass\n", "2", options).text == text
    assert writer.asked == asked


def test_an_answer_ends_at_a_text_to_stop_at_or_when_its_time_is_over() -> None:
    lines = ("a = 1\n", "b = 2\n", "c = 3\n")
    stopped = answered(Writer(lines), "\n", "1", InfillOptions(raw=True, stop=("b =",)))
    assert (stopped.text, stopped.reason) == ("a = 1\n", "stop")
    late = answered(Writer(lines), "\n", "1", InfillOptions(raw=True, seconds=-1.0))
    assert (late.text, late.reason) == ("a = 1\n", "length")


def test_an_empty_text_to_stop_at_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        InfillOptions(stop=("x", ""))
    assert str(caught.value) == "an empty --stop would end every answer at once; omit it"


def test_files_that_are_read_along_are_part_of_the_prompt_and_named() -> None:
    spec = replace(ECHO, fim="starcoder2")
    infill = infill_at(Hole("a", "b"), spec, COMPLETE)
    along = infill.with_context(
        ContextPool.of_documents((Document("b.py", "b = 1\n"),), infill.language)
    )
    asked = along.prompt(EchoModel(), LOUD)
    assert along.window > infill.window
    assert [snippet["path"] for snippet in asked.context.record()] == ["b.py"]
    assert str(asked.question).index("b = 1") < str(asked.question).index("<fim_prefix>")
    assert not asked.truncated


@given(st.builds(Hole, TEXT, TEXT), st.integers(1, 100), st.sampled_from([COMPLETE, FILL]))
@settings(deadline=None)
def test_a_model_with_the_window_of_a_hole_reads_all_of_it(
    hole: Hole, most: int, options: InfillOptions
) -> None:
    infill = infill_at(hole, ECHO, options, most)
    model = EchoModel()
    model.window = infill.window
    asked = infill.prompt(model, Messages(quiet=True))
    assert asked == infill.prompt(EchoModel(), Messages(quiet=True))
    assert not asked.truncated


@pytest.mark.parametrize(
    ("whole", "kept", "text"),
    [
        ("a\nb\nc", "c", "2 lines"),
        ("a\nbcd", "cd", "1 line"),
        ("abcd", "cd", "2 characters"),
        ("a\n", "a\n", "0 characters"),
    ],
)
def test_what_is_missing_is_counted_for_people(whole: str, kept: str, text: str) -> None:
    assert left_out(whole, kept) == text


@pytest.mark.parametrize(
    ("source", "lang", "filename", "name"),
    [
        (Source("a.py", "x"), None, None, "python"),
        (Source("a.py", "x"), None, "a.rs", "rust"),
        (Source("a.py", "x"), "js", "a.rs", "javascript"),
        (Source("-", "#!/bin/sh\n"), None, None, "shell"),
        (Source("-", "x"), None, None, "text"),
    ],
)
def test_the_language_is_the_users_or_that_of_the_name_or_of_the_first_line(
    source: Source, lang: str | None, filename: str | None, name: str
) -> None:
    assert language_of(source, lang, filename).name == name


def test_a_language_that_there_is_not_is_refused() -> None:
    with pytest.raises((UsageError, InputError)):
        language_of(Source("a.py", "x"), "klingon", None)


def test_a_text_is_called_as_the_user_says() -> None:
    assert metadata_for(Source("a.py", ""), "src/b.py") == FileMetadata("src/b.py")
    assert metadata_for(Source("-", ""), None) == FileMetadata()

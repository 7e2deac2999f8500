"""What is asked about a range of a source, and one run of that up to the answer."""

from dataclasses import replace
from pathlib import Path

import pytest

from starcoder_cli.app.answer_record import Seconds, TokenCounts
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.request import CandidateOptions, NoticeOptions, Request
from starcoder_cli.app.task import TaskRun, fill_task, unchanged
from starcoder_cli.context.selection import ContextOptions
from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.files.source import FileMetadata, Source, Span
from starcoder_cli.infill import InfillOptions
from starcoder_cli.languages import find_language
from starcoder_cli.model import Prompt, Question, Sampling
from starcoder_cli.stream import Chunk, Stream, closing_source
from starcoder_cli.terminal.output import Messages

TEXT = "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"
PROMISE = "# Here is the correct implementation of the code exercise\n"
SOURCE = Source("add.py", TEXT)
SPAN = Span(TEXT.index("a + b"), TEXT.index("\n\n\n"))
ECHO = Request("echo", Sampling())
PLAIN = OutputOptions()
MESSAGES = Messages(quiet=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the file, which is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "add.py").write_text(TEXT)
    return tmp_path


class Writer(EchoModel):
    """Writes one of some answers after the other, and counts the streams that were closed."""

    engine = "llamacpp"

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.closed = 0

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        text = self.answers.pop(0)
        try:
            yield Chunk(text, 1, None, 9, -0.5)
            yield Chunk("", 0, "stop", 9)
        finally:
            self.closed += 1


def ran(run: TaskRun, model: EchoModel, request: Request) -> TaskRun:
    """A run whose answer has been made."""
    task = fill_task(SOURCE, SPAN, request, MESSAGES)
    prompt = task.prompt(model, MESSAGES)
    run.generate(model, task, prompt, request)
    return run


def test_a_task_is_the_hole_with_what_the_user_says_of_it() -> None:
    task = fill_task(SOURCE, SPAN, replace(ECHO, filename="src/b.rs"), MESSAGES)
    assert (task.language, task.metadata) == (find_language("rust"), FileMetadata("src/b.rs"))
    assert (task.max_tokens, task.spec, task.replaces_code) == (256, ECHO.spec, False)


def test_files_that_are_named_are_read_along(folder: Path) -> None:
    (folder / "other.py").write_text("ONE = 1\nTWO = 2\n")
    request = replace(ECHO, context=ContextOptions(("other.py:2",), 0.0))
    model = EchoModel()
    answer = ran(TaskRun(SOURCE, SPAN, request, PLAIN), model, request).answer(request, "echo")
    assert answer.context is not None
    assert [(each["path"], each["lines"]) for each in answer.context] == [("other.py", [2, 2])]
    assert "TWO = 2" in answer.text and "ONE = 1" not in answer.text
    missing = replace(ECHO, context=ContextOptions(("none.py",), 0.0))
    with pytest.raises(InputError, match="cannot read none.py"):
        fill_task(SOURCE, SPAN, missing, MESSAGES)


def test_an_answer_is_described_with_what_it_cost() -> None:
    request = Request("qwen2.5-coder-0.5b", Sampling(seed=7), context=ContextOptions((), 0.0))
    model = Writer("b + a")
    run = ran(TaskRun(SOURCE, SPAN, request, PLAIN), model, request)
    answer = run.answer(request, model.engine, 0.5)
    assert (answer.text, answer.reason, answer.tokens) == ("b + a", "stop", TokenCounts(9, None, 1))
    assert (answer.model, answer.engine, answer.seed) == ("qwen2.5-coder-0.5b", "llamacpp", 7)
    assert (answer.trimmed, answer.context, answer.candidates) == ((), [], None)
    assert isinstance(answer.seconds, Seconds) and answer.seconds.load == 0.5
    assert (run.selects, run.failure, run.with_notices(answer, MESSAGES)) == (False, None, answer)
    assert model.closed == 1


def test_a_chosen_answer_is_described_with_its_candidates_and_its_seed() -> None:
    request = Request(
        "qwen2.5-coder-0.5b",
        Sampling(seed=7),
        context=ContextOptions((), 0.0),
        candidates=CandidateOptions(2, "grep -q 'b + a' add.py"),
    )
    model = Writer("a + b", "b + a")
    run = ran(TaskRun(SOURCE, SPAN, request, PLAIN), model, request)
    answer = run.answer(request, model.engine)
    assert (run.selects, run.failure) == (True, None)
    assert answer.text == "b + a"
    assert answer.candidates is not None
    told = [(each["text"], each["verified"], each["seed"]) for each in answer.candidates]
    assert told == [("b + a", True, 7), ("a + b", False, None)]
    assert answer.seed == 7
    assert model.closed == 2


def test_where_no_candidate_passes_that_is_a_failure() -> None:
    request = Request(
        "qwen2.5-coder-0.5b",
        Sampling(seed=7),
        context=ContextOptions((), 0.0),
        candidates=CandidateOptions(1, "false"),
    )
    run = ran(TaskRun(SOURCE, SPAN, request, PLAIN), Writer("a + b", "b + a"), request)
    assert run.choose().text == "a + b"
    assert str(run.failure) == "no candidate passes `false`; -v shows what it says"


@pytest.mark.parametrize("n", [1, 2])
def test_every_answer_goes_through_the_transform(n: int) -> None:
    def loud(chunks: Stream) -> Stream:
        with closing_source(chunks) as source:
            for chunk in source:
                yield replace(chunk, text=chunk.text.upper())

    request = Request(
        "qwen2.5-coder-0.5b",
        Sampling(seed=7),
        lang="text",
        context=ContextOptions((), 0.0),
        candidates=CandidateOptions(n),
    )
    model = Writer("a + b", "b + a")
    run, task = TaskRun(SOURCE, SPAN, request, PLAIN), fill_task(SOURCE, SPAN, request, MESSAGES)
    prompt = task.prompt(model, MESSAGES)
    run.generate(model, task, prompt, request, through=loud)
    assert run.choose().text == "A + B"
    assert model.closed == n


def test_what_cannot_be_disclosed_or_looked_up_is_said_before_a_model_is_loaded() -> None:
    notices = NoticeOptions(trace=True, index="none.index")
    with pytest.raises(InputError):
        TaskRun(SOURCE, SPAN, replace(ECHO, notices=notices), PLAIN)
    verify = replace(ECHO, candidates=CandidateOptions(2, "true"))
    with pytest.raises(UsageError, match="--verify needs a file to write answers to"):
        TaskRun(Source("-", TEXT), SPAN, verify, PLAIN)


def test_a_disclosed_answer_has_the_comment_in_it_and_in_its_record() -> None:
    request = replace(ECHO, notices=NoticeOptions(provenance=True))
    source, span = Source("add.py", TEXT), Span(len(TEXT), len(TEXT))
    run, task = TaskRun(source, span, request, PLAIN), fill_task(source, span, request, MESSAGES)
    model = EchoModel()
    prompt = task.prompt(model, MESSAGES)
    run.generate(model, task, prompt, request)
    answer = run.with_notices(run.answer(request, "echo"), MESSAGES)
    assert answer.notices is not None
    comment = str(answer.notices["provenance"])
    assert comment.startswith("#") and "echo" in comment
    assert answer.text == f"{comment}\n{TEXT}"


def test_a_stream_that_nothing_is_done_to_is_itself() -> None:
    chunks = EchoModel().stream(Prompt(("a",)), Sampling())
    assert unchanged(chunks) is chunks


class Tokenizing(EchoModel):
    """A model that knows the control tokens of a real tokenizer."""

    def __init__(self, folder: Path) -> None:
        self._tokens = CheckpointTokenizer(folder)

    def has_token(self, text: str) -> bool:
        return self._tokens.control_token_id(text) is not None


@pytest.mark.parametrize(
    ("family", "beginning", "gap"),
    [
        (
            "starcoder",
            "<filename>solutions/solution_1.py\n{}",
            "<fim_prefix><filename>solutions/solution_1.py\n{}<fim_suffix>{}<fim_middle>",
        ),
        (
            "starcoder2",
            "solutions/solution_1.py\n{}",
            "<fim_prefix>solutions/solution_1.py\n{}<fim_suffix>{}<fim_middle>",
        ),
    ],
)
def test_a_folder_is_prompted_in_the_form_that_its_tokenizer_tells(
    family: str, beginning: str, gap: str, shared: Path, folder: Path
) -> None:
    """Only models of the catalog were told the name, and the comment alone was what was left."""
    (folder / "my-model").mkdir()
    (folder / "my-model" / "config.json").write_text("{}")
    model = Tokenizing(shared / "data" / "tokenizers" / family)
    request = Request("./my-model", Sampling(), InfillOptions(prompted=True))
    source = Source("add.py", TEXT)
    at = TEXT.index("a + b")

    def prompted(offset: int) -> str:
        task = fill_task(source, Span(offset, offset), request, Messages())
        prompt = task.prompt(model, Messages()).question
        assert isinstance(prompt, Prompt)
        return "".join(prompt.pieces)

    assert prompted(len(TEXT)) == beginning.format(PROMISE + TEXT)
    assert prompted(at) == gap.format(PROMISE + TEXT[:at], TEXT[at:])

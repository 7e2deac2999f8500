"""What a model is asked for a client of the HTTP API, and what is refused."""

from collections.abc import Set as AbstractSet
from dataclasses import replace

import pytest

from starcoder_cli.catalog import FALLBACK_MODEL, SMALL_MODEL, ModelSpec, find_model
from starcoder_cli.context.reading_limit import find_prompt_limit
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.model import Conversation, Hole, Sampling
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS
from starcoder_cli.prompts.fim import Document
from starcoder_cli.server.completions import CompletionPlan, plan_completion
from starcoder_cli.stream import collect
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.requests import CompletionRequest

SPEC = find_model(SMALL_MODEL)
ECHO = replace(find_model("echo"), fim="starcoder2")
MOST = Sampling(100)
TALK = Conversation("Be brief.").with_question("one?").with_answer("1").with_question("two?")


class SmallModel(EchoModel):
    """Reads 200 characters besides the answer and what is around it."""

    window = 200 + 100 + PROMPT_OVERHEAD_TOKENS


class PlainModel(EchoModel):
    """Was not trained to fill gaps: it knows no control token."""

    def has_token(self, text: str) -> bool:
        return False


class ServerModel(PlainModel):
    """Its server spells gaps."""

    spells: AbstractSet[type] = frozenset({Hole})


def answered(plan: CompletionPlan) -> str:
    """What a model writes for a plan: of an echo, what it was asked."""
    return collect(
        plan.open_stream(
            EchoModel(), replace(MOST, max_tokens=max(plan.max_tokens, 1)), lambda: False
        )
    ).text


def planned(model: EchoModel, spec: ModelSpec, asked: CompletionRequest) -> CompletionPlan:
    """What a model is asked for a request of one content."""
    (plan,) = plan_completion(model, spec, asked)
    return plan


def refused(model: EchoModel, spec: ModelSpec, asked: CompletionRequest) -> ApiError:
    """The error that a request is."""
    with pytest.raises(ApiError) as caught:
        plan_completion(model, spec, asked)
    return caught.value


def test_a_gap_is_asked_with_its_names_and_the_files_along() -> None:
    asked = CompletionRequest(
        (Hole("a = ", "\n"),),
        MOST,
        100,
        is_infill=True,
        filename="src/a.py",
        repository="mine",
        extra_files=(Document("b.py", "b = 1\n"),),
    )
    plan = planned(EchoModel(), replace(ECHO, wants_file_metadata=True), asked)
    assert answered(plan) == (
        "<repo_name>mine<file_sep>b.py\nb = 1\n<file_sep><fim_prefix>src/a.py\na = <fim_suffix>\n"
        "<fim_middle>"
    )
    assert (plan.truncated, plan.notes) == (False, ())


def test_a_beginning_is_a_gap_with_nothing_behind_it() -> None:
    plan = planned(EchoModel(), ECHO, CompletionRequest((Hole("a = "),), MOST, 100))
    assert answered(plan) == "a = "


def test_an_answer_ends_where_the_client_says() -> None:
    asked = CompletionRequest((Hole("one two three"),), MOST, 100, stop=(" t",))
    assert answered(planned(EchoModel(), ECHO, asked)) == "one"


def test_what_does_not_fit_is_left_out_and_told() -> None:
    asked = CompletionRequest((Hole("123456789\n" * 30),), MOST, 100)
    plan = planned(SmallModel(), ECHO, asked)
    assert answered(plan) == "123456789\n" * 20
    assert plan.truncated
    assert plan.notes == (
        "the text is longer than the 200 tokens that the model can read: "
        "left out 10 lines at the beginning",
    )


def test_a_model_that_fills_no_gaps_is_not_asked_to() -> None:
    asked = CompletionRequest((Hole("a", "b"),), MOST, 100, is_infill=True)
    error = refused(PlainModel(), find_model(FALLBACK_MODEL), asked)
    assert (error.status, error.code, error.param) == (400, "no_infill", None)
    assert error.message == f"{FALLBACK_MODEL} was not trained to fill gaps"
    assert not planned(ServerModel(), find_model(FALLBACK_MODEL), asked).truncated
    beginning = replace(asked, is_infill=False)
    assert planned(PlainModel(), find_model(FALLBACK_MODEL), beginning).notes


def test_a_conversation_is_asked_in_the_models_format() -> None:
    plan = planned(EchoModel(), SPEC, CompletionRequest((TALK,), MOST, 100))
    assert answered(plan) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\none?<|im_end|>\n"
        "<|im_start|>assistant\n1<|im_end|>\n<|im_start|>user\ntwo?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    stopped = planned(EchoModel(), SPEC, CompletionRequest((TALK,), MOST, 100, stop=("brief",)))
    assert answered(stopped) == "<|im_start|>system\nBe "


@pytest.mark.parametrize(
    "talk",
    [
        TALK.with_question("x" * 300),
        Conversation().with_question("x" * 150).with_question("y" * 150),
    ],
)
def test_of_a_conversation_nothing_is_left_out(talk: Conversation) -> None:
    error = refused(SmallModel(), SPEC, CompletionRequest((talk,), MOST, 100))
    assert (error.status, error.param, error.code) == (
        *(400, "messages", "context_length_exceeded"),
    )


def test_an_answer_leaves_room_to_read() -> None:
    """A completion takes half of the window at most, a reply what the conversation leaves."""
    window = SmallModel.window
    long = planned(SmallModel(), ECHO, CompletionRequest((Hole("a"),), MOST, 10**6))
    assert long.max_tokens == window // 2
    assert long.notes == (
        f"max_tokens is {window // 2} here: prompt and answer share a window of {window}",
    )
    talk = Conversation().with_question("x" * 50)
    open_end = planned(SmallModel(), SPEC, CompletionRequest((talk,), MOST))
    assert 50 < open_end.max_tokens < window - 50 and not open_end.notes
    assert planned(SmallModel(), SPEC, CompletionRequest((talk,), MOST, 10**6)).notes
    assert planned(SmallModel(), SPEC, CompletionRequest((talk,), MOST, 7)).max_tokens == 7


FRAME = "<repo_name>mine<file_sep>b.py\nb = 1\n<file_sep><fim_prefix>a = <fim_suffix>\n<fim_middle>"


def test_a_gap_that_the_client_spelled_is_that_gap() -> None:
    spelled = CompletionRequest((Hole(FRAME),), MOST, 100, raw=True)
    plan = planned(EchoModel(), ECHO, spelled)
    assert answered(plan) == FRAME.replace("<fim_prefix>", "<fim_prefix>untitled.txt\n")
    text = CompletionRequest((Hole(f"x {FRAME}"),), MOST, 100)
    assert answered(planned(EchoModel(), ECHO, text)) == f"x {FRAME}"


def test_each_content_is_asked_for() -> None:
    asked = CompletionRequest((Hole("a"), Hole("b")), MOST, 100)
    assert list(map(answered, plan_completion(EchoModel(), ECHO, asked))) == ["a", "b"]


def test_a_text_that_is_only_to_be_read_is_answered_by_nothing() -> None:
    asked = CompletionRequest((Hole("a = "),), MOST, 0)
    plan = planned(EchoModel(), ECHO, asked)
    read = collect(plan.open_stream(EchoModel(), Sampling(1), lambda: False))
    assert (read.text, read.tokens, read.reason, read.prompt_tokens) == ("", 0, "length", 1)


def test_an_answer_that_nobody_waits_for_ends() -> None:
    plan = planned(EchoModel(), ECHO, CompletionRequest((Hole("a = "),), MOST, 100))
    assert collect(plan.open_stream(EchoModel(), MOST, lambda: True)).tokens == 0


def test_an_editor_says_how_long_the_text_around_a_gap_may_be_read() -> None:
    lines = Hole("123456789\n" * 200, "\n")
    asked = CompletionRequest((lines,), MOST, 100, is_infill=True, reading_limit=0.5)
    spec = find_model(SMALL_MODEL)
    find_prompt_limit(f"{spec.name} {EchoModel().engine}", lambda: 1.0)
    plan = planned(EchoModel(), spec, asked)
    (note,) = plan.notes
    assert plan.truncated and "0.5 seconds" in note and note.endswith("t_max_prompt_ms allows more")
    assert not planned(EchoModel(), spec, replace(asked, reading_limit=None)).truncated
    assert not planned(EchoModel(), spec, replace(asked, is_infill=False)).truncated

"""What a model is asked for a client of the HTTP API, and what is refused."""

from collections.abc import Set as AbstractSet
from dataclasses import replace

import pytest

from starcoder_cli.catalog import DEFAULT_MODEL, FALLBACK_MODEL, ModelSpec, find_model
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.model import Conversation, Hole, Sampling
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS
from starcoder_cli.prompts.fim import Document
from starcoder_cli.server.completions import CompletionPlan, plan_completion
from starcoder_cli.stream import collect
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.requests import CompletionRequest

SPEC = find_model(DEFAULT_MODEL)
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
    return collect(plan.answer(MOST)).text


def refused(model: EchoModel, spec: ModelSpec, asked: CompletionRequest) -> ApiError:
    """The error that a request is."""
    with pytest.raises(ApiError) as caught:
        plan_completion(model, spec, asked)
    return caught.value


def test_a_gap_is_asked_with_its_names_and_the_files_along() -> None:
    asked = CompletionRequest(
        Hole("a = ", "\n"),
        MOST,
        is_infill=True,
        filename="src/a.py",
        repository="mine",
        extra_files=(Document("b.py", "b = 1\n"),),
    )
    plan = plan_completion(EchoModel(), replace(ECHO, wants_file_metadata=True), asked)
    assert answered(plan) == (
        "<repo_name>mine<file_sep>b.py\nb = 1\n<file_sep><fim_prefix>src/a.py\na = <fim_suffix>\n"
        "<fim_middle>"
    )
    assert (plan.truncated, plan.notes) == (False, ())


def test_a_beginning_is_a_gap_with_nothing_behind_it() -> None:
    plan = plan_completion(EchoModel(), ECHO, CompletionRequest(Hole("a = "), MOST, raw=True))
    assert answered(plan) == "a = "


def test_an_answer_ends_where_the_client_says() -> None:
    asked = CompletionRequest(Hole("one two three"), MOST, raw=True, stop=(" t",))
    assert answered(plan_completion(EchoModel(), ECHO, asked)) == "one"


def test_what_does_not_fit_is_left_out_and_told() -> None:
    asked = CompletionRequest(Hole("123456789\n" * 30), MOST, raw=True)
    plan = plan_completion(SmallModel(), ECHO, asked)
    assert answered(plan) == "123456789\n" * 20
    assert plan.truncated
    assert plan.notes == (
        "the text is longer than the 200 tokens that the model can read: "
        "left out 10 lines at the beginning and 0 characters at the end",
    )


def test_a_model_that_fills_no_gaps_is_not_asked_to() -> None:
    asked = CompletionRequest(Hole("a", "b"), MOST, is_infill=True)
    error = refused(PlainModel(), find_model(FALLBACK_MODEL), asked)
    assert (error.status, error.code, error.param) == (400, "no_infill", None)
    assert error.message == f"{FALLBACK_MODEL} was not trained to fill gaps"
    assert not plan_completion(ServerModel(), find_model(FALLBACK_MODEL), asked).truncated
    beginning = replace(asked, is_infill=False)
    assert plan_completion(PlainModel(), find_model(FALLBACK_MODEL), beginning).notes


def test_a_conversation_is_asked_in_the_models_format() -> None:
    plan = plan_completion(EchoModel(), SPEC, CompletionRequest(TALK, MOST))
    assert answered(plan) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\none?<|im_end|>\n"
        "<|im_start|>assistant\n1<|im_end|>\n<|im_start|>user\ntwo?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    stopped = plan_completion(EchoModel(), SPEC, CompletionRequest(TALK, MOST, stop=("brief",)))
    assert answered(stopped) == "<|im_start|>system\nBe "


@pytest.mark.parametrize(
    "talk",
    [
        TALK.with_question("x" * 300),
        Conversation().with_question("x" * 150).with_question("y" * 150),
    ],
)
def test_of_a_conversation_nothing_is_left_out(talk: Conversation) -> None:
    error = refused(SmallModel(), SPEC, CompletionRequest(talk, MOST))
    assert (error.status, error.param, error.code) == (
        *(400, "messages", "context_length_exceeded"),
    )


@pytest.mark.parametrize("content", [Hole("a"), Hole("a", "b"), TALK])
def test_an_answer_that_leaves_no_room_to_read(content: Hole | Conversation) -> None:
    window = SmallModel.window
    most = window - 2 * PROMPT_OVERHEAD_TOKENS
    plan_completion(SmallModel(), ECHO, CompletionRequest(Hole("a"), Sampling(most)))
    error = refused(SmallModel(), SPEC, CompletionRequest(content, Sampling(most + 1)))
    assert (error.status, error.param, error.code, error.message) == (
        400,
        "max_tokens",
        "context_length_exceeded",
        f"{most + 1} tokens of answer leave no room to read: the window has {window}",
    )

"""From a conversation to the next answer in it; the only place that does it.

The conversation is cut to the model's window by whole turns, spelled in the model's chat format or
left to its server to spell, and the answer streams up to its end, without what was thought first.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.model import Conversation, Message, Model, Prompt, Question, Sampling
from starcoder_cli.postprocess.reasoning import (
    is_reasoning_model,
    split_reasoning,
    without_reasoning,
)
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS
from starcoder_cli.prompts.chat import ChatFormat, drop_oldest_turns, text_stops
from starcoder_cli.prompts.chat_formats import choose_chat_format
from starcoder_cli.stream import (
    Chunk,
    Stream,
    closing_source,
    strip_leading_space,
    until_stop,
)


@dataclass(frozen=True)
class ChatModel:
    """A model that is open, and the format in which it is asked; None where its server has one."""

    model: Model
    form: ChatFormat | None
    reasons: bool = False

    @classmethod
    def of(cls, model: Model, spec: ModelSpec) -> "ChatModel":
        """A model with the format that the catalog, its chat template or its tokens tell.

        So they tell whether it `reasons`, which means that it thinks before it answers.
        """
        reasons = is_reasoning_model(spec.name, model.chat_template)
        return cls(model, chat_format(model, spec), reasons)

    def prompt(
        self,
        conversation: Conversation,
        max_tokens: int,
        note: Callable[[str], None],
        *,
        strict: bool = False,
    ) -> Question:
        """What the model is asked for the next answer, with as many turns as it can read.

        What was thought before earlier answers is left out. Raises DataError where turns would have
        to be left out and that is not wanted (`strict`), or where the question alone is too long;
        UsageError where the answer alone is.
        """
        conversation = forget_reasoning(conversation)
        budget = self.model.window - max_tokens - PROMPT_OVERHEAD_TOKENS
        if budget < PROMPT_OVERHEAD_TOKENS:
            raise UsageError(
                f"{max_tokens} tokens of answer leave no room for a question",
                f"the window is {self.model.window} tokens: lower --max-tokens",
            )
        if max_size(conversation) > budget:
            near = drop_oldest_turns(conversation, budget, self.cost)
            left_out = len(conversation.turns()) - len(near.turns())
            if left_out:
                what = (
                    f"the conversation is longer than the {budget} tokens that the model can read"
                )
                if strict:
                    raise DataError(what, "begin a new one, or omit --strict-context")
                note(f"{what}: left out the {left_out} oldest of its turns")
            conversation = near
        return self.form.build_prompt(conversation) if self.form else conversation

    def cost(self, messages: tuple[Message, ...]) -> int:
        """How many tokens some messages have, with what marks whose they are."""
        if self.form:
            return self.form.count_tokens(messages, self.model.count)
        return sum(1 + self.model.count(message.text) for message in messages)

    def stream(
        self,
        question: Question,
        stop: tuple[str, ...],
        sampling: Sampling,
        *,
        is_live: bool = True,
    ) -> Stream:
        """The next answer, up to one of some texts; `is_live` as for `answer`."""
        words = text_stops(question) if isinstance(question, Prompt) else ()
        chunks = until_stop(self.answer(question, sampling, is_live=is_live), (*words, *stop))
        return strip_leading_space(chunks) if self.form and self.form.leading_space else chunks

    def answer(self, question: Question, sampling: Sampling, *, is_live: bool) -> Stream:
        """The next answer without what was thought before it.

        Where the template of an endpoint may have begun to think, which nobody knows, an answer is
        waited for until it is whole, unless it `is_live`. The same is done for a model that thinks.
        """
        may_be_open = self.reasons or (self.form is None and not is_live)
        chunks = self.model.stream(question, sampling)
        return split_reasoning(chunks, may_be_open, reasons=self.reasons)


def forget_reasoning(conversation: Conversation) -> Conversation:
    """A conversation whose answers are without what was thought before them."""
    messages = (
        replace(message, text=without_reasoning(message.text))
        if message.role == "assistant"
        else message
        for message in conversation.messages
    )
    return replace(conversation, messages=tuple(messages))


def continue_code(chunks: Stream, extract: Callable[[Iterable[Chunk]], Stream]) -> Stream:
    """An answer that was begun inside a block of code.

    If the model thought before it, it has begun the block once more: then its code is extracted.
    """
    has_thought = False
    with closing_source(split_reasoning(chunks, may_be_open=False)) as source:
        for chunk in source:
            has_thought = has_thought or bool(chunk.reasoning_content)
            if has_thought and chunk.text:
                yield from extract(itertools.chain([chunk], source))
                return
            yield chunk


def with_answer_prefix(chunks: Stream, prefix: str) -> Stream:
    """An answer with what it was begun with, unless the model thought first, and began anew."""
    with closing_source(split_reasoning(chunks, may_be_open=False)) as source:
        for chunk in source:
            prefix = "" if chunk.reasoning_content else prefix
            yield replace(chunk, text=prefix + chunk.text) if chunk.text else chunk
            prefix = "" if chunk.text else prefix


def chat_format(model: Model, spec: ModelSpec) -> ChatFormat | None:
    """The format in which a model is asked; None where its server spells conversations itself."""
    if Conversation in model.spells:
        return None
    return choose_chat_format(spec.chat, spec.name, model.chat_template, model.has_token)


def max_size(conversation: Conversation) -> int:
    """The most tokens that a conversation can have: no text has more tokens than it has bytes."""
    messages = (*conversation.opening(), *conversation.messages)
    return sum(len(message.text.encode()) + PROMPT_OVERHEAD_TOKENS for message in messages)

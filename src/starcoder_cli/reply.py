"""Turn a conversation into its next answer; the only place that does so.

The conversation is cut to the model's window by whole turns, then formatted in the model's chat
format or left to its server to format. The answer streams up to its end, without its reasoning.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.model import Conversation, Message, Model, Prompt, Question, Sampling
from starcoder_cli.postprocess.reasoning import split_reasoning, without_reasoning
from starcoder_cli.postprocess.reasoning_marks import is_reasoning_model
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
    """An open model and its chat format; None if its server formats conversations."""

    model: Model
    form: ChatFormat | None
    reasons: bool = False

    @classmethod
    def of(cls, model: Model, spec: ModelSpec) -> "ChatModel":
        """A model with the format given by the catalog, its chat template or its tokens.

        The same sources decide whether it `reasons`, that is, thinks before it answers.
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
        """Build the question for the next answer, with as many turns as the model can read.

        Reasoning before earlier answers is left out. Raises DataError if turns would have to be
        dropped but `strict` forbids it, or if the question alone is too long; UsageError if the
        answer alone is too long.
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
        """Count the tokens of messages, including their role markers."""
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
        """Stream the next answer, up to one of the stop texts; `is_live` as for `answer`."""
        words = text_stops(question) if isinstance(question, Prompt) else ()
        chunks = until_stop(self.answer(question, sampling, is_live=is_live), (*words, *stop))
        return strip_leading_space(chunks) if self.form and self.form.leading_space else chunks

    def answer(self, question: Question, sampling: Sampling, *, is_live: bool) -> Stream:
        """Stream the next answer without the reasoning before it.

        An endpoint's template may have started the reasoning, and nobody can know: such an answer
        is held back until it is complete, unless it `is_live`. So is that of a reasoning model.
        """
        may_be_open = self.reasons or (self.form is None and not is_live)
        chunks = self.model.stream(question, sampling)
        return split_reasoning(chunks, may_be_open, reasons=self.reasons)


def forget_reasoning(conversation: Conversation) -> Conversation:
    """Remove the reasoning before the answers of a conversation."""
    messages = (
        replace(message, text=without_reasoning(message.text))
        if message.role == "assistant"
        else message
        for message in conversation.messages
    )
    return replace(conversation, messages=tuple(messages))


def continue_code(chunks: Stream, extract: Callable[[Iterable[Chunk]], Stream]) -> Stream:
    """Stream an answer that was started inside a code block.

    A model that reasoned first has opened the block again: its code is then extracted.
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
    """Restore an answer's forced prefix, unless the model reasoned first and started over."""
    with closing_source(split_reasoning(chunks, may_be_open=False)) as source:
        for chunk in source:
            prefix = "" if chunk.reasoning_content else prefix
            yield replace(chunk, text=prefix + chunk.text) if chunk.text else chunk
            prefix = "" if chunk.text else prefix


def chat_format(model: Model, spec: ModelSpec) -> ChatFormat | None:
    """The model's chat format; None if its server formats conversations itself."""
    if Conversation in model.spells:
        return None
    return choose_chat_format(spec.chat, spec.name, model.chat_template, model.has_token)


def max_size(conversation: Conversation) -> int:
    """The maximum tokens of a conversation: no text has more tokens than bytes."""
    messages = (*conversation.opening(), *conversation.messages)
    return sum(len(message.text.encode()) + PROMPT_OVERHEAD_TOKENS for message in messages)

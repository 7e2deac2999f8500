"""Questions to a model that is open: what `starcoder chat` does once and in a session."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from starcoder_cli.app.answer import record, show, show_prompt
from starcoder_cli.app.attribution import need_index, origins
from starcoder_cli.app.deliver import Look
from starcoder_cli.app.open_model import opened, reached
from starcoder_cli.app.request import Request
from starcoder_cli.catalog import DEFAULT, ModelSpec
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.loading import Work
from starcoder_cli.model import Model, Prompt, Special
from starcoder_cli.postprocess.fences import Fence, code_of, first_block
from starcoder_cli.prompts.build import MARGIN
from starcoder_cli.prompts.chat import ChatFormat, Conversation, fit
from starcoder_cli.prompts.chat_formats import PLAIN, choose
from starcoder_cli.stream import Chunk, Completion, Stream, closing_source, unspaced, until
from starcoder_cli.terminal.output import (
    BytesView,
    Messages,
    SilentView,
    View,
    is_terminal,
    standard_output,
    wants_color,
    write_json,
)


@dataclass(frozen=True)
class Chat:
    """A model that is open, how it is asked, and how its answers are shown.

    With `extract` only the code in the first fenced block of an answer counts.
    """

    model: Model
    spec: ModelSpec
    form: ChatFormat
    request: Request
    look: Look
    extract: bool = False

    @property
    def messages(self) -> Messages:
        """Where notes go."""
        return self.look.messages

    def prompt(self, conversation: Conversation) -> Prompt:
        """The prompt for the next answer, with as many turns as the model can read.

        Raises DataError where some would have to be left out and that is not wanted.
        """
        most = self.request.sampling.max_tokens
        budget = self.model.window - most - MARGIN
        if budget < MARGIN:
            raise UsageError(
                f"{most} tokens of answer leave no room for a question",
                f"the window is {self.model.window} tokens: lower --max-tokens",
            )
        if size(conversation) <= budget:
            return self.form.prompt(conversation)
        near = fit(conversation, self.form, budget, self.model.count)
        left_out = len(conversation.turns()) - len(near.turns())
        if left_out:
            what = f"the conversation is longer than the {budget} tokens that the model can read"
            if self.request.strict_context:
                raise DataError(what, "begin a new one, or leave --strict-context away")
            self.messages.note(f"{what}: left out the {left_out} oldest of its turns")
        return self.form.prompt(near)

    def answer(self, prompt: Prompt, keep: Callable[[str], None]) -> Completion:
        """The answer, shown while it is made; `keep` is given each piece of it before that."""
        self.messages.status(f"{self.spec.name} is reading …")
        words = tuple(stop for stop in prompt.stop if not isinstance(stop, Special))
        chunks: Stream = until(
            self.model.stream(prompt, self.request.sampling), (*words, *self.request.stop)
        )
        view, found = choose_view(self.look)
        if self.form.spaced:
            chunks = unspaced(chunks)
        if self.extract:
            chunks = first_block(chunks, found)
        with closing(kept(chunks, keep)) as ending:
            completion = show(ending, view, self.messages)
        if not completion.text:
            self.messages.note(f"{self.spec.name} has nothing to say to that")
        return completion

    def origins(self, text: str) -> Mapping[str, object]:
        """What JSON tells of where the code of an answer comes from; a note tells people."""
        code = text if self.extract else code_of(text)
        return origins(code, None, self.request, self.messages)


def size(conversation: Conversation) -> int:
    """The most tokens that a conversation can have: no text has more tokens than it has bytes."""
    messages = (*conversation.opening(), *conversation.messages)
    return sum(len(message.text.encode()) + MARGIN for message in messages)


def kept(chunks: Iterable[Chunk], keep: Callable[[str], None]) -> Stream:
    """The same chunks, the text of each given to `keep` first."""
    with closing_source(chunks) as source:
        for chunk in source:
            keep(chunk.text)
            yield chunk


def choose_view(look: Look) -> tuple[View, Callable[[Fence], None]]:
    """The view for an answer, and what it wants to know of a fence whose code comes alone."""
    if look.json:
        return SilentView(), ignore
    if not is_terminal(sys.stdout) and look.color != "always":
        return BytesView(), ignore
    if not wants_color(look.color):
        from starcoder_cli.terminal.code import CodeView, Painter

        return CodeView(Painter("text", False), "", ""), ignore
    from starcoder_cli.terminal.markdown import MarkdownView

    view = MarkdownView(live=is_terminal(sys.stdout))
    return view, view.open


def ignore(found: Fence | str) -> None:
    """For what nobody wants to know."""


@contextmanager
def talking(request: Request, look: Look, room: int, *, extract: bool = False) -> Iterator[Chat]:
    """A chat with the model of a request, loaded with room for so many tokens."""
    messages = look.messages
    request = reached(request, messages)
    spec = request.spec
    work = Work.of([room], request.sampling.max_tokens)
    with opened(spec, room, request, messages, work) as model:
        template = model.chat_template
        form = choose(spec.chat, spec.name, template, model.token)
        if form is PLAIN:
            has = "a chat template that is not known here" if template else "no chat template"
            tuned = "" if request.reached else f"; -m {DEFAULT} is tuned to chat"
            messages.note(f"{spec.name} has {has}: it is asked in plain words{tuned}")
        yield Chat(model, spec, form, request, look, extract)


def ask(conversation: Conversation, request: Request, look: Look, *, extract: bool) -> None:
    """Answer the last question of a conversation, and end."""
    standard_output()
    request = request.sampled()
    room = size(conversation) + request.sampling.max_tokens + 2 * MARGIN
    begin = time.perf_counter()
    need_index(request)
    with talking(request, look, room, extract=extract) as chat:
        load_seconds = time.perf_counter() - begin
        prompt = chat.prompt(conversation)
        if look.show_prompt:
            show_prompt(prompt, look)
            return
        completion = chat.answer(prompt, ignore)
    told = chat.origins(completion.text)
    if look.json:
        answered = record(completion, chat.spec, chat.model.engine, request, load_seconds)
        write_json({**answered, **told})

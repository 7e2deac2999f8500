"""Questions to an open model: what `starcoder chat` does once and in a session."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from starcoder_cli.app.answer import explain_silence, show_prompt, show_stream
from starcoder_cli.app.answer_record import Answer
from starcoder_cli.app.attribution import lookup_origins, need_index
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.open_model import open_model, resolve_endpoint
from starcoder_cli.app.request import Request
from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.errors import DataError
from starcoder_cli.model import Conversation, Question
from starcoder_cli.postprocess.fences import Fence, blank_out_prose, extract_first_block
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS
from starcoder_cli.prompts.chat_formats import PLAIN_CHAT
from starcoder_cli.reply import ChatModel, max_size
from starcoder_cli.stream import Chunk, Completion, Stream, closing_source
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
from starcoder_cli.terminal.sanitize import find_unsafe_characters, sanitize


@dataclass(frozen=True)
class Chat:
    """An open model, and how its answers are shown.

    With `extract` only the code in the first fenced block of an answer counts.
    """

    replier: ChatModel
    request: Request
    output: OutputOptions
    extract: bool = False

    @property
    def messages(self) -> Messages:
        """Where notes go."""
        return self.output.messages

    def prompt(self, conversation: Conversation) -> Question:
        """The prompt for the next answer, with as many turns as the model can read.

        Raises DataError if some would have to be left out and that is not wanted.
        """
        return self.replier.prompt(
            conversation,
            self.request.sampling.max_tokens,
            self.messages.note,
            strict=self.request.infill.strict_context,
        )

    def answer(self, question: Question, keep: Callable[[str], None]) -> Completion:
        """Return the answer, shown as it arrives; `keep` gets each piece before it is shown."""
        name, request = self.request.spec.name, self.request
        self.messages.show_status(f"{name} is reading …")
        is_live = not (self.extract or self.output.json)
        chunks = self.replier.stream(
            question, request.infill.stop, request.sampling, is_live=is_live
        )
        view, on_fence = choose_chat_view(self.output)
        if self.extract:
            chunks = extract_first_block(chunks, on_fence)
        with closing(keep_text(chunks, keep)) as ending:
            completion = show_stream(ending, view, self.messages)
        is_cut_off = completion.text and completion.reason == "length"
        if is_cut_off and not self.output.json and not self.extract:
            self.messages.note("the answer was cut off: --max-tokens allows more")
        return completion

    def explain_silence(self, completion: Completion) -> str:
        """Explain why an answer is empty; empty if it is not."""
        name = self.request.spec.name
        if completion.text:
            return ""
        return explain_silence(name, completion) or f"{name} has nothing to say to that"

    def origins(self, text: str) -> Mapping[str, object]:
        """What JSON says about the origin of an answer's code; users get it as a note."""
        code = text if self.extract else blank_out_prose(text)
        return lookup_origins(code, None, self.request.notices, self.messages)


def keep_text(chunks: Iterable[Chunk], keep: Callable[[str], None]) -> Stream:
    """Yield the same chunks, passing the text of each to `keep` first."""
    with closing_source(chunks) as source:
        for chunk in source:
            keep(chunk.text)
            yield chunk


def choose_chat_view(output: OutputOptions) -> tuple[View, Callable[[Fence], None]]:
    """The view for an answer, and its handler for the fence of code that is shown alone."""
    if output.json:
        return SilentView(), ignore_text
    if not is_terminal(sys.stdout) and output.color != "always":
        return BytesView(), ignore_text
    if not wants_color(output.color):
        from starcoder_cli.terminal.code import CodeView, Highlighter

        return CodeView(Highlighter("text", False), "", ""), ignore_text
    from starcoder_cli.terminal.markdown import MarkdownView

    view = MarkdownView(live=is_terminal(sys.stdout))
    return view, view.open_code


def ignore_text(found: Fence | str) -> None:
    """Do nothing."""


@contextmanager
def open_chat(
    request: Request, output: OutputOptions, window: int, *, extract: bool = False
) -> Iterator[Chat]:
    """Open a chat with the model of a request, loaded with a window of `window` tokens."""
    messages = output.messages
    request = resolve_endpoint(request, messages)
    spec = request.spec
    with open_model(request, window, messages) as model:
        replier = ChatModel.of(model, spec)
        if replier.form is PLAIN_CHAT:
            template = model.chat_template
            has = "a chat template that is not known here" if template else "no chat template"
            tuned = "" if request.resolved_endpoint else f"; -m {DEFAULT_MODEL} is tuned for chat"
            messages.note(f"{spec.name} has {has}: it is asked in plain words{tuned}")
        yield Chat(replier, request, output, extract)


def answer_once(
    conversation: Conversation, request: Request, output: OutputOptions, *, extract: bool
) -> None:
    """Answer the last question of a conversation, then exit."""
    standard_output()
    request = request.with_random_seed()
    overhead = request.sampling.max_tokens + 2 * PROMPT_OVERHEAD_TOKENS
    begin = time.perf_counter()
    need_index(request.notices)
    with open_chat(request, output, max_size(conversation) + overhead, extract=extract) as chat:
        load_seconds = time.perf_counter() - begin
        question = chat.prompt(conversation)
        if output.show_prompt:
            show_prompt(question, output)
            return
        completion = chat.answer(question, ignore_text)
    if silence := chat.explain_silence(completion):
        if not output.json:
            raise DataError(silence, "ask again, or another model")
        output.messages.note(silence)
    unsafe = find_unsafe_characters(completion.text.replace("\r\n", "\n"), str(conversation))
    if unsafe:
        output.messages.note(f"the answer has characters that nobody sees: {sanitize(unsafe)}")
    notices, engine = chat.origins(completion.text), chat.replier.model.engine
    if extract and completion.reason == "length" and not output.json:
        raise DataError(
            "the code was cut off before its end", "raise --max-tokens, or ask for less at a time"
        )
    if output.json:
        answer = Answer.of(completion, chat.request.spec, engine, request, load_seconds)
        write_json(replace(answer, notices=notices).record())

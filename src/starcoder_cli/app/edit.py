"""Code to be rewritten according to an instruction."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from starcoder_cli.app.request import Request
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.files.source import Source, Span, to_model_text
from starcoder_cli.infill import PreparedPrompt, language_of
from starcoder_cli.languages import Language, find_language
from starcoder_cli.model import Conversation, Hole, Model, Prompt, Question, Sampling, Special
from starcoder_cli.postprocess.code_block import extract_code, without_stray_fence
from starcoder_cli.postprocess.fences import find_open_fence
from starcoder_cli.postprocess.indent_kind import match_indent_kind
from starcoder_cli.postprocess.reasoning_marks import begins_with_reasoning
from starcoder_cli.postprocess.restored import (
    dedent_code,
    drop_line_around,
    has_other_line_ends,
    restore_indent,
    restore_line_ends,
    restore_opening,
    rewrite,
)
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.postprocess.trim import is_prose
from starcoder_cli.postprocess.trim_options import PROSE_LANGUAGES
from starcoder_cli.prompts.build import PROMPT_OVERHEAD_TOKENS
from starcoder_cli.prompts.edit import build_edit_prompt, replace_final_newlines
from starcoder_cli.reply import ChatModel, chat_format, continue_code
from starcoder_cli.stream import Completion, Stream, convert_newlines, until_stop
from starcoder_cli.terminal.output import Messages

NAMES_OPENING = re.compile(r"shebang|#!|<\?|\btag|first line|interpreter", re.IGNORECASE)
"""Matches an instruction about the first line of a script."""

EXTRA_TOKENS = 256
MAX_EDIT_TOKENS = 100_000

INDENTING = re.compile(
    r"\b(tabs?|spaces?|white ?space|(re)?indent\w*|(re)?format\w*|pep ?8|gofmt)\b", re.IGNORECASE
)
"""Matches an instruction that asks for different tabs and spaces."""


def edit_max_tokens(characters: int) -> int:
    """The maximum number of tokens of new code, for code of this many characters."""
    return min(EXTRA_TOKENS + characters // 2, MAX_EDIT_TOKENS)


@dataclass(frozen=True)
class EditTask:
    """A range of a source with an instruction to edit its code.

    `original` is what the file has, `indent` the white space that all of it begins with, `code`
    the dedented text as a model reads it, `hole` the text around it.
    """

    source: Source
    request: Request
    language: Language
    original: str
    indent: str
    code: str
    instruction: str
    hole: Hole
    replaces_code: bool = field(default=True, init=False)

    @property
    def window(self) -> int:
        """The size of the code, the instruction and the new code."""
        text = len(self.code.encode()) + len(self.instruction.encode())
        return text + self.request.sampling.max_tokens + 8 * PROMPT_OVERHEAD_TOKENS

    def prompt(self, model: Model, messages: Messages) -> PreparedPrompt:
        """The question; raises UsageError if the model cannot read all of it."""
        form = chat_format(model, self.request.spec)
        prompt = build_edit_prompt(
            self.code, self.instruction, self.language, form, model.has_token
        )
        messages.detail(f"edit: {self.request.spec.name} is asked {prompt.form}")
        tokens = question_tokens(model, prompt.question)
        most = self.request.sampling.max_tokens
        if tokens + most > model.window:
            raise UsageError(
                f"{tokens} tokens of code and {most} of answer exceed the model's "
                f"window of {model.window}",
                "name a smaller range, or lower --max-tokens",
            )
        return PreparedPrompt(prompt.question, (*prompt.stop, *self.request.infill.stop))

    def stream(self, model: Model, prompt: PreparedPrompt, sampling: Sampling) -> Stream:
        """Stream the new code, indented like the old.

        Only its fence ends it: new code may well contain the line that follows it.
        """
        chunks: Stream = until_stop(self._answer(model, prompt.question, sampling), prompt.stop)
        if not self.request.verbatim:
            chunks = convert_newlines(chunks, "\n")
            if self._keeps_indent_kind:
                chunks = self._match_indent_kind(chunks)
            if self.language.name in PROSE_LANGUAGES:
                chunks = rewrite(chunks, partial(without_stray_fence, original=self.code))
            if self.indent:
                chunks = rewrite(chunks, self._restore_indent)
            if self.hole.prefix.rpartition("\n")[2].strip():
                original = to_model_text(self.original)
                drop = partial(drop_line_around, original=original, around=self.hole)
                chunks = rewrite(chunks, drop)
            if not NAMES_OPENING.search(self.instruction):
                chunks = rewrite(chunks, partial(restore_opening, original=self.code))
            code_lines = self.code.rstrip("\n")
            chunks = replace_final_newlines(chunks, self.code[len(code_lines) :])
            if has_other_line_ends(self.original, self.source.newline):
                return rewrite(chunks, self._restore_line_ends)
        return convert_newlines(chunks, self.source.newline)

    @property
    def _keeps_indent_kind(self) -> bool:
        """Whether the new code is converted to its file's kind of tabs or spaces."""
        filename = self.source.code_name(self.request.filename)
        return not (INDENTING.search(self.instruction) or is_prose(self.language, filename))

    def _match_indent_kind(self, chunks: Stream) -> Stream:
        hole, original = self.hole, to_model_text(self.original)
        check = SoundnessCheck(hole, original, self.language)
        begins_line = not hole.prefix or hole.prefix.endswith("\n")
        around = f"{hole.prefix}{original}{hole.suffix}"
        return match_indent_kind(chunks, around, check, at_line_start=begins_line)

    def _restore_indent(self, text: str) -> str:
        original = to_model_text(self.original)
        return restore_indent(text, self.indent, original, self.language.name, self.hole)

    def _restore_line_ends(self, text: str) -> str:
        return restore_line_ends(text, self.original, self.source.newline)

    def _answer(self, model: Model, question: Question, sampling: Sampling) -> Stream:
        """The code in the model's answer, without what the model thought before it."""
        replier = ChatModel.of(model, self.request.spec)
        extract = partial(extract_code, original=self.code, language=self.language)
        if isinstance(question, Conversation):
            return extract(replier.answer(question, sampling, is_live=False))
        chunks = model.stream(question, sampling)
        may_think = replier.reasons and not begins_with_reasoning(self.code)
        return continue_code(chunks, extract) if may_think else chunks

    def learn(self, completion: Completion, engine: str) -> None:
        """Nothing to learn: no other file is included."""


def edit_task(
    source: Source, span: Span, request: Request, messages: Messages, instruction: str
) -> EditTask:
    """The task for a range of a source; raises DataError if there is no code in it."""
    original = source.raw[span.start : span.end]
    if not original.strip():
        raise DataError("there is no code to edit here", "use `starcoder fill` to write some")
    language = language_of(source, request.lang, request.filename)
    if language.lexer == "markdown" and (fence := find_open_fence(source.raw[: span.start])):
        with suppress(UsageError):  # not a known language
            language = find_language(fence.language.lower())
    hole = source.hole_at(span)
    indent, code = dedent_code(to_model_text(original), language.name, hole)
    instruction = to_model_text(instruction)
    return EditTask(source, request, language, original, indent, code, instruction, hole)


def question_tokens(model: Model, question: Prompt | Conversation) -> int:
    """How many tokens a question has; a control token counts as one."""
    if isinstance(question, Conversation):
        texts = [message.text for message in (*question.opening(), *question.messages)]
        return sum(1 + model.count(text) for text in (*texts, question.answer_prefix))
    costs = (1 if isinstance(piece, Special) else model.count(piece) for piece in question.pieces)
    return sum(costs)

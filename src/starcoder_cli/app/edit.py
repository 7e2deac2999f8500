"""Code that is to be written anew as an instruction says."""

from dataclasses import dataclass

from starcoder_cli.app.context import NOTHING, Reading
from starcoder_cli.app.fill import named_language
from starcoder_cli.app.request import Request
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.files.source import Source, Span, readable
from starcoder_cli.languages import Language
from starcoder_cli.model import Model, Prompt, Sampling, Special
from starcoder_cli.prompts.build import MARGIN
from starcoder_cli.prompts.chat_formats import choose
from starcoder_cli.prompts.edit import COMMIT, dedented, edit_prompt, ended, indented
from starcoder_cli.stream import Completion, Stream, until, with_newline
from starcoder_cli.terminal.output import Messages


@dataclass(frozen=True)
class Change:
    """A range of a source whose code an instruction is about; `lead` is its indentation."""

    source: Source
    request: Request
    messages: Messages
    spec: ModelSpec
    language: Language
    lead: str
    code: str
    instruction: str

    @classmethod
    def of(
        cls, source: Source, span: Span, request: Request, messages: Messages, instruction: str
    ) -> "Change":
        """What is asked about a range; DataError where there is no code in it."""
        text = readable(source.raw[span.start : span.end])
        if not text.strip():
            raise DataError("there is no code to edit here", "use `starcoder fill` to write some")
        lead, code = dedented(text)
        language = named_language(request, source)
        spec = request.spec
        return cls(source, request, messages, spec, language, lead, code, instruction)

    @property
    def replaces(self) -> bool:
        """An answer that was cut off would lose the rest of the code."""
        return True

    @property
    def room(self) -> int:
        """The code, the instruction and the new code."""
        text = len(self.code.encode()) + len(self.instruction.encode())
        return text + self.request.sampling.max_tokens + 8 * MARGIN

    def prompt(self, model: Model) -> tuple[Prompt, Reading]:
        """The prompt; UsageError where the model cannot read all of it."""
        form = choose(self.spec.chat, self.spec.name, model.chat_template, model.token)
        prompt = edit_prompt(self.code, self.instruction, self.language, form, model.token)
        asked = "as a commit" if COMMIT[0] in prompt.pieces else f"in a chat ({form.name})"
        self.messages.detail(f"edit: {self.spec.name} is asked {asked}")
        costs = (1 if isinstance(each, Special) else model.count(each) for each in prompt.pieces)
        needed = sum(costs)
        most = self.request.sampling.max_tokens
        if needed + most > model.window:
            raise UsageError(
                f"{needed} tokens of code and {most} of answer are more than the model's "
                f"{model.window}",
                "name a smaller range, or lower --max-tokens",
            )
        return prompt, NOTHING

    def stream(self, model: Model, prompt: Prompt, sampling: Sampling) -> Stream:
        """The new code, indented as the old.

        No rule but its fence ends it: new code may well have the line that follows it, too.
        """
        words = tuple(stop for stop in prompt.stop if not isinstance(stop, Special))
        chunks: Stream = until(model.stream(prompt, sampling), (*words, *self.request.stop))
        if not self.request.verbatim:
            chunks = indented(with_newline(chunks, "\n"), self.lead)
            chunks = ended(chunks, "\n" if self.code.endswith("\n") else "")
        return with_newline(chunks, self.source.newline)

    def learn(self, completion: Completion) -> None:
        """Nothing: no other file is read along."""

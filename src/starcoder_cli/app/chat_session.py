"""A session of `starcoder chat` at a terminal: lines, commands, and answers to everything else.

Nothing is written to disk except by `/save`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from starcoder_cli.app.attribution import need_index
from starcoder_cli.app.chat import Chat, open_chat
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.request import Request
from starcoder_cli.errors import CreateError, StarcoderError, TimeLimitError, UsageError
from starcoder_cli.files.links import find_file_outside
from starcoder_cli.files.source import to_model_text
from starcoder_cli.model import Conversation
from starcoder_cli.prompts.chat import question_with_texts
from starcoder_cli.system.timing import time_limit
from starcoder_cli.terminal.output import report_error, standard_output, write_message
from starcoder_cli.terminal.sanitize import to_one_line

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyPressEvent

SESSION_WINDOW = 8192  # a larger window costs memory for turns that most sessions never reach
COMMAND_PATTERN = re.compile(r"(/\w+)(?:\s+(.*))?", re.DOTALL)

Action: TypeAlias = Callable[[Conversation, str], Conversation | None]


@dataclass(frozen=True)
class SessionCommand:
    """What a line that begins with `/` does; an action that returns None ends the session."""

    action: Action
    summary: str
    argument: str = ""


def run_session(
    system: str,
    texts: tuple[str, ...],
    request: Request,
    output: OutputOptions,
    timeout: float | None,
) -> None:
    """Ask and answer until the user leaves; the texts go with the first question."""
    standard_output()
    need_index(request.notices)
    with open_chat(request, output, SESSION_WINDOW) as chat:
        chat.messages.note(
            f"{chat.request.spec.name} is ready; /help shows the commands, Ctrl-D exits"
        )

        def answer(conversation: Conversation, line: str) -> Conversation:
            question = line if conversation.messages else question_with_texts(line, texts)
            return reply(chat, conversation.with_question(question, line), timeout)

        converse(line_editor(), Conversation(system), answer)


def converse(editor: "PromptSession[str]", begin: Conversation, answer: Action) -> None:
    """Run or answer each line until the user leaves."""
    current: Conversation | None = begin
    while current is not None:
        line = read_line(editor)
        if line is None:
            return
        try:
            current = conversation_after(current, line, answer)
        except StarcoderError as error:
            report_error(error)


def conversation_after(
    conversation: Conversation, line: str, answer: Action
) -> Conversation | None:
    """The conversation after a line, or None if it ends.

    A line that begins with `/` and one word is a command, everything else is a question.
    """
    if not line.strip():
        return conversation
    match = COMMAND_PATTERN.fullmatch(line.strip())
    if not match:
        return answer(conversation, line)
    command = SESSION_COMMANDS.get(match[1])
    if not command:
        raise UsageError(f"there is no command {match[1]}", "/help shows which there are")
    return command.action(conversation, (match[2] or "").strip())


def reply(chat: Chat, conversation: Conversation, timeout: float | None) -> Conversation:
    """The conversation with an answer to its last question.

    An answer cut short by Ctrl-C or the time limit is kept up to that point. A question
    without any answer is taken back.
    """
    said: list[str] = []
    try:
        with time_limit(timeout):
            completion = chat.answer(chat.prompt(conversation), said.append)
        if silence := chat.explain_silence(completion):
            chat.messages.note(silence)
    except KeyboardInterrupt:
        chat.messages.note("stopped")
    except TimeLimitError as error:
        report_error(error)
    text = "".join(said)
    chat.origins(text)
    return conversation.with_answer(text) if text else conversation.undone()


def read_line(editor: "PromptSession[str]") -> str | None:
    """The one or more lines that the user entered, or None at the end."""
    while True:
        try:
            return to_model_text(editor.prompt()).strip("\n")
        except KeyboardInterrupt:
            if not editor.default_buffer.text:
                write_message("Ctrl-D exits")
        except EOFError:
            return None


def line_editor() -> "PromptSession[str]":
    """A line editor in which Enter submits and Alt-Enter starts a new line."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.enums import DEFAULT_BUFFER
    from prompt_toolkit.filters import has_focus
    from prompt_toolkit.history import InMemoryHistory
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter", filter=has_focus(DEFAULT_BUFFER))
    def accept(event: "KeyPressEvent") -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=has_focus(DEFAULT_BUFFER))
    def new_line(event: "KeyPressEvent") -> None:
        event.current_buffer.insert_text("\n")

    return PromptSession(
        "> ",
        multiline=True,
        prompt_continuation="  ",
        history=InMemoryHistory(),
        key_bindings=keys,
        enable_suspend=True,
    )


def clear_conversation(conversation: Conversation, argument: str) -> Conversation:
    """Forget every question and answer."""
    write_message("the conversation was cleared")
    return conversation.cleared()


def undo_turn(conversation: Conversation, argument: str) -> Conversation:
    """Forget the last question and its answer."""
    if not conversation.messages:
        raise UsageError("there is nothing to undo")
    question = conversation.turns()[-1][0]
    write_message(f"took back: {to_one_line(question.typed or question.text, 60)}")
    return conversation.undone()


def save_conversation(conversation: Conversation, argument: str) -> Conversation:
    """Write the conversation to a new file."""
    if not argument:
        raise UsageError("the file has no name", "write /save FILE")
    if not conversation.messages:
        raise UsageError("there is nothing to save")
    create_file(Path(argument), conversation.markdown())
    linked = find_file_outside(argument)
    write_message(f"saved to {to_one_line(str(linked.file) if linked else argument)}")
    return conversation


def create_file(path: Path, text: str) -> None:
    """Write a new file, all or nothing; raises CreateError if the name is taken."""
    import tempfile

    try:
        path = path.expanduser()
        path.touch(exist_ok=False)
        try:
            with tempfile.TemporaryDirectory(prefix=".starcoder-", dir=path.parent) as folder:
                part = Path(folder, path.name)
                part.write_bytes(text.encode())
                part.replace(path)
        except BaseException:  # Ctrl-C too: the reserved name is released
            path.unlink(missing_ok=True)
            raise
    except FileExistsError as error:
        raise CreateError(f"{path} is there already", "choose another name") from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CreateError(f"cannot save to {path}: {reason}", "choose another name") from error


def show_help(conversation: Conversation, argument: str) -> Conversation:
    """List the commands and the keys."""
    rows = [
        (f"{name} {command.argument}", command.summary)
        for name, command in SESSION_COMMANDS.items()
    ]
    for left, right in (*rows, *KEY_HELP):
        write_message(f"{left:<12}{right}")
    return conversation


def end_session(conversation: Conversation, argument: str) -> None:
    """End the session."""


SESSION_COMMANDS: Mapping[str, SessionCommand] = {
    "/clear": SessionCommand(clear_conversation, "forget every question and answer"),
    "/undo": SessionCommand(undo_turn, "forget the last question and the answer to it"),
    "/save": SessionCommand(
        save_conversation, "write the conversation to a new file, as Markdown", "FILE"
    ),
    "/help": SessionCommand(show_help, "show this"),
    "/exit": SessionCommand(end_session, "leave"),
}
KEY_HELP = (
    ("Alt-Enter", "a new line; Esc, then Enter does the same"),
    ("Ctrl-C", "stop the answer, or drop what is typed"),
    ("Ctrl-D", "leave"),
)

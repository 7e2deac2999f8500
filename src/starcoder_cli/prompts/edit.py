"""Turn code and an instruction into what a model reads, and its answer into the new code.

StarCoder was trained on commits: the code before, the message, the code after (arXiv:2305.06161,
section 3.3). Other models are asked in their chat format, with a fence as the start of their
answer: what follows is only code.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from starcoder_cli.languages import Language
from starcoder_cli.model import Conversation, Prompt, Special
from starcoder_cli.prompts.chat import ChatFormat, fenced_block, text_stops
from starcoder_cli.prompts.chat_formats import PLAIN_CHAT
from starcoder_cli.stream import Chunk, Stream, closing_source

COMMIT_TOKENS = tuple(map(Special, ("<commit_before>", "<commit_msg>", "<commit_after>")))
COMMIT_STOP = Special("<|endoftext|>")


@dataclass(frozen=True)
class EditPrompt:
    """A request for new code, and the texts that end the answer; `form` names the format used."""

    question: Prompt | Conversation
    stop: tuple[str, ...]
    form: str


def build_edit_prompt(
    code: str,
    instruction: str,
    language: Language,
    chat_format: ChatFormat | None,
    has_token: Callable[[str], bool],
) -> EditPrompt:
    """Build the request for code that follows an instruction.

    A model that knows commits and was not tuned for chat gets one. Without a chat format the result
    is a conversation, which the model's server formats.
    """
    if chat_format is PLAIN_CHAT and all(map(has_token, COMMIT_TOKENS)):
        before, message, after = COMMIT_TOKENS
        prompt = Prompt((before, code, message, instruction, after), (COMMIT_STOP,))
        return EditPrompt(prompt, (), "as a commit")
    block = fenced_block(code, "Code", language.lexer)
    fence = block.rstrip("\n").rpartition("\n")[2]
    question = (
        f"{block}\n{instruction}\n\nWrite all of the code with this change, and nothing else."
    )
    talk = Conversation(answer_prefix=f"{fence}{language.lexer}\n").with_question(question)
    if chat_format is None:
        return EditPrompt(talk, (), "in a chat (as the server spells it)")
    prompt = chat_format.build_prompt(talk)
    return EditPrompt(
        prompt, (f"\n{fence}", *text_stops(prompt)), f"in a chat ({chat_format.name})"
    )


def replace_final_newlines(chunks: Iterable[Chunk], line_end: str) -> Stream:
    """Replace any line ends at the end of the text with `line_end`."""
    pending, has_text = "", False
    with closing_source(chunks) as source:
        for chunk in source:
            text = pending + chunk.text
            settled = text.rstrip("\n")
            pending, has_text = text[len(settled) :], has_text or bool(settled)
            yield replace(chunk, text=settled, reason=None)
            if chunk.reason:
                break
        else:
            chunk = Chunk("", 0, "stop")
    yield Chunk(line_end if has_text else "", 0, chunk.reason)

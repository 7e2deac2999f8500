"""From code and an instruction to what a model reads, and from its answer to the new code.

StarCoder was trained on commits: the code before, the message, the code after (arXiv:2305.06161,
section 3.3). Others are asked in their chat form, and their answer is begun for them with a fence:
what follows is the code alone.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from starcoder_cli.languages import Language
from starcoder_cli.model import Prompt, Special
from starcoder_cli.prompts.chat import ChatFormat, Conversation, fenced
from starcoder_cli.prompts.chat_formats import PLAIN
from starcoder_cli.stream import Chunk, Stream, closing_source

COMMIT = tuple(map(Special, ("<commit_before>", "<commit_msg>", "<commit_after>")))
END = Special("<|endoftext|>")


def edit_prompt(
    code: str,
    instruction: str,
    language: Language,
    chat: ChatFormat,
    token: Callable[[str], int | None],
) -> Prompt:
    """The prompt for the code as the instruction wants it.

    A model that was not tuned to chat, but knows commits, gets one.
    """
    if chat is PLAIN and all(token(special) is not None for special in COMMIT):
        before, message, after = COMMIT
        return Prompt((before, code, message, instruction, after), (END,))
    block = fenced(code, "Code", language.lexer)
    mark = block.rstrip("\n").rpartition("\n")[2]
    question = (
        f"{block}\n{instruction}\n\nWrite all of the code with this change, and nothing else."
    )
    prompt = chat.prompt(Conversation().said(question))
    *pieces, last = prompt.pieces
    opening = f"{' ' if chat.spaced else ''}{mark}{language.lexer}\n"
    begun = (*pieces, last, opening) if isinstance(last, Special) else (*pieces, last + opening)
    return Prompt(begun, (f"\n{mark}", *prompt.stop))


def dedented(code: str) -> tuple[str, str]:
    """The white space that all lines of some code begin with, and the code without it."""
    lines = [line for line in code.split("\n") if line.strip()]
    lead = os.path.commonprefix([line[: len(line) - len(line.lstrip(" \t"))] for line in lines])
    return lead, "\n".join(line.removeprefix(lead) for line in code.split("\n"))


def indented(chunks: Iterable[Chunk], lead: str) -> Stream:
    """Text with white space before each of its lines that is not empty."""
    fresh = True
    with closing_source(chunks) as source:
        for chunk in source:
            text = ""
            for line in re.findall(r"[^\n]*\n|[^\n]+", chunk.text):
                text += lead + line if fresh and line != "\n" else line
                fresh = line.endswith("\n")
            yield replace(chunk, text=text)


def ended(chunks: Iterable[Chunk], end: str) -> Stream:
    """Text that ends with `end` in place of whatever line ends it has there."""
    held, written = "", False
    with closing_source(chunks) as source:
        for chunk in source:
            text = held + chunk.text
            ready = text.rstrip("\n")
            held, written = text[len(ready) :], written or bool(ready)
            yield replace(chunk, text=ready, reason=None)
            if chunk.reason:
                break
        else:
            chunk = Chunk("", 0, "stop")
    yield Chunk(end if written else "", 0, chunk.reason)

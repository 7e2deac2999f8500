"""Read back a gap that a client wrote out with the control tokens of the model's family.

A prompt that is a single such frame reveals what is before and after the gap, the names of the file
and the repository, and the included files. When it is formatted again, its parts are plain text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from starcoder_cli.files.source import FileMetadata
from starcoder_cli.model import Hole, Special
from starcoder_cli.prompts.fim import Document, FimFormat, Slot, Template

NAMES = (Slot.FILENAME, Slot.REPOSITORY, Slot.STARS)

MIDDLE = Slot.TEXT
"""What a frame's last token opens: the beginning of the answer, if any."""

SPACE_MARK = "▁"
"""The space of SentencePiece's vocabularies; CodeLlama's `▁<PRE>` is written ` <PRE> `."""


@dataclass(frozen=True)
class Frame:
    """The contents of a written-out gap: the hole, the names, and the documents before it."""

    hole: Hole
    names: FileMetadata
    documents: tuple[Document, ...]


def read_frame(text: str, form: FimFormat) -> Frame | None:
    """Read the gap that a whole text spells in a family's format; None if it spells none.

    The prefix or the suffix may come first, after other files or without. A text with a control
    token that belongs elsewhere is not a frame, nor is one with a repeated or missing part.
    """
    slots = slots_by_token(form)
    tokens = sorted({*form.control_tokens(), *form.stop}, key=len, reverse=True)
    spellings = (
        re.sub(f"^{SPACE_MARK}", f"[ {SPACE_MARK}]?", re.escape(token)) for token in tokens
    )
    lead, *parts = re.split(f"({'|'.join(spellings)})", text)
    if lead.strip():
        return None
    texts, documents, part = dict[Slot, str](), list[Document](), None
    for token, body in zip(parts[::2], parts[1::2], strict=True):
        slot = slots.get(token.strip(f" {SPACE_MARK}"))
        if slot is None or slot in texts:
            return None
        if slot in (Slot.PREFIX, Slot.SUFFIX, MIDDLE):
            texts[slot], part = body, slot
            continue
        name, _, rest = body.partition("\n")
        if slot is Slot.FILENAME and part is None:
            documents.append(Document(name, rest))
            continue
        texts[slot] = name
        if part:
            texts[part] += rest
    if not {slot for slot in slots.values() if slot not in NAMES} <= texts.keys():
        return None
    prefix = texts[Slot.PREFIX] + texts.get(MIDDLE, "")
    if any(token[0] == SPACE_MARK for token in tokens):
        prefix = prefix.removeprefix(" ")
    if documents and not documents[-1].text:  # text directly before the gap belongs to its own file
        texts.setdefault(Slot.FILENAME, documents.pop().path)
    names = FileMetadata(texts.get(Slot.FILENAME), texts.get(Slot.REPOSITORY))
    return Frame(Hole(prefix, texts[Slot.SUFFIX]), names, tuple(documents))


def slots_by_token(form: FimFormat) -> Mapping[str, Slot]:
    """The slot that each control token of a frame opens, by the token's spelling."""
    slots = dict[str, Slot]()
    for first, second in pairwise(flatten((*form.psm, *form.file_template))):
        if isinstance(first, Special) and second in NAMES:
            slots[first] = Slot(second)
    for at, part in enumerate(form.psm):
        if isinstance(part, Special):
            behind = (each for each in form.psm[at + 1 :] if isinstance(each, Slot))
            slots[part] = next(behind, MIDDLE)
    return {token.lstrip(SPACE_MARK): slot for token, slot in slots.items()}


def flatten(template: Template) -> Iterator[str | Slot]:
    """The parts of a template and of its groups, in order."""
    for part in template:
        if isinstance(part, tuple):
            yield from flatten(part)
        else:
            yield part

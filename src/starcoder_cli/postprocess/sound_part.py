"""The part of an answer that leaves its file sound."""

from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.stream import Chunk, Stream, closing_source


def keep_sound_part(chunks: Iterable[Chunk], check: SoundnessCheck) -> Stream:
    """Yield the most of an answer that leaves the file as sound as it was, or else all of it.

    The answer is read to its end before any of it is passed on.
    """
    held: list[str] = []
    with closing_source(chunks) as source:
        for chunk in source:
            held.append(chunk.text)
            if chunk.reason:
                text = "".join(held)
                is_whole = chunk.reason == "stop" and not chunk.trimmed
                is_sound = check.is_as_sound(text)
                part = text if is_sound else check.cut_back(text, is_whole=is_whole)
                names = () if part in (None, text) else ("surplus",)
                kept = text if part is None else part
                yield replace(chunk, text=kept, trimmed=(*chunk.trimmed, *names))
                return
            yield replace(chunk, text="")
    yield Chunk("".join(held), 0, "stop")


def join_rest_of_line(chunks: Iterable[Chunk], rest: str, check: SoundnessCheck) -> Stream:
    """Drop the line end after an answer if the rest of the hole's line belongs to the answer.

    It does if the file has fewer errors then, or as few and the rest is the end of a statement.
    """
    text, held = "", ""
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            settled = (held + chunk.text).rstrip("\n")
            held = (held + chunk.text)[len(settled) :]
            if chunk.reason:
                break
            yield replace(chunk, text=settled)
        else:
            chunk, settled = Chunk("", 0, "stop"), ""
    is_dropped = bool(held) and belongs_to_answer(text.rstrip("\n"), text, rest, check)
    names = ("line end",) if is_dropped else ()
    kept = settled if is_dropped else settled + held
    yield replace(chunk, text=kept, trimmed=(*chunk.trimmed, *names))


def belongs_to_answer(joined: str, text: str, rest: str, check: SoundnessCheck) -> bool:
    """Whether the rest of a line goes better with an answer than on a line of its own."""
    errors, before = check.errors(joined), check.errors(text)
    is_end = rest.startswith(";") and bool(joined.strip()) and not check.opens_comment(joined)
    return errors < before or (is_end and errors == before)

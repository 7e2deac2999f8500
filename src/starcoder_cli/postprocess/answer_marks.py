"""Marks that some models put around their whole answer, which are not part of it."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

from starcoder_cli.model import Hole
from starcoder_cli.stream import Chunk, Stream, closing_source, until_stop

ANSWER_MARKS = (
    ("<answer>", "</answer>"),  # models trained like DeepSeek-R1
    ("<|begin_of_solution|>", "<|end_of_solution|>"),  # Sky-T1, OpenThinker
    ("<|start_of_role|>assistant<|end_of_role|>", "<|end_of_text|>"),  # Granite
)


def drop_answer_marks(hole: Hole, chunks: Stream) -> Stream:
    """Remove the marks around an answer that belongs in a hole.

    If markup elements or such marks surround the hole, they are code and stay.
    """
    around = hole.prefix + hole.suffix
    if "</" in around or any(mark in around for marks in ANSWER_MARKS for mark in marks):
        return chunks
    return until_answer_end(chunks)


def until_answer_end(chunks: Iterable[Chunk]) -> Stream:
    """Yield the text between the marks it begins with, or all of it if it begins with none."""
    text = ""
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            begin = text.lstrip()
            for opener, closer in ANSWER_MARKS:
                rest = begin.removeprefix(opener)
                if rest != begin and (rest or chunk.reason):
                    inside = replace(chunk, text=rest.removeprefix("\n"))
                    yield from until_stop(chain([inside], source), (closer,))
                    return
            if not chunk.reason and any(opener.startswith(begin) for opener, _ in ANSWER_MARKS):
                yield replace(chunk, text="")
                continue
            yield replace(chunk, text=text)
            yield from source
            return
    if text:
        yield Chunk(text, 0, "stop")

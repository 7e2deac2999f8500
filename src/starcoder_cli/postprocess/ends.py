"""Where an answer ends: where the file is as sound as it was, and more would not be sounder.

A model that stops by itself, in a file that is as sound as before, is left alone. One that runs on
is ended where its lines repeat the suffix, where they leave the block that the hole is in, where it
begins to talk, or where it goes round in circles.
"""

from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.model import Hole
from starcoder_cli.postprocess.answer_reader import AnswerReader
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.stream import Chunk, Stream, closing_source


def until_sound_end(
    chunks: Iterable[Chunk],
    hole: Hole,
    check: SoundnessCheck,
    options: TrimOptions,
) -> Stream:
    """Yield the lines of an answer that belong in a hole, or in the block that it is in."""
    reader = AnswerReader(hole, check, options)
    with closing_source(chunks) as source:
        for chunk in source:
            ready = reader.feed(chunk.text)
            if chunk.reason and not reader.rule:
                ready += reader.finish(chunk.reason)
            if reader.rule:
                names = (*chunk.trimmed, reader.rule)
                yield replace(chunk, text=ready, reason="stop", trimmed=names)
                return
            yield replace(chunk, text=ready)
            if chunk.reason:
                return
    if rest := reader.finish("stop"):
        yield Chunk(rest, 0, "stop", trimmed=(reader.rule,) if reader.rule else ())

"""The part of an answer that leaves its file sound, if nobody watches it being generated."""

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

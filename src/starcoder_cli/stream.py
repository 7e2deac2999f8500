"""Text on its way from a model to its reader: chunks, and pure transforms of them.

Whoever opens a stream closes it; closing one stops the model. A transform that ends early, such as
at a stop string, closes its source, so the model stops then too.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

FinishReason: TypeAlias = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of text as it arrives; the last one says why it is the last.

    `trimmed` names the rules that removed text here, in order. `logprob` is the sum of the natural
    logarithms of its tokens' probabilities, if requested, except for those of `unscored_tokens`,
    whose text is not in the answer. `cached_tokens` is the number of prompt tokens that were
    already cached; None if unknown. `reasoning_content` is the reasoning before the answer, which
    is not part of the text. `top_logprobs` are the likeliest alternatives to its last token, with
    the logarithms of their probabilities, likeliest first, if requested.
    """

    text: str
    tokens: int = 1
    reason: FinishReason | None = None
    prompt_tokens: int = 0
    logprob: float = 0.0
    trimmed: tuple[str, ...] = ()
    cached_tokens: int | None = None
    unscored_tokens: int = 0
    reasoning_content: str = ""
    top_logprobs: tuple[tuple[str, float], ...] = ()


Stream: TypeAlias = Generator[Chunk, None, None]


@dataclass(frozen=True)
class Completion:
    """A whole answer: its text, why it ended, what was trimmed, what it cost, and its reasoning."""

    text: str
    reason: FinishReason
    tokens: int = 0
    prompt_tokens: int = 0
    trimmed: tuple[str, ...] = ()
    first_token_seconds: float = 0.0
    seconds: float = 0.0
    logprob: float = 0.0
    cached_tokens: int | None = None
    unscored_tokens: int = 0
    reasoning_content: str = ""

    @property
    def mean_logprob(self) -> float:
        """The mean log-probability of the tokens in its text; 0 if there are none."""
        scored = self.tokens - self.unscored_tokens
        return self.logprob / scored if scored else 0.0

    @property
    def prompt_tokens_per_second(self) -> float:
        """Prompt tokens per second up to the first text; 0 for an answer without any."""
        return self.prompt_tokens / self.first_token_seconds if self.first_token_seconds else 0.0

    @property
    def generation_seconds(self) -> float:
        """Seconds from the first text to the end; 0 for an answer without any."""
        return self.seconds - self.first_token_seconds if self.first_token_seconds else 0.0


@contextmanager
def closing_source(chunks: Iterable[Chunk]) -> Iterator[Iterator[Chunk]]:
    """Iterate over chunks, and close their generator at the end.

    Closing an outer generator does not close its source while something still references that.
    """
    iterator = iter(chunks)
    try:
        yield iterator
    finally:
        if isinstance(iterator, Generator):
            iterator.close()


def until_stop(chunks: Iterable[Chunk], stops: tuple[str, ...]) -> Stream:
    """Pass text on up to the first stop string, holding back text that may start one.

    The first is the one completed first, so the result does not depend on the chunking.
    """
    pending = ""
    with closing_source(chunks) as source:
        for chunk in source:
            pending += chunk.text
            matches = [(at + len(stop), at) for stop in stops if (at := pending.find(stop)) >= 0]
            if matches:
                yield replace(chunk, text=pending[: min(matches)[1]], reason="stop")
                return
            keep = 0 if chunk.reason else longest_overlap(pending, stops)
            ready, pending = pending[: len(pending) - keep], pending[len(pending) - keep :]
            yield replace(chunk, text=ready)
    if pending:
        yield Chunk(pending, 0, "stop")


def longest_overlap(text: str, stops: tuple[str, ...]) -> int:
    """The length of the longest suffix of `text` that starts one of the stop strings."""
    longest = max((len(stop) for stop in stops), default=1) - 1
    for length in range(min(longest, len(text)), 0, -1):
        if any(stop.startswith(text[-length:]) for stop in stops):
            return length
    return 0


def until_deadline(
    chunks: Iterable[Chunk], seconds: float, clock: Callable[[], float] = time.perf_counter
) -> Stream:
    """End at the first chunk after `seconds` of writing, once there is a whole line.

    llama.cpp limits editor completions the same way: half a line would be useless.
    """
    begin, lines = 0.0, 0
    with closing_source(chunks) as source:
        for chunk in source:
            begin = begin or (clock() if chunk.text else 0.0)
            lines += chunk.text.count("\n")
            if lines and clock() - begin > seconds and not chunk.reason:
                yield replace(chunk, reason="length")
                return
            yield chunk


def skip_prefix(chunks: Iterable[Chunk], prefix: str) -> Stream:
    """Remove the forced prefix from an answer."""
    remaining = len(prefix)
    with closing_source(chunks) as source:
        for chunk in source:
            taken = min(remaining, len(chunk.text))
            remaining -= taken
            yield replace(chunk, text=chunk.text[taken:])


def strip_leading_space(chunks: Iterable[Chunk]) -> Stream:
    """Remove one leading space from the text, if there is one."""
    space = " "
    with closing_source(chunks) as source:
        for chunk in source:
            yield replace(chunk, text=chunk.text.removeprefix(space))
            space = "" if chunk.text else space


def convert_newlines(chunks: Iterable[Chunk], newline: str) -> Stream:
    """Convert all line ends to `newline`, even a CRLF split between two chunks."""
    carriage = ""
    with closing_source(chunks) as source:
        for chunk in source:
            text = carriage + chunk.text
            carriage = "\r" if text.endswith("\r") and not chunk.reason else ""
            lines = text.removesuffix(carriage).replace("\r\n", "\n").replace("\r", "\n")
            yield replace(chunk, text=lines.replace("\n", newline))
    if carriage:
        yield Chunk(newline, 0, "stop")


def prepend(text: str, chunks: Iterable[Chunk]) -> Stream:
    """Prepend a text to the first chunk that has any; nothing if none has."""
    with closing_source(chunks) as source:
        for chunk in source:
            yield replace(chunk, text=text + chunk.text) if chunk.text else chunk
            text = "" if chunk.text else text


def with_beginning(text: str, chunks: Iterable[Chunk]) -> Stream:
    """Prepend a text to the chunks, unless they already begin with it."""
    begun = ""
    with closing_source(chunks) as source:
        for chunk in source:
            begun += chunk.text
            if text.startswith(begun) and len(begun) < len(text) and not chunk.reason:
                yield replace(chunk, text="")
                continue
            yield from prepend("" if begun.startswith(text) else text, [replace(chunk, text=begun)])
            yield from prepend("" if begun else text, source)
            return


def keep_logprobs(chunks: Iterable[Chunk], transform: Callable[[Stream], Stream]) -> Stream:
    """Apply a transform and keep the log-probabilities of the tokens that survive it.

    A token survives if any of its text, or of the text after it, does. White space does not count,
    as transforms change it.
    """
    waiting: deque[tuple[int, Chunk]] = deque()  # with the amount of text before each
    read, length, emitted = list[str](), 0, 0

    def unscored_source() -> Stream:
        nonlocal length
        with closing_source(chunks) as source:
            for chunk in source:
                waiting.append((length, chunk))
                read.append(without_whitespace(chunk.text))
                length += len(read[-1])
                yield replace(chunk, logprob=0.0)

    skipped = 0
    with closing_source(transform(unscored_source())) as source:
        for chunk in source:
            text = without_whitespace(chunk.text)
            if text and not emitted:  # text before the answer is not part of it
                emitted = max("".join(read).find(text), 0)
                while (
                    waiting
                    and waiting[0][0] + len(without_whitespace(waiting[0][1].text)) <= emitted
                ):
                    skipped += waiting.popleft()[1].tokens
            emitted += len(text)
            logprob = 0.0
            while waiting and (waiting[0][0] < emitted or (chunk.reason and emitted >= length)):
                logprob += waiting.popleft()[1].logprob
            unscored = (
                skipped + sum(waiting_chunk.tokens for _, waiting_chunk in waiting)
                if chunk.reason
                else 0
            )
            yield replace(chunk, logprob=logprob, unscored_tokens=unscored)


def without_whitespace(text: str) -> str:
    """Remove white space from a text."""
    return "".join(text.split())


def collect(
    chunks: Iterable[Chunk],
    show: Callable[[str], None] = lambda text: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Completion:
    """Collect the whole answer, passing each piece to `show` as soon as it arrives."""
    begin = clock()
    first = 0.0
    seen: list[Chunk] = []
    for chunk in chunks:
        seen.append(chunk)
        if chunk.text:
            first = first or clock() - begin
            show(chunk.text)
    return Completion(
        text="".join(chunk.text for chunk in seen),
        reason=next((chunk.reason for chunk in reversed(seen) if chunk.reason), "stop"),
        tokens=sum(chunk.tokens for chunk in seen),
        prompt_tokens=max((chunk.prompt_tokens for chunk in seen), default=0),
        trimmed=tuple(dict.fromkeys(name for chunk in seen for name in chunk.trimmed)),
        first_token_seconds=first,
        seconds=clock() - begin,
        logprob=sum(chunk.logprob for chunk in seen),
        unscored_tokens=sum(chunk.unscored_tokens for chunk in seen),
        reasoning_content="".join(chunk.reasoning_content for chunk in seen),
        cached_tokens=max(
            (chunk.cached_tokens for chunk in seen if chunk.cached_tokens is not None), default=None
        ),
    )

"""Streams of chunks: what is passed on does not depend on how the text was cut into chunks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.stream import (
    Chunk,
    Completion,
    Stream,
    collect,
    convert_newlines,
    keep_logprobs,
    prepend,
    strip_leading_space,
    until_deadline,
    until_stop,
    with_beginning,
)

few_examples = settings(max_examples=40, deadline=None, derandomize=True)


def cut_up(text: str, size: int) -> list[Chunk]:
    """A text in chunks of one size; the last chunk says that it is the last."""
    pieces = [Chunk(text[at : at + size]) for at in range(0, len(text), size)]
    return [*pieces, Chunk("", 0, "stop")]


def text_of(chunks: Iterable[Chunk]) -> str:
    """The whole text of some chunks."""
    return "".join(chunk.text for chunk in chunks)


@pytest.mark.parametrize("size", range(1, 6))
def test_one_space_before_a_text_is_left_out(size: int) -> None:
    for text, expected in ((" a b", "a b"), ("  a", " a"), ("a b", "a b"), (" ", ""), ("", "")):
        assert text_of(strip_leading_space(cut_up(text, size))) == expected
        assert text_of(strip_leading_space([Chunk(""), *cut_up(text, size)])) == expected


@pytest.mark.parametrize("size", range(1, 20))
def test_stop_strings_survive_any_chunking(size: int) -> None:
    text = "def f():<|endo <|endoftext|> more"
    assert (
        text_of(until_stop(cut_up(text, size), ("<|endoftext|>", "<file_sep>")))
        == "def f():<|endo "
    )


@few_examples
@given(
    st.text("ab<", max_size=12),
    st.lists(st.text("ab<", min_size=1, max_size=4), max_size=3).map(tuple),
)
def test_the_stop_string_that_is_complete_first_ends_a_text(
    text: str, stops: tuple[str, ...]
) -> None:
    """With one stop string inside another, the cut depended on the chunks once."""
    ended = next(
        (
            text[: end - len(stop)]
            for end in range(1, len(text) + 1)
            for stop in sorted(stops, key=len, reverse=True)
            if text[:end].endswith(stop)
        ),
        text,
    )
    for size in range(1, len(text) + 2):
        assert text_of(until_stop(cut_up(text, size), stops)) == ended


def test_only_what_may_begin_a_stop_string_is_held_back() -> None:
    chunks = [Chunk("a\n"), Chunk("\nb"), Chunk("c\n"), Chunk("\n\n")]
    assert list(until_stop(chunks, ("\n\n\n",))) == [
        Chunk("a"),
        Chunk("\n\nb"),
        Chunk("c"),
        Chunk("", reason="stop"),
    ]


def test_text_that_only_began_a_stop_string_comes_out_at_the_end() -> None:
    assert list(until_stop([Chunk("a\n"), Chunk("\n", reason="length")], ("\n\n\n",))) == [
        Chunk("a"),
        Chunk("\n\n", reason="length"),
    ]
    assert list(until_stop([Chunk("a\n")], ("\n\n",))) == [Chunk("a"), Chunk("\n", 0, "stop")]


@few_examples
@given(st.text("a\r\n", max_size=12), st.sampled_from(["\n", "\r\n", "\r"]))
def test_line_ends_become_those_of_the_source_under_any_chunking(text: str, newline: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", newline)
    for size in range(1, len(text) + 2):
        assert text_of(convert_newlines(cut_up(text, size), newline)) == expected
    assert text_of(convert_newlines([Chunk(text)], newline)) == expected


class Source:
    """A stream that tells whether it was closed."""

    def __init__(self, *chunks: Chunk) -> None:
        self.closed = False
        self._chunks = chunks

    def stream(self) -> Stream:
        """The chunks."""
        try:
            yield from self._chunks
        finally:
            self.closed = True


def test_a_stop_string_closes_what_it_was_read_from() -> None:
    source = Source(Chunk("a\n\nb"), Chunk("c"))
    stream = source.stream()
    assert list(until_stop(stream, ("\n\n",))) == [Chunk("a", reason="stop")]
    assert source.closed


def test_closing_a_transform_closes_what_it_reads_from() -> None:
    source = Source(Chunk("a"), Chunk("b"))
    stream = source.stream()
    outer = convert_newlines(until_stop(stream, ("\n",)), "\r\n")
    assert next(outer) == Chunk("a")
    outer.close()
    assert source.closed


def seconds() -> Iterator[float]:
    """A clock that goes one second further each time it is read."""
    now = 100.0
    while True:
        yield now
        now += 1


def test_a_whole_answer_is_a_fold_over_its_chunks() -> None:
    shown: list[str] = []
    chunks = [
        Chunk("", 0, prompt_tokens=7),
        Chunk("a =", logprob=-0.5),
        Chunk("", 1),
        Chunk(" 1", 2, "length", 7, -1.5),
    ]
    clock = seconds()
    assert collect(chunks, shown.append, lambda: next(clock)) == Completion(
        "a = 1", "length", 4, 7, first_token_seconds=1.0, seconds=2.0, logprob=-2.0
    )
    assert shown == ["a =", " 1"]


def test_an_answer_without_chunks_is_empty() -> None:
    clock = seconds()
    assert collect([], clock=lambda: next(clock)) == Completion("", "stop", seconds=1.0)


def test_a_text_comes_before_the_first_that_has_any() -> None:
    chunks = [Chunk("", 1), Chunk("a"), Chunk("b", 1, "stop")]
    assert list(prepend("  ", chunks)) == [Chunk("", 1), Chunk("  a"), Chunk("b", 1, "stop")]


def test_a_text_does_not_come_before_nothing() -> None:
    assert text_of(prepend("  ", [Chunk("", 0, "stop")])) == ""


def test_every_transform_passes_log_probabilities_on() -> None:
    chunks = [Chunk("a\r", logprob=-1.0), Chunk("\n"), Chunk("b.c", 1, None, 0, -2.0), Chunk("d")]
    stream = prepend("  ", convert_newlines(until_stop(chunks, (".",)), "\n"))
    assert collect(stream).logprob == -3.0
    assert collect([Chunk("a", 4, logprob=-1.0)]).mean_logprob == -0.25


ANSWER = [Chunk("a  "), Chunk(" = 1"), Chunk("\n"), Chunk("b"), Chunk("", reason="stop")]


@pytest.mark.parametrize(
    ("transform", "text", "mean"),
    [
        (lambda chunks: until_stop(chunks, ()), "a   = 1\nb", -3.0),  # the end is a part of it
        (lambda chunks: until_stop(chunks, ("b",)), "a   = 1\n", -1.5),
        (lambda chunks: until_stop(chunks, ("=",)), "a   ", -1.0),
        (lambda chunks: until_stop(chunks, ("a",)), "", 0.0),
        (lambda chunks: without(chunks, "a  "), " = 1\nb", -3.5),
    ],
)
def test_only_the_tokens_whose_text_is_left_tell_how_likely_it_is(
    transform: Callable[[Stream], Stream], text: str, mean: float
) -> None:
    chunks = (replace(chunk, logprob=-float(at)) for at, chunk in enumerate(ANSWER, 1))
    found = collect(keep_logprobs(chunks, transform))
    assert (found.text, found.mean_logprob) == (text, mean)


def without(chunks: Stream, beginning: str) -> Stream:
    """A whole answer without what it begins with."""
    whole = collect(chunks)
    yield Chunk(whole.text.removeprefix(beginning), whole.tokens, whole.reason)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1, "abcd\n"), (3, "abcd\ne"), (4, "abcd\nef"), (9, "abcd\nef")]
)
def test_a_time_limit_waits_for_a_whole_line(seconds: float, expected: str) -> None:
    """A second for each chunk; what comes before the first text does not count."""
    now = 0.0

    def written() -> Iterator[Chunk]:
        nonlocal now
        for text in ("", "", "a", "b", "c", "d\n", "e", "f"):
            now += 1
            yield Chunk(text)
        yield Chunk("", 0, "stop")

    ended = list(until_deadline(written(), seconds, lambda: now))
    assert text_of(ended) == expected
    assert ended[-1].reason == ("stop" if seconds == 9 else "length")


@pytest.mark.parametrize("pieces", [["  ", "a"], [" ", " a"], ["a"], ["  a"], ["", "a"]])
def test_a_beginning_is_there_once(pieces: list[str]) -> None:
    chunks = [*map(Chunk, pieces[:-1]), Chunk(pieces[-1], reason="stop")]
    assert collect(with_beginning("  ", chunks)).text == "  a"


def test_a_beginning_alone_is_none() -> None:
    assert collect(with_beginning("  ", [Chunk("", reason="stop")])).text == ""

"""What is asked of a membership service, and what is made of its answers."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portraits import RUN, knowing, slow
from starcoder_cli.attribution.stack_lookup import (
    DEFAULT_SERVICE_URL,
    MAX_RANGE_CHARACTERS,
    OVERLAP_CHARACTERS,
    WINDOW_CHARACTERS,
    Bounded,
    look_up_text,
    merge_spans,
    parse_service_url,
    parse_spans,
    require_sendable,
    split_into_windows,
)
from starcoder_cli.errors import MalformedError, RefusedError, UnavailableError, UsageError
from starcoder_cli.files.source import Source, Span
from starcoder_cli.models.transfer import call_with_timeout

KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIB" * 12 + "\n-----END RSA PRIVATE KEY-----\n"
TOKEN = "ghp_" + "a1B2" * 9


def ignore(done: int, total: int) -> None:
    """For progress that nobody watches."""


@given(st.integers(0, 20_000))
def test_each_run_of_a_text_is_whole_in_a_window(length: int) -> None:
    parts = split_into_windows("x" * length)
    assert (parts[0].start, parts[-1].end) == (0, length)
    assert all(part.end - part.start <= WINDOW_CHARACTERS for part in parts)
    for one, other in zip(parts, parts[1:], strict=False):
        assert one.end - other.start >= OVERLAP_CHARACTERS


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20))))
def test_merged_spans_cover_the_same_and_do_not_touch(pairs: list[tuple[int, int]]) -> None:
    spans = [Span(start, start + length) for start, length in pairs]
    found = list(merge_spans(spans))
    covered = {at for span in spans for at in range(span.start, span.end)}
    assert {at for span in found for at in range(span.start, span.end)} == covered
    assert all(one.end < other.start for one, other in zip(found, found[1:], strict=False))


@pytest.mark.parametrize("start", [0, 100, 2360, 2400, 2440, 2475, 2499, 4800, 5900])
def test_a_part_is_found_wherever_it_lies(start: int) -> None:
    random = Random(4)
    known = "".join(random.choices("abcdefgh", k=RUN + 37))
    around = "".join(random.choices("ijklmnop", k=6000))
    text = f"{around[:start]}{known}{around[start:]}"
    with knowing(known) as here:
        assert look_up_text(text, parse_service_url(here.url), ignore) == [
            Span(start, start + len(known))
        ]
    assert len(here.documents) == len(split_into_windows(text)) == 3


def test_offsets_are_those_of_the_text_whatever_is_in_it() -> None:
    known = "é\U0001f600\udce9 = 1\r\n" * 10
    asked = known.replace("\udce9", "\ufffd")
    with knowing(asked) as here:
        assert look_up_text(known, parse_service_url(here.url), ignore) == [Span(0, len(known))]
    assert here.documents == [asked]


@pytest.mark.parametrize(
    "spans",
    [
        *(None, 3, {}, "x", [3], [[1]], [[1, 2, 3]], [["0", "1"]], [[0.0, 1.0]], [[False, True]]),
        *([[-1, 3]], [[3, 1]], [[0, 11]], [[0, 1 << 80]], [[0, 1], None]),
    ],
)
def test_spans_that_are_none(spans: object) -> None:
    with pytest.raises(MalformedError):
        parse_spans({"spans": spans}, 10)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://stack.example.org", RefusedError),
        ("ftp://stack.example.org", UsageError),
        ("https://user:secret@stack.example.org", UsageError),
        ("stack.example.org", UsageError),
        ("https://", UsageError),
        ("", UsageError),
    ],
)
def test_addresses_that_are_not_taken(url: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        parse_service_url(url)
    assert "secret" not in str(caught.value)


def test_addresses_that_are() -> None:
    assert parse_service_url(DEFAULT_SERVICE_URL).base_url == DEFAULT_SERVICE_URL
    assert parse_service_url("http://127.0.0.1:80/").is_loopback


@pytest.mark.parametrize(
    ("text", "part", "line"),
    [
        (f"a = 1\nkey = '{TOKEN}'\nb = 2\n", "", 2),
        (f"a = 1\nkey = '{TOKEN}'\nb = 2\n", TOKEN[-10:], 2),
        (f"x\n{KEY}", "", 2),
        (f"x\n{KEY}", "MIIBMIIB", 3),
        (f"{KEY}x\n{KEY}", "x\n---", 3),
    ],
)
def test_a_secret_is_not_sent(text: str, part: str, line: int) -> None:
    source = Source("a.py", text)
    at = text.rindex(part) if part else 0
    if part.startswith("x"):
        at = text.index(part)
    span = Span(at, at + len(part)) if part else source.whole_span()
    with pytest.raises(RefusedError) as caught:
        require_sendable(source, span)
    assert TOKEN not in str(caught.value)
    if not part.startswith("x"):
        assert f"in line {line}:" in str(caught.value)


def test_what_is_beside_a_secret_may_be() -> None:
    text = f"a = 1\nkey = '{TOKEN}'\nb = 2\n{KEY}c = 3\n"
    source = Source("a.py", text)
    for line in (0, 2, 6):
        require_sendable(source, source.lines[line])


@pytest.mark.parametrize("name", [".env", "conf/.npmrc", "/home/somebody/.ssh/id_rsa"])
def test_a_file_of_secrets_is_not_sent(name: str) -> None:
    with pytest.raises(RefusedError, match="has the name of a file of secrets"):
        require_sendable(Source(name, "a = 1\n"), Span(0, 5))


def test_no_more_is_sent_than_makes_sense() -> None:
    source = Source("-", "a = 1\n" * (MAX_RANGE_CHARACTERS // 6 + 1))
    with pytest.raises(UsageError, match="are too many for --portrait"):
        require_sendable(source, source.whole_span())


@pytest.mark.parametrize(
    ("bounded", "waited"),
    [
        (call_with_timeout, "0 s"),
        # Whoever waits was held up, so that the answer is taken while it comes: half of it is none.
        (lambda call, seconds: call_with_timeout(call, 60.0), "60 s"),
    ],
)
def test_an_answer_that_does_not_come_in_time_is_none(bounded: Bounded, waited: str) -> None:
    with knowing(faults=(slow,)) as here:
        service = parse_service_url(here.url)
        with pytest.raises(UnavailableError) as caught:
            look_up_text("a = 1\n", service, ignore, seconds=0.2, bounded=bounded)
    assert str(caught.value) == f"{service.host}: no answer within {waited}; try again later"

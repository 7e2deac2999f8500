"""Text is shown once it is decided, however it arrives, and the model is stopped at its end."""

from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.postprocess.hold_back import hold_back
from starcoder_cli.stream import Chunk, Stream, collect


def until_hashes(text: str, is_whole: bool) -> tuple[int, str]:
    """An answer ends before `##`; one `#` at the end may become that."""
    if "##" in text:
        return text.index("##"), "hashes"
    return len(text) - (text.endswith("#") and not is_whole), ""


def test_what_may_begin_an_end_is_shown_when_it_turns_out_to_be_none() -> None:
    pieces = [Chunk("a#"), Chunk("b#"), Chunk("#c"), Chunk("d", reason="stop")]
    assert list(hold_back(pieces, until_hashes)) == [
        Chunk("a"),
        Chunk("#b"),
        Chunk("", reason="stop", trimmed=("hashes",)),
    ]


def test_a_whole_text_is_shown_to_its_end() -> None:
    assert list(hold_back([Chunk("a#", reason="length")], until_hashes)) == [
        Chunk("a#", reason="length")
    ]


def test_a_model_that_does_not_say_that_it_ends_has_ended() -> None:
    assert list(hold_back([Chunk("a#")], until_hashes)) == [Chunk("a"), Chunk("#", 0, "stop")]
    assert list(hold_back([], until_hashes)) == []


def test_the_end_may_be_one_only_because_nothing_follows() -> None:
    def judge(text: str, is_whole: bool) -> tuple[int, str]:
        end = text.find("#") if "#" in text else len(text)
        return end, "comment" if is_whole and end < len(text) else ""

    assert list(hold_back([Chunk("a#b")], judge)) == [
        Chunk("a"),
        Chunk("", 0, "stop", trimmed=("comment",)),
    ]


def test_what_a_chunk_costs_and_what_trimmed_it_before_stays() -> None:
    chunk = Chunk("a##b", 3, "length", 7, -1.5, ("fence",), 2)
    assert list(hold_back([chunk], until_hashes)) == [
        Chunk("a", 3, "stop", 7, -1.5, ("fence", "hashes"), 2)
    ]


def test_nothing_is_read_behind_the_end() -> None:
    read = []

    def answer() -> Stream:
        try:
            for piece in ("a", "##", "b"):
                read.append(piece)
                yield Chunk(piece)
        finally:
            read.append("closed")

    assert collect(hold_back(answer(), until_hashes)).text == "a"
    assert read == ["a", "##", "closed"]


@settings(deadline=None)
@given(st.lists(st.text("#a", max_size=4)))
def test_how_a_text_is_cut_makes_no_difference(pieces: list[str]) -> None:
    found = collect(hold_back(map(Chunk, pieces), until_hashes))
    end, rule = until_hashes("".join(pieces), True)
    assert (found.text, found.trimmed) == ("".join(pieces)[:end], (rule,) if rule else ())

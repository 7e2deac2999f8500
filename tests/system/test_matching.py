"""What two sequences have in common."""

from difflib import SequenceMatcher

from growth import processor_seconds
from starcoder_cli.system.matching import match_sequences


def test_it_is_what_difflib_says() -> None:
    first = [f"line {number}" if number % 3 else "end" for number in range(600)]
    second = [*first[:100], "new", "end", *first[200:]]
    wanted = SequenceMatcher(None, first, second, False).get_opcodes()
    assert match_sequences(first, second).get_opcodes() == wanted


def test_repetitions_among_others_are_found_beside_these() -> None:
    first = [f"line {number}" if number % 3 else "end" for number in range(6000)]
    second = [*first[:1000], "new", *first[1001:]]
    blocks = match_sequences(first, second).get_matching_blocks()
    assert sum(block.size for block in blocks) == 5999


def test_a_line_that_is_repeated_takes_no_cube_of_time() -> None:
    """Eight times the lines would take 512 times as long."""

    def seconds(count: int) -> float:
        first = [text for number in range(count) for text in (f"a{number}", "end")]
        second = [text for number in range(count) for text in ("end", f"b{number}")]
        return processor_seconds(lambda _: match_sequences(first, second).get_opcodes(), "")

    assert seconds(4000) <= 24 * min(seconds(500) for _ in range(3))

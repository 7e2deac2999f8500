"""What is kept of an answer that nobody watches: the most that leaves its file sound."""

import pytest

from holes import chunked
from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.sound_part import keep_sound_part
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.stream import collect

CUT = {
    "a bracket that is the suffix's": (
        ("rust", "fn into_iter(", ") -> Iter {\n    self.iter()\n}\n"),
        "self) -> Iter {",
        "self",
    ),
    "brackets that pair, and one more": (
        ("php", "<?php\nsame(", ", $l->read(4));\n"),
        "'foo', get($this->name));",
        "'foo', get($this->name)",
    ),
    "a line that closes what the file closes": (
        ("ruby", "def setup\n", "  @chunked = false\nend\n"),
        "  header\nend\n",
        "  header\n",
    ),
    "nothing but that": (
        ("java", "class A {\n    void f() {\n", "    }\n}\n"),
        "    }\n",
        "",
    ),
    "code behind the end of the string that the hole is in": (
        ("python", 'def f():\n    """Opens.\n\n', '    a connection.\n    """\n    pass\n'),
        '    Does nothing.\n    """\n    pass\n',
        "    Does nothing.\n",
    ),
}
STAYS = {
    "what is sound": (("rust", "fn f(", ") {}\n"), "a: Vec<(u8, u8)>"),
    "what nothing makes sound": (("go", "package a\n\nvar b = f(g(1,\n", "}\n"), "\t2,\n"),
    "what the file had before": (("c", "int f( {\n", "}\n"), "  return 1;\n"),
}


def kept(place: tuple[str, str, str], answer: str, size: int) -> tuple[str, tuple[str, ...]]:
    """What is left of an answer in chunks of a size, and the rules that took the rest."""
    language, prefix, suffix = place
    check = SoundnessCheck(Hole(prefix, suffix), "", languages.find_language(language))
    completion = collect(keep_sound_part(chunked(answer, size), check))
    return completion.text, completion.trimmed


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(("place", "answer", "expected"), CUT.values(), ids=CUT)
def test_the_most_that_is_sound(
    place: tuple[str, str, str], answer: str, expected: str, size: int
) -> None:
    assert kept(place, answer, size) == (expected, ("surplus",))


@pytest.mark.parametrize(("place", "answer"), STAYS.values(), ids=STAYS)
def test_an_answer_that_stays(place: tuple[str, str, str], answer: str) -> None:
    assert kept(place, answer, 5) == (answer, ())

"""Which holes are cut into which files."""

from codebases import WORDS, code, source
from starcoder_cli.tuning.holes import cut_holes
from starcoder_cli.tuning.syntax_holes import HOLE_KINDS

SOURCES = [source(f"{word}.py", code(word, 20)) for word in WORDS]


def test_every_kind_from_every_file_the_same_for_a_seed() -> None:
    holes = cut_holes(SOURCES, seed=0)
    assert holes == cut_holes(SOURCES, seed=0) != cut_holes(SOURCES, seed=1)
    assert {hole.kind for hole in holes} == set(HOLE_KINDS)
    assert {hole.source.path for hole in holes} == {each.path for each in SOURCES}


def test_a_hole_and_its_middle_are_the_file() -> None:
    for hole in cut_holes(SOURCES, seed=0):
        assert hole.hole.prefix + hole.middle + hole.hole.suffix in hole.source.text
        assert hole.middle.strip()


def test_a_share_is_asked_with_another_file() -> None:
    shared = "".join(f"helper_{at} = helper_{at + 1}\n" for at in range(20))
    sources = [source(each.path, each.text + shared) for each in SOURCES]
    holes = cut_holes(sources, seed=0)
    documents = [(hole.source.path, each.path) for hole in holes for each in hole.documents]
    assert 0 < len(documents) < len(holes) / 2
    assert all(own != other for own, other in documents)


def test_placeholders_are_never_learnt() -> None:
    text = "".join(f"mail_{at} = '<EMAIL>'\n" for at in range(60))
    assert all("<EMAIL>" not in hole.middle for hole in cut_holes([source("a.py", text)], seed=0))

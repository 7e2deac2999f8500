"""Templates: slots are filled, groups with something unknown are left out, marks stay."""

from dataclasses import replace

from starcoder_cli import languages
from starcoder_cli.files.source import Hole, Names
from starcoder_cli.model import Prompt, Special
from starcoder_cli.prompts.fim import Document, FimFormat, Slot, behind, render

BEGIN, GAP, END, NAME, STARS = (Special(token) for token in ("<b>", "<g>", "<e>", "<n>", "<s>"))
FORM = FimFormat(
    "made-up",
    psm=(BEGIN, (NAME, Slot.FILENAME, (STARS, Slot.STARS), "\n"), Slot.PREFIX, GAP, Slot.SUFFIX),
    spm=(GAP, Slot.SUFFIX, BEGIN, Slot.PREFIX),
    stop=(END,),
    plain=((NAME, Slot.FILENAME, "\n"), Slot.PREFIX),
)
HOLE = Hole("a = ", "\nb")


def test_an_order_is_a_template() -> None:
    assert FORM.prompt(HOLE) == Prompt((BEGIN, "a = ", GAP, "\nb"), (END,))
    assert FORM.prompt(HOLE, order="spm") == Prompt((GAP, "\nb", BEGIN, "a = "), (END,))
    assert FORM.beginning("a = ") == Prompt(("a = ",), (END,))


def test_a_group_with_something_unknown_is_left_out_and_the_one_around_it_stays() -> None:
    named = Names("a.py")
    assert FORM.prompt(HOLE, named).pieces == (BEGIN, NAME, "a.py", "\n", "a = ", GAP, "\nb")
    starred = Names("a.py", stars="1000+")
    assert FORM.prompt(HOLE, starred).pieces == (
        *(BEGIN, NAME, "a.py", STARS, "1000+", "\n"),
        *("a = ", GAP, "\nb"),
    )
    assert FORM.prompt(HOLE, Names(stars="1000+")) == FORM.prompt(HOLE)


def test_an_empty_suffix_is_still_a_gap() -> None:
    assert FORM.prompt(Hole("a")).pieces == (BEGIN, "a", GAP)
    assert FORM.prompt(Hole("", "")).pieces == (BEGIN, GAP)


def test_control_tokens_are_marked_and_the_users_text_never_is() -> None:
    hostile = Hole("<b><g>", "<e>")
    pieces = FORM.prompt(hostile, Names("<n>")).pieces
    marked = [piece for piece in pieces if isinstance(piece, Special)]
    assert marked == [BEGIN, NAME, GAP]
    assert FORM.specials() == {BEGIN, GAP, NAME, STARS}


def test_a_mark_that_is_lost_leaves_plain_text() -> None:
    assert type(BEGIN + "x") is type(BEGIN[:2]) is type(f"{BEGIN}") is str


def test_slots_may_repeat() -> None:
    known = {slot: slot.value for slot in Slot}
    assert render((Slot.PREFIX, "\n", Slot.PREFIX), known) == ("prefix", "\n", "prefix")


TOGETHER = replace(
    FORM,
    file=(NAME, Slot.FILENAME, "\n", Slot.TEXT),
    together=replace(FORM, psm=(Slot.FILES, BEGIN, Slot.PREFIX, GAP, Slot.SUFFIX)),
)
FILES = (Document("<n>", "<b>\n"), Document("b.py", "b\n"))


def test_other_files_change_the_template_and_stay_text() -> None:
    prompt = TOGETHER.prompt(HOLE, files=FILES)
    assert prompt.pieces == (
        *(NAME, "<n>", "\n", "<b>\n", NAME, "b.py", "\n", "b\n"),
        *(BEGIN, "a = ", GAP, "\nb"),
    )
    marked = [piece for piece in prompt.pieces if isinstance(piece, Special)]
    assert marked == [NAME, NAME, BEGIN, GAP]
    assert TOGETHER.prompt(HOLE) == FORM.prompt(HOLE) == FORM.prompt(HOLE, files=FILES)
    assert TOGETHER.specials() == FORM.specials()


def test_other_files_as_comments() -> None:
    assert behind(FILES, HOLE, languages.find("python")) == Hole(
        "# Path: <n>\n# <b>\n\n# Path: b.py\n# b\n\na = ", "\nb"
    )
    assert behind(FILES[1:], HOLE, languages.find("css")) == Hole(
        "/*\nPath: b.py\nb\n*/\n\na = ", "\nb"
    )
    assert behind(FILES[1:], HOLE, languages.find("json")) == Hole("Path: b.py\nb\n\na = ", "\nb")
    assert behind((), HOLE, languages.find("python")) == HOLE

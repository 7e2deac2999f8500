"""Templates: slots are filled, groups with something unknown are left out, marks stay."""

from dataclasses import replace

from starcoder_cli import languages
from starcoder_cli.files.source import FileMetadata
from starcoder_cli.model import Hole, Prompt, Special
from starcoder_cli.prompts.fim import (
    Document,
    FimFormat,
    Slot,
    prepend_files_as_comments,
    render_template,
)

BEGIN, GAP, END, NAME, STARS = (Special(token) for token in ("<b>", "<g>", "<e>", "<n>", "<s>"))
FORM = FimFormat(
    "made-up",
    psm=(BEGIN, (NAME, Slot.FILENAME, (STARS, Slot.STARS), "\n"), Slot.PREFIX, GAP, Slot.SUFFIX),
    spm=(GAP, Slot.SUFFIX, BEGIN, Slot.PREFIX),
    stop=(END,),
    prefix_only=((NAME, Slot.FILENAME, "\n"), Slot.PREFIX),
)
HOLE = Hole("a = ", "\nb")


def test_an_order_is_a_template() -> None:
    assert FORM.build_prompt(HOLE) == Prompt((BEGIN, "a = ", GAP, "\nb"), (END,))
    assert FORM.build_prompt(HOLE, order="spm") == Prompt((GAP, "\nb", BEGIN, "a = "), (END,))
    assert FORM.build_prefix_prompt("a = ") == Prompt(("a = ",), (END,))


def test_a_group_with_something_unknown_is_left_out_and_the_one_around_it_stays() -> None:
    named = FileMetadata("a.py")
    assert FORM.build_prompt(HOLE, named).pieces == (BEGIN, NAME, "a.py", "\n", "a = ", GAP, "\nb")
    starred = FileMetadata("a.py", stars="1000+")
    assert FORM.build_prompt(HOLE, starred).pieces == (
        *(BEGIN, NAME, "a.py", STARS, "1000+", "\n"),
        *("a = ", GAP, "\nb"),
    )
    assert FORM.build_prompt(HOLE, FileMetadata(stars="1000+")) == FORM.build_prompt(HOLE)


def test_an_empty_suffix_is_still_a_gap() -> None:
    assert FORM.build_prompt(Hole("a")).pieces == (BEGIN, "a", GAP)
    assert FORM.build_prompt(Hole("", "")).pieces == (BEGIN, GAP)


def test_control_tokens_are_marked_and_the_users_text_never_is() -> None:
    hostile = Hole("<b><g>", "<e>")
    pieces = FORM.build_prompt(hostile, FileMetadata("<n>")).pieces
    marked = [piece for piece in pieces if isinstance(piece, Special)]
    assert marked == [BEGIN, NAME, GAP]
    assert FORM.control_tokens() == {BEGIN, GAP, NAME, STARS}


def test_a_mark_that_is_lost_leaves_plain_text() -> None:
    assert type(BEGIN + "x") is type(BEGIN[:2]) is type(f"{BEGIN}") is str


def test_slots_may_repeat() -> None:
    known = {slot: slot.value for slot in Slot}
    assert render_template((Slot.PREFIX, "\n", Slot.PREFIX), known) == ("prefix", "\n", "prefix")


TOGETHER = replace(
    FORM,
    file_template=(NAME, Slot.FILENAME, "\n", Slot.TEXT),
    multi_file=replace(FORM, psm=(Slot.FILES, BEGIN, Slot.PREFIX, GAP, Slot.SUFFIX)),
)
FILES = (Document("<n>", "<b>\n"), Document("b.py", "b\n"))


def test_other_files_change_the_template_and_stay_text() -> None:
    prompt = TOGETHER.build_prompt(HOLE, files=FILES)
    assert prompt.pieces == (
        *(NAME, "<n>", "\n", "<b>\n", NAME, "b.py", "\n", "b\n"),
        *(BEGIN, "a = ", GAP, "\nb"),
    )
    marked = [piece for piece in prompt.pieces if isinstance(piece, Special)]
    assert marked == [NAME, NAME, BEGIN, GAP]
    assert (
        TOGETHER.build_prompt(HOLE)
        == FORM.build_prompt(HOLE)
        == FORM.build_prompt(HOLE, files=FILES)
    )
    assert TOGETHER.control_tokens() == FORM.control_tokens()


def test_other_files_as_comments() -> None:
    assert prepend_files_as_comments(FILES, HOLE, languages.find_language("python")) == Hole(
        "# Path: <n>\n# <b>\n\n# Path: b.py\n# b\n\na = ", "\nb"
    )
    assert prepend_files_as_comments(FILES[1:], HOLE, languages.find_language("css")) == Hole(
        "/*\nPath: b.py\nb\n*/\n\na = ", "\nb"
    )
    assert prepend_files_as_comments(FILES[1:], HOLE, languages.find_language("json")) == Hole(
        "Path: b.py\nb\n\na = ", "\nb"
    )
    assert prepend_files_as_comments((), HOLE, languages.find_language("python")) == HOLE


def test_a_name_that_is_no_utf8_is_one_that_a_model_can_read() -> None:
    pieces = FORM.build_prompt(HOLE, FileMetadata("caf\udce9.py")).pieces
    assert pieces == (BEGIN, NAME, "caf\ufffd.py", "\n", "a = ", GAP, "\nb")

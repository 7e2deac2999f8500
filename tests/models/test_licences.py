"""What is known about each licence in the catalog."""

import pytest

from starcoder_cli.catalog import CATALOG
from starcoder_cli.models.licences import BIGCODE, LICENCES, Licence, find_licence

each = pytest.mark.parametrize("licence", LICENCES, ids=lambda licence: licence.id)


def test_every_licence_in_the_catalog_is_known_and_no_other() -> None:
    named = {spec.licence for spec in CATALOG if spec.licence}
    assert named == {licence.name for licence in LICENCES}
    assert len({licence.id for licence in LICENCES}) == len(LICENCES)


def test_who_has_to_agree() -> None:
    """The licence of the StarCoder family restricts use; the other two are gated on the hub."""
    assert [licence.name for licence in LICENCES if licence.needs_consent] == [
        "BigCode OpenRAIL-M v1",
        "Gemma",
        "Mistral Non-Production",
    ]


def test_what_is_gated_on_the_hub_needs_consent_here() -> None:
    gated = [find_licence(spec.licence) for spec in CATALOG if spec.gated]
    assert gated and all(licence and licence.needs_consent for licence in gated)


@each
def test_a_licence_has_a_link_and_says_what_it_asks(licence: Licence) -> None:
    assert licence.url.startswith("https://")
    assert licence.terms
    assert licence.restrictions or not licence.needs_consent


@each
def test_a_licence_says_what_has_to_be_kept_where_the_model_is_passed_on(
    licence: Licence,
) -> None:
    assert [duty for duty in licence.duties if duty.startswith("the model, passed on: ")]
    assert bool(licence.notice) == any("notice below" in duty for duty in licence.duties)
    assert licence.notice.isascii()


def test_what_the_licence_of_starcoder_asks_is_an_option_away() -> None:
    """Its restriction (f) is what `--provenance` is for."""
    assert "without saying that a machine made it" in BIGCODE.restrictions[5]
    assert "(--provenance)" in BIGCODE.duties[0]


@each
def test_every_line_fits_a_terminal(licence: Licence) -> None:
    """`models show` puts names of up to 14 letters, and two spaces, before each line."""
    lines = (licence.name, *licence.terms, *licence.restrictions, *licence.duties)
    assert [line for line in lines if len(line) > 64 or not line.isascii()] == []


def test_the_restrictions_of_bigcode_have_the_letters_of_the_text() -> None:
    letters = [line[:4] for line in BIGCODE.restrictions]
    assert letters == [f"({letter}) " for letter in "abcdefghijklmn"]


@pytest.mark.parametrize(
    ("name", "repository", "found"),
    [
        ("BigCode OpenRAIL-M v1", "second-state/StarCoder2-3B-GGUF", BIGCODE),
        ("", "bigcode/octocoder", BIGCODE),
        ("", "BigCode/octocoder", BIGCODE),
        ("", "owner/bigcode", None),
        ("", "", None),
        ("Unheard-of-1.0", "bigcode/octocoder", None),
    ],
)
def test_finding_a_licence(name: str, repository: str, found: Licence | None) -> None:
    assert find_licence(name, repository) == found

"""What a text shares with an index."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repositories import lay
from starcoder_cli.attribution import find_matches
from starcoder_cli.attribution.fingerprints import GUARANTEED_MATCH_TOKENS, MIN_MATCH_TOKENS
from starcoder_cli.attribution.ingest import add_source
from starcoder_cli.attribution.matches import Origin
from starcoder_cli.errors import InputError, UsageError

CODE = '''\
def mean(values, weights=None):
    """The mean of some values."""
    if weights is None:
        weights = [1.0 for _ in values]
    total = 0.0
    for value, weight in zip(values, weights):  # in turn
        total += value * weight
    return total / sum(weights)
'''
REFORMATTED = """\
import os
def  mean( values, weights = None ) :
  '''The mean
     of some values.'''
  if (weights is None): weights=[1.0 for _ in values,]
  # Two comments
  # more.
  total = 0.0
  for (value, weight) in zip(values, weights): total += (value*weight)
  return (total / sum(weights))
"""


def numbered(numbers: range) -> str:
    """Code with a token for each number, and as many on a line."""
    return "\n".join(f"name{number}" for number in numbers)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index of one project with one file."""
    lay(tmp_path / "means", {"src/mean.py": CODE})
    add_source(tmp_path / "means", "MIT", tmp_path / "index")
    return tmp_path / "index"


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_end_as_they_do_in_each_file(tmp_path: Path, end: str) -> None:
    """A comment in a file of carriage returns went to the end of the file."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/a.py").write_bytes(CODE.replace("\n", end).encode())
    add_source(tmp_path / "a", "", tmp_path / "index")
    (match,) = find_matches(REFORMATTED.replace("\n", end), "python", tmp_path / "index")
    (origin,) = match.origins
    assert (match.first, match.last, origin.first, origin.last) == (2, 10, 1, 8)


@pytest.mark.parametrize("language", ["python", None, "text"])
def test_code_in_another_format_is_found_from_end_to_end(index: Path, language: str | None) -> None:
    (match,) = find_matches(REFORMATTED, language, index)
    origin = Origin("means", "", "src/mean.py", 1, 8, "MIT", 48, str(index.parent / "means"))
    assert match.origins == (origin,)
    assert REFORMATTED[match.start : match.end] == REFORMATTED[10:-3]
    assert (match.first, match.last, match.tokens, match.more) == (2, 10, 48, 0)
    assert match.licences == ("MIT",)


def test_other_names_are_other_code(index: Path) -> None:
    renamed = REFORMATTED.replace("total", "sum_").replace("value", "x")
    assert find_matches(renamed, "python", index) == []


def test_places_count_characters_and_not_bytes(index: Path) -> None:
    text = f"# é {chr(0xDC80)} \U0001f600\n{CODE}"
    (match,) = find_matches(text, "python", index)
    assert text[match.start : match.end] == CODE.strip()[:-1]
    assert (match.first, match.last) == (2, 9)


def test_a_piece_that_begins_inside_a_docstring_is_found(index: Path) -> None:
    text = CODE.replace('"""The', "The").partition("\n")[2]
    (match,) = find_matches(text, "python", index)
    assert text[match.start : match.end].startswith("if weights")


@pytest.mark.parametrize("count", [MIN_MATCH_TOKENS - 1, GUARANTEED_MATCH_TOKENS])
def test_what_is_found_for_sure_and_what_never(tmp_path: Path, count: int) -> None:
    lay(tmp_path / "a", {"a.py": numbered(range(100))})
    add_source(tmp_path / "a", "", tmp_path / "index")
    for start in range(0, 100 - count):
        text = f"x\n{numbered(range(start, start + count))}\ny"
        found = find_matches(text, "python", tmp_path / "index")
        lines = [(match.first, match.last, match.tokens) for match in found]
        assert lines == ([(2, count + 1, count)] if count >= GUARANTEED_MATCH_TOKENS else [])


def test_the_longest_comes_first_and_each_origin_is_named(tmp_path: Path) -> None:
    one, two = numbered(range(100, 140)), numbered(range(200, 290))
    lay(tmp_path / "a", {"one.py": one, "two.py": two})
    lay(tmp_path / "b", {"both.py": f"{two}\n{one}"})
    add_source(tmp_path / "a", "MIT", tmp_path / "index")
    add_source(tmp_path / "b", "GPL-3.0-only", tmp_path / "index")
    found = find_matches(f"{one}\nbetween\n{two}", "python", tmp_path / "index")
    assert [(match.first, match.last, match.tokens) for match in found] == [
        (42, 131, 90),
        (1, 40, 40),
    ]
    places = [
        [(origin.project, origin.path, origin.first, origin.last) for origin in match.origins]
        for match in found
    ]
    assert places == [
        [("a", "two.py", 1, 90), ("b", "both.py", 1, 90)],
        [("a", "one.py", 1, 40), ("b", "both.py", 91, 130)],
    ]
    assert {match.licences for match in found} == {("GPL-3.0-only", "MIT")}


def test_a_part_of_a_match_counts_where_another_project_has_it(tmp_path: Path) -> None:
    lay(tmp_path / "a", {"all.py": numbered(range(200)), "part.py": numbered(range(50, 90))})
    lay(tmp_path / "b", {"part.py": numbered(range(50, 90))})
    for name in "ab":
        add_source(tmp_path / name, "", tmp_path / "index")
    found = find_matches(numbered(range(200)), "python", tmp_path / "index")
    assert [(match.tokens, [origin.project for origin in match.origins]) for match in found] == [
        (200, ["a"]),
        (40, ["b"]),
    ]


def test_what_many_projects_have_names_the_first_of_them(tmp_path: Path) -> None:
    lay(tmp_path / "many", {f"{number}/a.py": numbered(range(40)) for number in range(60)})
    add_source(tmp_path / "many", "", tmp_path / "index")
    (match,) = find_matches(numbered(range(40)), "python", tmp_path / "index")
    assert (len(match.origins), match.more) == (20, 30)


@pytest.mark.parametrize("first", ["few", "many"])
def test_one_copy_under_another_licence_is_found_among_many(tmp_path: Path, first: str) -> None:
    """It was left out, and whoever refused its licence was told that all is well."""
    lay(tmp_path / "many", {f"{number}/a.py": numbered(range(40)) for number in range(55)})
    lay(tmp_path / "few", {"a.py": numbered(range(40))})
    licences = {"few": "GPL-3.0-only", "many": "MIT"}
    for name in sorted(licences, key=lambda name: name != first):
        add_source(tmp_path / name, licences[name], tmp_path / "index")
    (match,) = find_matches(numbered(range(40)), "python", tmp_path / "index")
    assert match.licences == ("GPL-3.0-only", "MIT")
    assert {origin.licence for origin in match.origins[:2]} == {"GPL-3.0-only", "MIT"}


def test_one_copy_under_another_licence_is_found_behind_more_than_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One among parts of it, too: those have fewer of its k-grams."""
    monkeypatch.setattr("starcoder_cli.attribution.search.MAX_FILES_PER_KGRAM", 10)
    lay(tmp_path / "many", {f"{number}/a.py": numbered(range(40)) for number in range(60)})
    lay(tmp_path / "few", {"a.py": numbered(range(5, 40)), "b.py": numbered(range(40))})
    add_source(tmp_path / "many", "MIT", tmp_path / "index")
    add_source(tmp_path / "few", "GPL-3.0-only", tmp_path / "index")
    (match,) = find_matches(numbered(range(40)), "python", tmp_path / "index")
    assert match.licences == ("GPL-3.0-only", "MIT")


def test_a_part_of_a_match_counts_where_its_project_has_it_under_another_licence(
    tmp_path: Path,
) -> None:
    header = "# SPDX-License-Identifier: GPL-3.0-only\n"
    part = numbered(range(50, 90))
    lay(tmp_path / "a", {"all.py": numbered(range(200)), "part.py": header + part, "c.py": part})
    lay(tmp_path / "a", {"pyproject.toml": '[project]\nname="a"\nlicense="MIT"\n'})
    add_source(tmp_path / "a", "", tmp_path / "index")
    found = find_matches(numbered(range(200)), "python", tmp_path / "index")
    assert [(match.tokens, match.licences) for match in found] == [
        (200, ("MIT",)),
        (40, ("GPL-3.0-only",)),
    ]


def test_a_table_of_zeros_takes_no_time(tmp_path: Path) -> None:
    lay(tmp_path / "zeros", {"a.py": "0, " * 5000, "b.py": "0, " * 300})
    add_source(tmp_path / "zeros", "", tmp_path / "index")
    (match, *_) = find_matches("0, " * 20_000, "python", tmp_path / "index")
    assert match.tokens == 5000


few = st.lists(st.integers(0, 4), max_size=60)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(few, min_size=1, max_size=3),
    few,
    st.lists(st.integers(0, 9), min_size=GUARANTEED_MATCH_TOKENS),
    few,
)
def test_of_each_shared_run_a_part_is_reported(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[list[int]],
    before: list[int],
    common: list[int],
    after: list[int],
) -> None:
    """What is reported is there, and no longer run goes without MIN_MATCH_TOKENS of it."""

    def code(numbers: list[int]) -> str:
        return " ".join(f"n{number}" for number in numbers)

    folder = tmp_path_factory.mktemp("index")
    texts = [[*numbers, *common, *numbers] for numbers in files]
    lay(folder / "a", {f"{at}.py": code(text) for at, text in enumerate(texts)})
    add_source(folder / "a", "", folder / "index")
    asked = [*before, *common, *after]
    found = find_matches(code(asked), "python", folder / "index")
    spans = [(match.start // 3, (match.end + 1) // 3) for match in found]
    for (start, end), match in zip(spans, found, strict=True):
        assert end - start == match.tokens >= MIN_MATCH_TOKENS
        for origin in match.origins:
            indexed = code(texts[int(origin.path[0])])
            assert match.tokens != origin.tokens or code(asked[start:end]) in indexed
    for at in range(len(before), len(before) + len(common) - GUARANTEED_MATCH_TOKENS + 1):
        assert any(
            min(end, at + GUARANTEED_MATCH_TOKENS) - max(start, at) >= MIN_MATCH_TOKENS
            for start, end in spans
        )


def test_without_an_index_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_matches(CODE, "python", tmp_path / "none")
    assert str(caught.value) == (
        f"there is no index at {tmp_path / 'none'}; make one: starcoder index add FOLDER"
    )


def test_an_unknown_language_is_an_error(index: Path) -> None:
    with pytest.raises(UsageError, match="unknown language: 'klingon'"):
        find_matches(CODE, "klingon", index)

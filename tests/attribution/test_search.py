"""What a text shares with an index."""

from pathlib import Path

import pytest
from repositories import lay

from starcoder_cli.attribution import Origin, trace
from starcoder_cli.attribution.adding import add
from starcoder_cli.errors import InputError

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


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index of one project with one file."""
    lay(tmp_path / "means", {"src/mean.py": CODE})
    add(tmp_path / "means", "MIT", tmp_path / "index")
    return tmp_path / "index"


@pytest.mark.parametrize("language", ["python", None])
def test_code_in_another_format_is_found(index: Path, language: str | None) -> None:
    (match,) = trace(REFORMATTED, language, index)
    root = str(index.parent / "means")
    assert match.origins == (Origin("means", "", "src/mean.py", 3, 8, "MIT", match.tokens, root),)
    assert (match.first, match.last, match.more) == (5, 10, 0)


def test_other_names_are_other_code(index: Path) -> None:
    assert trace(REFORMATTED.replace("total", "sum_").replace("value", "x"), "python", index) == []


def test_without_an_index_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        trace(CODE, "python", tmp_path / "none")
    assert str(caught.value) == (
        f"there is no index at {tmp_path / 'none'}; make one: starcoder index add FOLDER"
    )

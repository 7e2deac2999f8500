"""Whatever a library raises is one class of error, and what is ours stays what it is."""

import pytest
from tokenizers import Regex, Tokenizer, pre_tokenizers

from starcoder_cli.errors import DataError
from starcoder_cli.system.foreign import ForeignError, foreign_errors


def test_an_error_of_a_library_comes_with_its_cause_and_its_words() -> None:
    with pytest.raises(ForeignError) as caught, foreign_errors():
        Tokenizer.from_str("{")
    assert type(caught.value.cause) is Exception  # nothing narrower than that
    assert str(caught.value) == str(caught.value.cause) != ""
    assert caught.value.__cause__ is caught.value.cause


def test_a_panic_in_rust_is_an_error_like_others() -> None:
    """Its class is no Exception."""
    split = pre_tokenizers.Split(Regex("(a|a|aa)+b$"), "isolated")
    with pytest.raises(ForeignError) as caught, foreign_errors():
        split.pre_tokenize_str("a" * 40)
    assert not isinstance(caught.value.__cause__, Exception)
    assert isinstance(caught.value.cause, RuntimeError)


def test_an_error_of_ours_is_no_librarys() -> None:
    error = DataError("it is damaged", "get it again")
    with pytest.raises(DataError) as caught, foreign_errors():
        raise error
    assert caught.value is error


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_a_program_is_no_error(error: type[BaseException]) -> None:
    with pytest.raises(error), foreign_errors():
        raise error


def test_a_call_that_works_is_left_alone() -> None:
    with foreign_errors():
        found = [int("7")]
    assert found == [7]

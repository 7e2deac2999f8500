"""What decides how an answer is trimmed."""

from starcoder_cli import languages
from starcoder_cli.postprocess.trim_options import TrimOptions


def test_by_default_a_block_is_left_that_is_read_when_it_is_whole() -> None:
    options = TrimOptions(languages.find_language("python"))
    assert (options.lines, options.replaced, options.is_prose, options.live) == (
        "block",
        "",
        False,
        False,
    )

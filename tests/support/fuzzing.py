"""What has to hold for any bytes, as targets for a fuzzer.

    python tests/fuzzing.py TARGET [option of libFuzzer ...]

runs one target with atheris (`pip install atheris`), from what is in `tests/corpus/TARGET` on, for
example with `-max_total_time=600`. What it finds belongs into that folder: `test_fuzz.py` goes
through all of it.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from holes import chunked
from starcoder_cli import languages
from starcoder_cli.commands.defaults import read_defaults
from starcoder_cli.errors import ConfigError, DataError, UsageError
from starcoder_cli.files.batch import BatchTask, parse_batch
from starcoder_cli.files.source import Place, Source, Span, decode_source
from starcoder_cli.postprocess.trim import choose_line_mode, trim_answer
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.settings import LineMode
from starcoder_cli.stream import collect
from starcoder_cli.terminal.sanitize import UNSAFE_CHARACTERS, sanitize, to_one_line

CORPUS = Path(__file__).parents[1] / "corpus"
LANGUAGES = ("python", "go", "text", "sql", "html", "haskell", "markdown", "c")
LINES: tuple[LineMode, ...] = ("auto", "one", "block", "many")


def text_of(data: bytes) -> str:
    """Bytes as text, every text there is among them: undecodable ones are surrogates."""
    return data.decode("utf-8", "surrogateescape")


def sanitiser(data: bytes) -> None:
    """Nothing unsafe is left, whatever is done twice is done once, and pieces make the whole."""
    text = text_of(data).replace("\r\n", "\n")
    shown = sanitize(text)
    assert not UNSAFE_CHARACTERS.search(shown)
    assert sanitize(shown) == shown
    assert "".join(map(sanitize, text)) == shown
    line = to_one_line(text, 40)
    assert "\n" not in line
    assert len(line) <= 40


def place(data: bytes) -> None:
    """A place is a range of the text, or an error that says so; what is outside stays."""
    words, _, rest = data.partition(b"\0")
    named = Place.parse("f:" + text_of(words).replace("/", ""))
    source = Source("f", text_of(rest).replace("\0", ""))
    for find in (source.span_of, source.span_after):
        try:
            span = find(named)
        except UsageError:
            continue
        assert 0 <= span.start <= span.end <= len(source.raw)
        whole = source.splice(span, "new")
        assert whole.startswith(source.raw[: span.start])
        assert whole.endswith(source.raw[span.end :])
        source.hole_at(span)
        source.indentation_of(span)
        source.is_inside_line(span)


def batch(data: bytes) -> None:
    """Every line is a task or a fault, and none disturbs another."""
    found = parse_batch(data)
    assert all(isinstance(line.task, BatchTask | DataError) for line in found)
    again = parse_batch(data + b'\n{"prefix": ""}')
    assert list(map(str, again[: len(found)])) == list(map(str, found))
    assert again[-1].task == BatchTask()


def trimmer(data: bytes) -> None:
    """What is left of an answer does not depend on how it arrives; the text around it stays."""
    options, *parts = data.split(b"\0", 3)
    prefix, suffix, answer = (text_of(part) for part in [*parts, b"", b"", b""][:3])
    first, second = [*options, 0, 0][:2]
    language = languages.find_language(LANGUAGES[first % len(LANGUAGES)])
    source = Source("f", prefix + suffix)
    span = Span(len(prefix), len(prefix))
    hole = source.hole_at(span)
    asked = LINES[second % len(LINES)]
    if asked == "auto":
        asked = choose_line_mode(hole, inside_line=source.is_inside_line(span))
    trimming = TrimOptions(language, asked)
    whole = collect(trim_answer(chunked(answer, len(answer) + 1), hole, trimming))
    single = collect(trim_answer(chunked(answer, 1), hole, trimming))
    assert single.text == whole.text
    new = source.splice(span, whole.text)
    assert new.startswith(prefix)
    assert new.endswith(suffix)


def configuration(data: bytes) -> None:
    """A configuration file sets what there is to set, or is an error that names what is wrong."""
    with NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        os.environ["STARCODER_CONFIG"] = file.name
        try:
            read_defaults()
        except ConfigError as error:
            assert file.name in str(error)


def document(data: bytes) -> None:
    """Bytes are text without loss, or an error."""
    try:
        text = decode_source(data, "f")
    except DataError:
        return
    assert text.encode("utf-8", "surrogateescape") == data


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (sanitiser, place, batch, trimmer, configuration, document)
}


def main() -> None:
    """Run the target that is named until libFuzzer has enough."""
    import atheris

    name, *options = sys.argv[1:]
    target = TARGETS[name]
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], str(CORPUS / name), *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

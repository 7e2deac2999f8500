"""Text to token ids and back, using a checkpoint's tokenizer file.

User text is never read as control tokens, and decoding returns exactly what the ids say: no space
is tidied away, and no character is shown before all of its bytes have arrived.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.engines.control_tokens import cut_inside
from starcoder_cli.engines.decoding.growth import grows_too_much
from starcoder_cli.engines.decoding.prompt_lookup import NO_REFERENCES, ReferenceTexts
from starcoder_cli.engines.decoding.slowness import is_too_slow
from starcoder_cli.errors import DataError, MachineError, ProtocolError
from starcoder_cli.model import Prompt, Special
from starcoder_cli.system.foreign import ForeignError, foreign_errors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

GUARD_CHARACTER = "☺"
REPLACEMENT_CHARACTER = "\ufffd"
SENTENCEPIECE_PACKAGES = ("sentencepiece", "protobuf")  # to read tokenizer.model
DETOKENIZER_CONTEXT = 6  # how many preceding tokens may affect how an answer's first one is written


class CheckpointTokenizer:
    """The tokenizer of a checkpoint."""

    def __init__(self, folder: Path, vocabulary_size: int | None = None) -> None:
        """For a model that knows the ids below `vocabulary_size`, or all ids if that is None.

        Raises DataError for a tokenizer that cannot be read, or that fails at a text, as do the
        methods.
        """
        self._folder = folder
        self._vocabulary_size = vocabulary_size
        self._tokenizer = read_tokenizer(folder)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        added = self._tokenizer.get_added_tokens_decoder()
        self._control_ids = {token.content: number for number, token in added.items()}
        # The tokenizer leaves these alone only if they are marked as special. White space that is
        # a token of its own counts as text, and so does a single character.
        self._unmarked_tokens = [
            token.content
            for token in added.values()
            if not token.special and len(token.content.strip()) > 1
        ]
        with tokenizer_errors(folder):
            self._bos_ids = self._tokenizer.encode("", add_special_tokens=True).ids[:1]
            guarded = self._tokenizer.encode(GUARD_CHARACTER, add_special_tokens=False)
        self._references: tuple[tuple[str, ...], ReferenceTexts] = (), NO_REFERENCES
        is_spaced = any(token.startswith("▁") for token in guarded.tokens[:1])
        self._guard_length = len(guarded.ids) if is_spaced else 0

    def encode(self, prompt: Prompt) -> list[int]:
        """The token ids of a prompt: one id for each control token, and text only ever as text.

        Never empty: with nothing to read, a model is given the token that ends a text. Raises
        DataError for an id that the model does not know.
        """
        ids = list(self._bos_ids)
        for piece in prompt.pieces:
            if isinstance(piece, Special):
                ids.append(self._require_control_token_id(piece))
            else:
                ids += self.encode_text(piece, first=ids == self._bos_ids)
        if not ids:
            end_ids = (
                self.control_token_id(stop) for stop in prompt.stop if isinstance(stop, Special)
            )
            ids = [next((end_id for end_id in end_ids if end_id is not None), 0)]
        return self._check_ids(ids)

    def encode_text(self, text: str, *, first: bool = True) -> list[int]:
        """The token ids of user text, in which nothing is a control token.

        Tokenizers of the Llama family put a space before a text, but models were trained that way
        only for the `first` of a prompt (the guard-character trick is from Code Llama's
        `generation.py`). Raises DataError for an id that the model does not know.
        """
        ids: list[int] = []
        for part in cut_inside(text, self._unmarked_tokens):
            guard_length = 0 if first else self._guard_length
            guard = GUARD_CHARACTER if guard_length else ""
            ids += self._encode_plain(guard + part)[guard_length:]
            first = False
        return ids

    def references(self, texts: tuple[str, ...]) -> ReferenceTexts:
        """Texts that drafts can be taken from; the latest ones are kept as token ids."""
        if self._references[0] != texts:
            encode = partial(self._encode_references, texts)
            self._references = texts, ReferenceTexts(encode)
        return self._references[1]

    def _encode_references(self, texts: tuple[str, ...]) -> list[list[int]]:
        return [self.encode_text(text, first=False) for text in texts]

    def control_token_id(self, text: str) -> int | None:
        """The id of a control token, or None if the text is not exactly one."""
        return self._control_ids.get(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, with control tokens written as their names."""
        with tokenizer_errors(self._folder):
            return self._tokenizer.decode(list(ids), skip_special_tokens=False)

    def _encode_plain(self, text: str) -> list[int]:
        # Undecodable bytes of a file are surrogates here, which no tokenizer accepts.
        valid_text = text.encode("utf-8", "replace").decode()
        with tokenizer_errors(self._folder):
            encoded = self._tokenizer.encode(valid_text, add_special_tokens=False)
        return self._check_ids(encoded.ids)

    def _check_ids(self, ids: list[int]) -> list[int]:
        """Return the ids; one beyond the model's embedding would crash the program or the GPU."""
        largest = max(ids, default=0)
        if self._vocabulary_size is not None and largest >= self._vocabulary_size:
            raise DataError(
                f"the tokenizer in {self._folder} has the token {largest}, and its model only "
                f"{self._vocabulary_size} tokens",
                "get the checkpoint again",
            )
        return ids

    def _require_control_token_id(self, special: Special) -> int:
        token = self.control_token_id(special)
        if token is None:
            raise ProtocolError(
                f"the model's tokenizer has no token {special!r}", "choose another model"
            )
        return token


class IncrementalDetokenizer:
    """Turns token ids into text as they come, continuing from the ids read before."""

    def __init__(self, tokenizer: CheckpointTokenizer, context_ids: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._ids = list(context_ids[-DETOKENIZER_CONTEXT:])
        self._emitted = tokenizer.decode(self._ids)

    def append(self, ids: Sequence[int]) -> str:
        """The text that these ids complete; empty while a character still lacks some bytes."""
        self._ids += ids
        decoded = self._tokenizer.decode(self._ids)
        if decoded.endswith(REPLACEMENT_CHARACTER):
            return ""
        text = decoded[len(self._emitted) :]
        self._ids = self._ids[-DETOKENIZER_CONTEXT:]
        self._emitted = self._tokenizer.decode(self._ids)
        return text

    def texts(self, ids: Sequence[int]) -> list[str]:
        """The text that each of these ids would add next."""
        decoded = (self._tokenizer.decode([*self._ids, token]) for token in ids)
        return [text[len(self._emitted) :] for text in decoded]

    def flush(self) -> str:
        """The text held back so far, without a character that was never completed."""
        decoded = self._tokenizer.decode(self._ids).rstrip(REPLACEMENT_CHARACTER)
        return decoded[len(self._emitted) :]


def common_prefix_length(first: Sequence[int], second: Sequence[int]) -> int:
    """The length of the common prefix of two lists of ids."""
    pairs = enumerate(zip(first, second, strict=False))
    return next(
        (index for index, (left, right) in pairs if left != right), min(len(first), len(second))
    )


def read_tokenizer(folder: Path) -> "Tokenizer":
    """The tokenizer of a folder, from its own file or converted to that form by transformers.

    Raises DataError if it is damaged, makes texts far longer or takes far too long, MachineError if
    packages needed to read it are missing.
    """
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if (folder / "tokenizer.model").is_file() and not path.is_file():
        missing = " and ".join(name for name in SENTENCEPIECE_PACKAGES if not package_version(name))
        if missing:
            raise MachineError(
                f"{folder} has no tokenizer.json, and to read tokenizer.model takes {missing}",
                f"run: pip install {missing.replace(' and ', ' ')}",
            )
    with tokenizer_errors(folder, "cannot be read"):
        made = Tokenizer.from_file(str(path)) if path.is_file() else convert_tokenizer(folder)
        steps = (made.normalizer, made.pre_tokenizer, made.post_processor, made.decoder)
        is_bomb = grows_too_much(step.__getstate__() for step in steps if step)
    if is_bomb:
        raise DataError(
            f"the tokenizer in {folder} makes texts far longer than they are",
            "choose another model",
        )
    with tokenizer_errors(folder):
        is_slow = is_too_slow(made)
    if is_slow:
        raise DataError(
            f"the tokenizer in {folder} takes far too long for short texts", "choose another model"
        )
    return made


@contextmanager
def tokenizer_errors(folder: Path, problem: str = "fails") -> Iterator[None]:
    """Raise DataError for whatever the library raises about the tokenizer of a folder."""
    try:
        with foreign_errors():
            yield
    except ForeignError as error:
        raise DataError(
            f"the tokenizer in {folder} {problem}: {error}", "get the checkpoint again"
        ) from error


def convert_tokenizer(folder: Path) -> "Tokenizer":
    """The tokenizer of a folder in an older form, such as vocab.json or tokenizer.model."""
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    tokenizer: Tokenizer = loaded.backend_tokenizer
    return tokenizer


def package_version(package: str) -> str:
    """The version of an installed package, or an empty string if it is not installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(package)
    except PackageNotFoundError:
        return ""

"""Text to token ids and back, by the tokenizer file of a checkpoint.

User text is never read as control tokens, and what comes back is exactly what the ids say: no
space is tidied away, and no character is shown before all of its bytes are there.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.errors import DataError, MachineError, ProtocolError
from starcoder_cli.model import Prompt, Special

if TYPE_CHECKING:
    from tokenizers import Tokenizer

GUARD = "☺"
UNFINISHED = "\ufffd"
SENTENCEPIECE = ("sentencepiece", "protobuf")  # what transformers reads tokenizer.model with
SEED = 6  # how many tokens before an answer may change how its first one is written


class Tokens:
    """The tokenizer of a checkpoint."""

    def __init__(self, folder: Path, vocabulary: int | None = None) -> None:
        """For a model that knows the ids below `vocabulary`, all where it is None.

        Raises DataError for a tokenizer that cannot be read.
        """
        self._folder = folder
        self._vocabulary = vocabulary
        self._tokenizer = read_tokenizer(folder)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        added = self._tokenizer.get_added_tokens_decoder()
        self._control = {token.content: number for number, token in added.items()}
        # The tokenizer leaves these alone only where they are marked as special. White space that
        # is a token of its own is text, and so is a single character.
        self._unmarked = [
            token.content
            for token in added.values()
            if not token.special and len(token.content.strip()) > 1
        ]
        self._opening = self._tokenizer.encode("", add_special_tokens=True).ids[:1]
        guarded = self._tokenizer.encode(GUARD, add_special_tokens=False)
        self._guard = len(guarded.ids) if guarded.tokens[0].startswith("▁") else 0

    def encode(self, prompt: Prompt) -> list[int]:
        """The token ids of a prompt: one id for each control token, text as nothing but text.

        Never empty: without anything to read, a model reads the end of an earlier text. Raises
        DataError for an id that the model does not know.
        """
        ids = list(self._opening)
        for piece in prompt.pieces:
            if isinstance(piece, Special):
                ids.append(self._named(piece))
            else:
                ids += self.text(piece, first=ids == self._opening)
        if not ids:
            ends = (self.token(stop) for stop in prompt.stop if isinstance(stop, Special))
            ids = [next((end for end in ends if end is not None), 0)]
        return self._known(ids)

    def text(self, text: str, *, first: bool = True) -> list[int]:
        """The token ids of user text, in which nothing is a control token.

        Tokenizers of the Llama family put a space before a text: only the `first` of a prompt was
        trained so (the trick with a guard character is that of Code Llama's `generation.py`).
        Raises DataError for an id that the model does not know.
        """
        found = [text.index(token) for token in self._unmarked if token in text]
        if found:
            at = min(found) + 1
            return [*self.text(text[:at], first=first), *self.text(text[at:], first=False)]
        guard = 0 if first else self._guard
        return self._ids(GUARD + text)[guard:] if guard else self._ids(text)

    def token(self, text: str) -> int | None:
        """The id of a control token, or None where the text is not exactly one."""
        return self._control.get(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, control tokens by their names."""
        return self._tokenizer.decode(list(ids), skip_special_tokens=False)

    def _ids(self, text: str) -> list[int]:
        # A file's undecodable bytes are surrogates here, which no tokenizer takes.
        sound = text.encode("utf-8", "replace").decode()
        return self._known(self._tokenizer.encode(sound, add_special_tokens=False).ids)

    def _known(self, ids: list[int]) -> list[int]:
        """These ids: one beyond a model's embedding would end the program, or all use of a GPU."""
        most = max(ids, default=0)
        if self._vocabulary is not None and most >= self._vocabulary:
            raise DataError(
                f"the tokenizer in {self._folder} has the token {most}, and its model only "
                f"{self._vocabulary} tokens",
                "get the checkpoint again",
            )
        return ids

    def _named(self, special: Special) -> int:
        token = self.token(special)
        if token is None:
            raise ProtocolError(
                f"the model's tokenizer has no token {special!r}", "choose another model"
            )
        return token


class Writing:
    """Turns token ids into text as they come, behind those that were read before."""

    def __init__(self, tokens: Tokens, before: Sequence[int]) -> None:
        self._tokens = tokens
        self._ids = list(before[-SEED:])
        self._shown = tokens.decode(self._ids)

    def write(self, ids: Sequence[int]) -> str:
        """The text that these ids complete; empty while a character lacks some of its bytes."""
        self._ids += ids
        whole = self._tokens.decode(self._ids)
        if whole.endswith(UNFINISHED):
            return ""
        text = whole[len(self._shown) :]
        self._ids = self._ids[-SEED:]
        self._shown = self._tokens.decode(self._ids)
        return text

    def rest(self) -> str:
        """What was held back, without a character that was never finished."""
        whole = self._tokens.decode(self._ids).rstrip(UNFINISHED)
        return whole[len(self._shown) :]


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two texts have in common before they differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def read_tokenizer(folder: Path) -> "Tokenizer":
    """The tokenizer of a folder, from its own file or brought into that form by transformers.

    Raises DataError for one that is damaged, MachineError where packages that read it are lacking.
    """
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if (folder / "tokenizer.model").is_file() and not path.is_file():
        lacking = " and ".join(name for name in SENTENCEPIECE if not version(name))
        if lacking:
            raise MachineError(
                f"{folder} has no tokenizer.json, and to read tokenizer.model takes {lacking}",
                f"run: pip install {lacking.replace(' and ', ' ')}",
            )
    try:
        if path.is_file():
            return Tokenizer.from_file(str(path))
        return converted(folder)
    except Exception as error:  # the library raises nothing narrower
        raise DataError(
            f"the tokenizer in {folder} cannot be read: {error}", "get the checkpoint again"
        ) from error


def converted(folder: Path) -> "Tokenizer":
    """The tokenizer of a folder in an older form, such as vocab.json or tokenizer.model."""
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    tokenizer: Tokenizer = loaded.backend_tokenizer
    return tokenizer


def version(package: str) -> str:
    """The version of an installed package, empty where it is not installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(package)
    except PackageNotFoundError:
        return ""

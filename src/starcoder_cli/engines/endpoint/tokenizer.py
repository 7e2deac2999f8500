"""Prompts as token ids, by a server's own tokenizer, so that user text never is a control token.

llama.cpp's server can be told to read none in a text. vLLM's cannot: there a text that has some is
cut in two inside each of them, until no part of it is read as one.
"""

import re
from collections.abc import Callable, Sequence

from starcoder_cli.errors import ProtocolError
from starcoder_cli.model import Prompt, Special
from starcoder_cli.prompts.chat_formats import CHAT_FORMATS
from starcoder_cli.prompts.fim_formats import FORMATS

Tokens = Sequence[tuple[int, str]]
Tokenize = Callable[[str, bool, bool], Tokens]
"""The tokens of a text, given whether the token that opens a prompt comes first, and whether
control tokens are wanted as such."""

# No vocabulary that was looked at has an ordinary token of this form that occurs in code.
CONTROL = re.compile(r"▁?(<.*\w.*>|\[/?[A-Z][A-Z_]*\])", re.DOTALL)
PROBE = "a"


def specials() -> list[str]:
    """Every control token that a prompt of ours may have in it or end at."""
    gaps = (each for form in FORMATS.values() for each in (*form.specials(), *form.stop))
    chats = (each for form in CHAT_FORMATS.values() for each in (*form.specials(), *form.stop))
    return sorted({str(each) for each in (*gaps, *chats) if isinstance(each, Special)})


class Spelling:
    """Turns prompts into ids with the tokenizer of a server."""

    def __init__(self, tokenize: Tokenize) -> None:
        self._tokenize = tokenize
        self._opening: list[int] | None = None
        self._ids: dict[str, int | None] | None = None

    def encode(self, prompt: Prompt) -> list[int]:
        """The ids of a prompt: one for each control token, text as nothing but text."""
        ids = list(self.opening())
        for piece in (*prompt.pieces, prompt.begun):
            if isinstance(piece, Special):
                ids.append(self.named(piece))
            else:
                ids += self.text(piece)
        return ids

    def text(self, text: str) -> list[int]:
        """The ids of user text, in which nothing is a control token."""
        if not text:
            return []
        tokens = self._tokenize(text, False, False)
        found = [at for _, written in tokens if (at := self._place(written, text)) >= 0]
        if not found:
            return [number for number, _ in tokens]
        at = min(found)
        return [*self.text(text[:at]), *self.text(text[at:])]

    def token(self, text: str) -> int | None:
        """The id of a control token, or None where the text is not exactly one."""
        if self._ids is None:
            self._ids = self._known(specials())
        if text not in self._ids:
            self._ids |= self._known([text])
        return self._ids[text]

    def named(self, special: Special) -> int:
        """The id of a control token that is needed."""
        token = self.token(special)
        if token is None:
            raise ProtocolError(f"the endpoint's model has no token {special!r}", "see --fim")
        return token

    def opening(self) -> list[int]:
        """The ids that the model wants at the beginning of every prompt."""
        if self._opening is None:
            with_it = [number for number, _ in self._tokenize(PROBE, True, False)]
            alone = [number for number, _ in self._tokenize(PROBE, False, False)]
            before = len(with_it) - len(alone)
            self._opening = with_it[:before] if with_it[before:] == alone else []
        return self._opening

    def _known(self, names: Sequence[str]) -> dict[str, int | None]:
        """The ids of some texts, as far as they are control tokens, all asked for at once."""
        found = {text: number for number, text in self._tokenize("".join(names), False, True)}
        return {name: found.get(name) for name in names}

    def _place(self, written: str, text: str) -> int:
        """Where to cut a text so that a control token in it is none; -1 where it is no such."""
        if not CONTROL.fullmatch(written):
            return -1
        bare = written.removeprefix("▁")
        return text.find(bare) + 1 if len(bare) > 1 and bare in text else -1

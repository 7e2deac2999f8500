"""Prompts as token ids from a server's own tokenizer, so that user text is never a control token.

llama.cpp's server can be asked not to parse any in a text. vLLM's cannot, so there a text is cut
in two inside each control token in it, until no part is read as one. All parts are sent at once,
separated by one of the model's control tokens, which no tokenizer reads across.
"""

import re
from collections.abc import Callable, Collection, Sequence

from starcoder_cli.engines.control_tokens import cut_inside
from starcoder_cli.errors import ProtocolError
from starcoder_cli.model import Prompt, Special
from starcoder_cli.prompts.chat_formats import CHAT_FORMATS
from starcoder_cli.prompts.fim_formats import FIM_FORMATS

TokenTexts = Sequence[tuple[int, str]]
TokenizeCall = Callable[[str, bool, bool], TokenTexts]
"""Tokenizes a text, given whether to put the token that begins a prompt first, and whether to
parse control tokens in the text."""

# No vocabulary we looked at has an ordinary token of this form that occurs in code.
CONTROL_TOKEN_PATTERN = re.compile(r"▁?(<(?=.*\w).*>|\[/?[A-Z][A-Z_]*\])", re.DOTALL)
MAX_CUTS = 30
"""How often cutting the known control tokens in a text may reveal more of them in the rest."""

PROBE = "a"
BYTES_PER_TOKEN = 3.5
"""Roughly how many bytes of code a token stands for."""


def all_control_tokens() -> list[str]:
    """Every control token that one of our prompts may contain or end at."""
    fim_tokens = (
        token for row in FIM_FORMATS.values() for token in (*row.control_tokens(), *row.stop)
    )
    chat_tokens = (
        token for row in CHAT_FORMATS.values() for token in (*row.control_tokens(), *row.stop)
    )
    return sorted(
        {str(token) for token in (*fim_tokens, *chat_tokens) if isinstance(token, Special)}
    )


class RemoteTokenizer:
    """Turns prompts into ids with the tokenizer of a server."""

    def __init__(self, tokenize: TokenizeCall) -> None:
        self._tokenize = tokenize
        self._bos_ids: list[int] | None = None
        self._ids_by_text: dict[str, int | None] | None = None

    def encode(self, prompt: Prompt) -> list[int]:
        """The ids of a prompt: one for each control token, and text only ever as text."""
        ids = list(self.bos_ids())
        for piece in (*prompt.pieces, prompt.forced_prefix):
            if isinstance(piece, Special):
                ids.append(self.require_token_id(piece))
            else:
                ids += self.encode_text(piece)
        return ids

    def encode_text(self, text: str) -> list[int]:
        """The ids of user text, in which nothing is a control token."""
        if not text:
            return []
        tokens = self._tokenize(text, False, False)
        names = find_control_tokens(tokens, text)
        if not names:
            return [token_id for token_id, _ in tokens]
        separator, separator_id = self._separator(tokens, names)
        names.add(separator.removeprefix("▁"))
        for _ in range(MAX_CUTS):
            parts = cut_inside(text, names)
            tokens = self._tokenize(separator.join(parts), False, True)
            inside = [token for token in tokens if token[0] != separator_id]
            found = find_control_tokens(inside, text)
            if found <= names:
                break
            names |= found
        if found or len(tokens) - len(inside) != len(parts) - 1:
            raise ProtocolError(
                "the endpoint reads control tokens in the text however it is cut",
                f"the text has {min(names)} in it: take it out",
            )
        return [token_id for token_id, _ in inside]

    def token_id(self, text: str) -> int | None:
        """The id of a control token, or None if the text is not exactly one."""
        if text not in self._known_ids():
            self._known_ids().update(self._look_up_ids([text]))
        return self._known_ids()[text]

    def require_token_id(self, special: Special) -> int:
        """The id of a control token; raises ProtocolError if the model does not have it."""
        token_id = self.token_id(special)
        if token_id is None:
            raise ProtocolError(f"the endpoint's model has no token {special!r}", "see --fim")
        return token_id

    def bos_ids(self) -> list[int]:
        """The ids that the model expects at the beginning of every prompt."""
        if self._bos_ids is None:
            ids_with_bos = [token_id for token_id, _ in self._tokenize(PROBE, True, False)]
            ids_alone = [token_id for token_id, _ in self._tokenize(PROBE, False, False)]
            bos_count = len(ids_with_bos) - len(ids_alone)
            self._bos_ids = (
                ids_with_bos[:bos_count] if ids_with_bos[bos_count:] == ids_alone else []
            )
        return self._bos_ids

    def _known_ids(self) -> dict[str, int | None]:
        """The ids of all control tokens looked up so far, including ours."""
        if self._ids_by_text is None:
            self._ids_by_text = self._look_up_ids(all_control_tokens())
        return self._ids_by_text

    def _look_up_ids(self, names: Sequence[str]) -> dict[str, int | None]:
        """Look up several control tokens at once; None for a text that is not one."""
        ids_by_text = {
            text: token_id for token_id, text in self._tokenize("".join(names), False, True)
        }
        return {name: ids_by_text.get(name) for name in names}

    def _separator(self, tokens: TokenTexts, names: Collection[str]) -> tuple[str, int]:
        """A control token of the model: the longest that we know of, as the safest."""
        known = {text: number for text, number in self._known_ids().items() if number is not None}
        read = {text.removeprefix("▁"): number for number, text in tokens}
        separators = known or {name: read[name] for name in names}
        return max(separators.items(), key=lambda pair: len(pair[0]))


def find_control_tokens(tokens: TokenTexts, text: str) -> set[str]:
    """The texts that occur in a text and were read as control tokens."""
    token_texts = {token_text for _, token_text in tokens}
    names = {
        token_text.removeprefix("▁")
        for token_text in token_texts
        if CONTROL_TOKEN_PATTERN.fullmatch(token_text)
    }
    return {name for name in names if name in text}

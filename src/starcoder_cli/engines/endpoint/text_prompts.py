"""Prompts as text, for servers that offer no tokenizer: control tokens are text there too.

Such a server may mistake text that somebody wrote for a control token, and may write out those
that end an answer, whatever stop texts it was given.
"""

from starcoder_cli.engines.endpoint.tokenizer import all_control_tokens
from starcoder_cli.model import Prompt, Special
from starcoder_cli.prompts.fim import FimFormat


def spell_prompt(prompt: Prompt) -> str:
    """A prompt as one text, never empty."""
    return to_valid_utf8("".join(map(as_text, (*prompt.pieces, prompt.forced_prefix)))) or "\n"


def as_text(piece: str) -> str:
    """A piece of a prompt sent as text: Code Llama's tokens then begin with a space."""
    has_space_mark = isinstance(piece, Special) and piece.startswith("▁")
    return f" {piece[1:]}" if has_space_mark else str(piece)


def to_valid_utf8(text: str) -> str:
    """Replace what was not valid UTF-8 in a file, because servers do not accept surrogates."""
    return text.encode("utf-8", "replace").decode()


def user_text(prompt: Prompt) -> str:
    """The text of a prompt without its control tokens."""
    pieces = (*prompt.pieces, prompt.forced_prefix)
    return "\n".join(piece for piece in pieces if not isinstance(piece, Special))


def find_control_token(text: str) -> str | None:
    """A control token of any family that occurs in a text, or None."""
    return next((token for token in all_control_tokens() if token in text), None)


def stop_texts(prompt: Prompt, form: FimFormat | None) -> list[str]:
    """The stop texts to send to a server: the family's end tokens that the prompt lacks."""
    text = user_text(prompt)
    stops = (stop for stop in prompt.stop if form and stop in form.stop)
    return [as_text(stop) for stop in stops if bare_text(stop) not in text]


def end_texts(prompt: Prompt, form: FimFormat | None) -> tuple[str, ...]:
    """The texts that an answer is cut at whatever its server does: every token of the family.

    A text that contains such a token is about them, so its answer may contain it as well.
    """
    text = user_text(prompt)
    tokens = [stop for stop in prompt.stop if isinstance(stop, Special)]
    tokens += [*form.stop, *sorted(form.control_tokens())] if form else []
    kept = [token for token in dict.fromkeys(tokens) if bare_text(token) not in text]
    return tuple(dict.fromkeys(end for token in kept for end in (as_text(token), bare_text(token))))


def bare_text(token: str) -> str:
    """A control token without the leading mark that stands for a space."""
    return token.removeprefix("▁")

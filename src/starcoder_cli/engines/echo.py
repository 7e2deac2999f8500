"""A model that writes its prompt back: `--model echo` shows what would be sent."""

from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.stream import Chunk, Reason, Stream


class EchoModel:
    """Counts a character as a token, and knows every control token."""

    engine = "echo"
    window = 1 << 20
    chat_template = ""

    def stream(self, prompt: Prompt, sampling: Sampling) -> Stream:
        """The pieces of the prompt, at most `max_tokens` of them, the last one unhealed."""
        whole = prompt.pieces
        if prompt.begun:
            whole = (*whole[:-1], whole[-1] + prompt.begun)
        pieces = whole[: sampling.max_tokens]
        read = len(whole)
        for piece in pieces:
            yield Chunk(piece, prompt_tokens=read)
        reason: Reason = "stop" if len(pieces) == read else "length"
        yield Chunk("", 0, reason, read)

    def count(self, text: str) -> int:
        """One for each character."""
        return len(text)

    def token(self, text: str) -> int | None:
        """A number for whatever looks like a control token."""
        return hash(text) if text.startswith(("<", "[")) else None

    def close(self) -> None:
        """Nothing is held."""

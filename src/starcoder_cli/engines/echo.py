"""A model that echoes its prompt: `--model echo` shows what would be sent."""

from starcoder_cli.model import SPELLS_NOTHING, Question, Sampling, as_prompt
from starcoder_cli.stream import Chunk, FinishReason, Stream


class EchoModel:
    """Counts a character as a token, and knows every control token."""

    engine = "echo"
    window = 1 << 20
    chat_template = ""
    spells = SPELLS_NOTHING

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """Yield up to `max_tokens` pieces of the prompt, with the last one's healing undone."""
        prompt = as_prompt(question)
        prompt_pieces = prompt.pieces
        if prompt.forced_prefix:
            prompt_pieces = (*prompt_pieces[:-1], prompt_pieces[-1] + prompt.forced_prefix)
        pieces = prompt_pieces[: sampling.max_tokens]
        prompt_tokens = len(prompt_pieces)
        for piece in pieces:
            yield Chunk(piece, prompt_tokens=prompt_tokens)
        reason: FinishReason = "stop" if len(pieces) == prompt_tokens else "length"
        yield Chunk("", 0, reason, prompt_tokens)

    def tokenize(self, text: str) -> list[int]:
        """The code point of each character."""
        return list(map(ord, text))

    def count(self, text: str) -> int:
        """The number of characters."""
        return len(text)

    def has_token(self, text: str) -> bool:
        """Whether the text looks like a control token."""
        return text.startswith(("<", "["))

    def close(self) -> None:
        """There is nothing to release."""

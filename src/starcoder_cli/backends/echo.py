"""A model that writes its prompt back: `--model echo` shows what would be sent."""

from starcoder_cli.model import Sampling
from starcoder_cli.prompt import Prompt
from starcoder_cli.stream import Chunk, Stream


class EchoModel:
    """Counts a character as a token, and knows every control token."""

    window = 1 << 20

    def stream(self, prompt: Prompt, sampling: Sampling) -> Stream:
        """The pieces of the prompt, at most `max_tokens` of them."""
        for piece in prompt.pieces[: sampling.max_tokens]:
            yield Chunk(piece)
        yield Chunk("", 0, "stop", prompt_tokens=len(prompt.pieces))

    def count(self, text: str) -> int:
        """One for each character."""
        return len(text)

    def token(self, text: str) -> int | None:
        """A number for whatever looks like a control token."""
        return hash(text) if text.startswith(("<", "[")) else None

    def close(self) -> None:
        """Nothing is held."""

"""How many of something there are, in words."""


def counted(count: int, noun: str) -> str:
    """A number and what it counts: `1 line`, `1,200 lines`; the plural adds an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

"""Counts in words."""


def counted(count: int, noun: str) -> str:
    """Format a count: `1 line`, `1,200 lines`; the plural adds an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def counted_of(part: int, count: int, noun: str) -> str:
    """Format a part of a count: `1 of 1 line`, `1 of 3 lines`."""
    return f"{part:,} of {counted(count, noun)}"


def numbered(count: int, noun: str) -> str:
    """Describe a range of numbers: `its lines are 1 to 3`, `its only line is 1`."""
    return f"its {noun}s are 1 to {count}" if count != 1 else f"its only {noun} is 1"

"""Names that are close to one that there is not."""

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names up to three names like this one; empty where there is none."""
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), list(known), 3)
    return f"did you mean {' or '.join(close)}?" if close else ""

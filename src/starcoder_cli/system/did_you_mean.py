"""Suggest names similar to an unknown one."""

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that suggests up to three similar names; empty if there are none."""
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), list(known), 3)
    return f"did you mean {' or '.join(close)}?" if close else ""

"""What a row of measurements says in a few numbers."""


def mean(values: list[float]) -> float:
    """The sum of the values, divided by how many there are."""
    return sum(values) / len(values)


def moving_average(values: list[float], width: int) -> list[float]:
    """The mean of each `width` values that stand side by side."""


def spread(values: list[float]) -> float:
    """How far the smallest and the largest value are apart."""
    return max(values) - min(values)

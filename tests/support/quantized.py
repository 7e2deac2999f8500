"""Quantized matrices as numbers."""

from typing import Any

import numpy

from starcoder_cli.engines.openvino.rounding import QuantizedMatrix


def read_back(matrix: QuantizedMatrix) -> Any:
    """What a matrix stands for, of shape [rows, columns]."""
    numbers = matrix.numbers
    if numbers.dtype == numpy.uint8:
        pairs = numpy.stack((numbers & 15, numbers >> 4), axis=-1)
        numbers = pairs.reshape(*numbers.shape[:2], -1)
    zeros = 0 if matrix.zeros is None else matrix.zeros.astype(numpy.float32)
    found = (numbers.astype(numpy.float32) - zeros) * matrix.scales.astype(numpy.float32)
    if matrix.offsets is not None:
        found += matrix.offsets.astype(numpy.float32)[..., None]
    return found.reshape(len(found), -1)

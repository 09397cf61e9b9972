"""Shapes of a fall from 1 to a floor, each a share ``g`` of the way done at a share ``x`` of the time."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lrlab.schedules.protocol import Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape, for a number and for an array; ``g(0) = 0``, ``g(1) = 1``, never falling.

    Args:
        of: For a number in ``[0, 1]``.
        many: For an array of them.
    """

    of: Callable[[float], float]
    many: Callable[[Values], Values]


SHAPES = {
    "linear": Shape(of=lambda x: x, many=lambda x: x),
    "cosine": Shape(
        of=lambda x: 0.5 * (1.0 - math.cos(math.pi * x)),
        many=lambda x: 0.5 * (1.0 - np.cos(math.pi * x)),
    ),
    "sqrt": Shape(of=math.sqrt, many=np.sqrt),
    "square": Shape(of=lambda x: x * x, many=lambda x: x * x),
}


def fallen(floor: float, done: float) -> float:
    """Where a fall from 1 to ``floor`` is when ``done`` of the way lies behind it."""
    return max(1.0 - (1.0 - floor) * done, floor)


def all_fallen(floor: float, done: Values) -> Values:
    """``fallen`` for an array."""
    result: Values = np.maximum(1.0 - (1.0 - floor) * done, floor)
    return result

"""Fewer points that draw the same line: the first, last, lowest and highest of every column are kept."""

import math

import numpy as np
from numpy.typing import NDArray

from lrlab.core.errors import SpecError


def m4(x: NDArray[np.float64], y: NDArray[np.float64], *, points: int) -> NDArray[np.int64]:
    """Indices of at most ``points`` points that look like the whole series.

    The x axis is cut into columns of equal width; each keeps its first, last, lowest and highest point, so no
    spike is lost and the first and last points stay. The width is a power of two and columns start at its
    multiples, so points that are added at the end leave full columns as they were while the width stays.

    Args:
        x: Places, ascending and finite; shape ``[n]``.
        y: Values, finite; shape ``[n]``.
        points: How many may be kept; at least 8.

    Returns:
        Indices into ``x``, ascending; all of them where there are no more than ``points``.

    Raises:
        SpecError: If the lengths differ, ``points`` is below 8, or ``x`` does not ascend.

    References:
        Jugel et al., M4: A Visualization-Oriented Time Series Data Aggregation, VLDB 2014, section 4.2.
    """
    if len(x) != len(y):
        raise SpecError(f"m4: x and y must have one length, got {len(x)} and {len(y)}.")
    if points < 8:
        raise SpecError(f"m4: points must be at least 8, got {points}.")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (np.diff(x) >= 0).all()):
        raise SpecError("m4: x must ascend, and x and y must be finite.")
    count = len(x)
    if count <= points:
        return np.arange(count)
    span = float(x[-1] - x[0])
    # One column more than asked for can come from the alignment of the first.
    finest = span / (points // 4 - 1)
    width = 2.0 ** math.ceil(math.log2(finest)) if finest > 0 else 1.0
    column = np.floor(x / width) - np.floor(x[0] / width)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(column)) + 1))
    ends = np.concatenate((starts[1:], [count])) - 1
    sizes = ends - starts + 1
    # Of equal values the first of the lowest and the last of the highest, so that the choice has one rule.
    lowest = np.flatnonzero(y == np.repeat(np.minimum.reduceat(y, starts), sizes))
    highest = np.flatnonzero(y == np.repeat(np.maximum.reduceat(y, starts), sizes))
    lowest = lowest[np.searchsorted(lowest, starts)]
    highest = highest[np.searchsorted(highest, ends, side="right") - 1]
    return np.unique(np.concatenate((starts, ends, lowest, highest)))

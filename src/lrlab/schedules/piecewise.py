"""Any curve, from points."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.schedules.checks import choice, number, put, step_count
from lrlab.schedules.evaluate import as_steps, real_jumps
from lrlab.schedules.protocol import ClosedForm, Steps, Values

BETWEEN = ("linear", "constant")
Points = tuple[tuple[int, float], ...]


def piecewise(points: Points, *, between: str = "linear") -> ClosedForm:
    r"""Go through given points.

    .. math:: m(t) = v_i + (v_{i+1} - v_i)\,\frac{t - a_i}{a_{i+1} - a_i}, \quad a_i \le t < a_{i+1}

    and :math:`v_i` alone where it is constant between points. Before the first point its value holds, and after the
    last one the last.

    Args:
        points: Pairs of a step ``a`` (ascending) and a multiplier ``v`` (at least 0); at least one.
        between: ``"linear"``, or ``"constant"``: each value holds until the next point.

    Returns:
        The schedule; multipliers lie between the least and the largest value.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        David Page, How to Train Your ResNet, 2018 (lines between points); TensorFlow, ``PiecewiseConstantDecay``.

    Example:
        >>> curve = piecewise(((0, 0.0), (10, 1.0), (20, 0.5)))
        >>> [curve(t) for t in (0, 5, 10, 15, 99)]
        [0.0, 0.5, 1.0, 0.75, 0.5]
    """
    return Piecewise(points=points, between=between)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piecewise:
    """See ``piecewise``."""

    name: ClassVar[str] = "piecewise"

    points: Points
    between: str = "linear"

    def __post_init__(self) -> None:
        given = self.points
        pairs = isinstance(given, tuple | list) and all(
            isinstance(p, tuple | list) and len(p) == 2 for p in given
        )
        if not pairs or not given:
            raise SpecError(
                f"piecewise: points must be pairs of a step and a multiplier, got {given!r:.60}.",
                hint="Such as ((0, 0.0), (100, 1.0), (900, 0.1)).",
            )
        points = tuple(
            (step_count(self.name, at, least=0, what="points"), number(self.name, "points", value, least=0))
            for at, value in given
        )
        for (one, _), (other, _) in pairwise(points):
            if other <= one:
                raise SpecError(f"piecewise: the steps of points must ascend, got {other} after {one}.")
        put(self, points=points)
        choice(self.name, "between", self.between, BETWEEN)

    @property
    def bounds(self) -> tuple[float, float]:
        """See ``ClosedForm``."""
        given = [value for _, value in self.points]
        return min(given), max(given)

    @property
    def end(self) -> int:
        """See ``ClosedForm``."""
        return self.points[-1][0]

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        points = self.points
        after = bisect_right(points, (step, math.inf))
        begin, low = points[max(after - 1, 0)]
        if after in (0, len(points)) or self.between == "constant":
            return low
        stop, high = points[after]
        return low + (high - low) * ((step - begin) / (stop - begin))

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        at = as_steps(steps)
        places, given = np.array(self.points, dtype=np.float64).T
        after = np.searchsorted(places, at, side="right")
        now, then = np.maximum(after - 1, 0), np.minimum(after, len(places) - 1)
        if self.between == "constant":
            constant: Values = given[now]
            return constant
        inside = then > now  # neither before the first point nor after the last
        x = np.divide(at - places[now], places[then] - places[now], out=np.zeros_like(at), where=inside)
        result: Values = given[now] + (given[then] - given[now]) * x
        return result

    def jumps(self, until: int, /) -> tuple[int, ...]:
        """See ``ClosedForm``."""
        if self.between == "linear":
            return ()
        return real_jumps(self, (at for at, _ in self.points[1:] if at < until))

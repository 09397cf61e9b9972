"""Decay along a hyperbolic tangent."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.schedules.checks import number, put
from lrlab.schedules.decay import Decay
from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values


def tanh(steps: int, *, low: float = -6.0, high: float = 3.0, floor: float = 0.0) -> ClosedForm:
    r"""Stay high, fall in the middle, and settle, along a piece of a hyperbolic tangent.

    .. math:: m(t) = f + (1-f)\,\tfrac12\bigl(1 - \tanh(L + (U-L)\,\min(t, T)/T)\bigr)

    As in the paper the ends are not exact: with the defaults it starts at 1 - 6e-6 and ends 0.0025 above the floor.

    Args:
        steps: Length of the decay ``T``, in optimizer steps; at least 1.
        low: Where the piece begins, ``L``; in ``[-20, 20]``.
        high: Where it ends, ``U``; above ``low`` and at most 20.
        floor: Multiplier ``f`` that the end approaches; in ``[0, 1]``.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        Hsueh, Li and Wu, Stochastic Gradient Descent with Hyperbolic-Tangent Decay on Classification, WACV 2019,
        https://arxiv.org/abs/1806.01593.

    Example:
        >>> [round(tanh(90)(t), 4) for t in (0, 60, 90)]
        [1.0, 0.5, 0.0025]
    """
    return Tanh(steps=steps, low=low, high=high, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tanh(Decay):
    """See ``tanh``."""

    name: ClassVar[str] = "tanh"

    low: float = -6.0
    high: float = 3.0

    def __post_init__(self) -> None:
        Decay.__post_init__(self)  # not super(): a class with slots is made twice
        put(self, low=number(self.name, "low", self.low, least=-20, most=20))
        put(self, high=number(self.name, "high", self.high, least=-20, most=20))
        if self.high <= self.low:
            raise SpecError(f"tanh: high must be above low, got low {self.low:g} and high {self.high:g}.")

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        at = self.low + (self.high - self.low) * min(step, self.steps) / self.steps
        return self.floor + (1.0 - self.floor) * (0.5 * (1.0 - math.tanh(at)))

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        at = self.low + (self.high - self.low) * np.minimum(as_steps(steps), self.steps) / self.steps
        result: Values = self.floor + (1.0 - self.floor) * (0.5 * (1.0 - np.tanh(at)))
        return result

"""Reflected exponential decay."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.schedules.decay import Decay
from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values
from lrlab.schedules.shapes import all_fallen, fallen


def rex(steps: int, *, floor: float = 0.0) -> ClosedForm:
    r"""Decay from 1 to ``floor``, slowly first and steeply at the end.

    .. math:: m(t) = f + (1-f)\,\frac{1-x}{\tfrac12 + \tfrac12(1-x)}, \quad x = \min(t, T)/T

    Args:
        steps: Length of the decay ``T``, in optimizer steps; at least 1.
        floor: Multiplier ``f`` at the end and afterwards; in ``[0, 1]``.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``.

    Raises:
        SpecError: If an argument is outside its range.

    References:
        Chen, Wolfe and Kyrillidis, REX: Revisiting Budgeted Training with an Improved Schedule, MLSys 2022,
        https://arxiv.org/abs/2107.04197.

    Example:
        >>> [round(rex(100)(t), 3) for t in (0, 50, 90, 100)]
        [1.0, 0.667, 0.182, 0.0]
    """
    return Rex(steps=steps, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rex(Decay):
    """See ``rex``."""

    name: ClassVar[str] = "rex"

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        if step >= self.steps:
            return self.floor
        x = step / self.steps
        return fallen(self.floor, x / (2.0 - x))

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        x = np.minimum(as_steps(steps), self.steps) / self.steps
        return np.where(x >= 1.0, self.floor, all_fallen(self.floor, x / (2.0 - x)))

"""Linear decay."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.schedules.decay import Decay
from lrlab.schedules.evaluate import as_steps
from lrlab.schedules.protocol import ClosedForm, Steps, Values


def linear(steps: int, *, floor: float = 0.0) -> ClosedForm:
    r"""Decay from 1 to ``floor`` along a line.

    .. math:: m(t) = 1 - (1-f)\,\min(t, T)/T

    Args:
        steps: Length of the decay ``T``, in optimizer steps; at least 1.
        floor: Multiplier ``f`` at the end and afterwards; in ``[0, 1]``.

    PyTorch's ``LinearLR`` has a start factor besides (here: ``join.warmup``), and multiplies the rate that is there, step
    by step, which adds up rounding errors of about 1e-16 a step.

    Returns:
        The schedule; multipliers lie in ``[floor, 1]``.

    Raises:
        SpecError: If ``steps`` or ``floor`` is outside its range.

    References:
        Defazio et al., Optimal Linear Decay Learning Rate Schedules and Further Refinements, 2023,
        https://arxiv.org/abs/2310.07831.

    Example:
        >>> decay = linear(100, floor=0.1)
        >>> [round(decay(t), 3) for t in (0, 50, 100, 500)]
        [1.0, 0.55, 0.1, 0.1]
    """
    return Linear(steps=steps, floor=floor)


def budgeted(steps: int) -> ClosedForm:
    r"""Decay from 1 to 0 along a line over the whole budget, whatever the budget is.

    .. math:: m(t) = 1 - \min(t, T)/T

    Args:
        steps: Length of the training ``T``, in optimizer steps; at least 1.

    Returns:
        ``linear(steps)``, under the name that the paper gives it.

    Raises:
        SpecError: If ``steps`` is outside its range.

    References:
        Li, Yumer and Ramanan, Budgeted Training, ICLR 2020, https://arxiv.org/abs/1905.04753.

    Example:
        >>> budgeted(10) == linear(10)
        True
    """
    return Linear(steps=steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Decay):
    """See ``linear``."""

    name: ClassVar[str] = "linear"

    def __call__(self, step: float, /) -> float:
        """See ``Schedule``."""
        if step >= self.steps:
            return self.floor
        return max(1.0 - (1.0 - self.floor) * step / self.steps, self.floor)

    def values(self, steps: Steps, /) -> Values:
        """See ``ClosedForm``."""
        at = as_steps(steps)
        line = np.maximum(1.0 - (1.0 - self.floor) * at / self.steps, self.floor)
        return np.where(at >= self.steps, self.floor, line)
